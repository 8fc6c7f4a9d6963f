"""Knows what the reports of pytest-json-report, pytest-html and pytest-metadata say about the run, when they are there.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.records import RECORDS, SAVED_REMARK, as_plain, count_text, plain
from pytest_parity.settings import runs_tests

if TYPE_CHECKING:
    from pytest_parity.judge import Judge

_FOR_A_TEST = ("target", "outcome", "level", "blocks", "mode", "state", "conditions")


class OtherReports:
    """The hooks of other report plugins; without them, nothing calls these."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Keep what will be told."""
        self._config = config
        self._judge = judge

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Put one line into the environment table of pytest-metadata, which pytest-html shows, too.

        Its own hook is called before there is a verdict.
        """
        metadata = _metadata(self._config)
        if metadata is None or not runs_tests(self._config):
            return
        verdict = self._judge.base()
        if verdict.active:
            metadata["parity"] = plain(verdict.header.removeprefix("parity: "))

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        """Add the run's summary, and to each perf test its verdict and conditions."""
        records = self._config.stash[RECORDS]
        if self._is_silent():
            return
        json_report["parity"] = records.summary()
        for test in json_report.get("tests", ()):
            record = records.of(str(test.get("nodeid")))
            if record is not None:
                told = as_plain(record)
                test.setdefault("metadata", {})["parity"] = {name: told[name] for name in _FOR_A_TEST}

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Add one line above the results."""
        if self._is_silent():
            return
        summary = self._config.stash[RECORDS].summary()
        told = [
            f"{one['target']}: {one['outcome']} ({one['level']}){SAVED_REMARK * one['saved']}. {one['headline']}"
            for one in summary["judgements"]
        ]
        text = "parity: " + "; ".join([*told, count_text(summary["counts"])])
        prefix.append(f"<p>{html.escape(_on_one_line(text))}</p>")

    def _is_silent(self) -> bool:
        """Tell whether there is nothing to say: no verdict, and no perf test with one of its own."""
        verdict = self._judge.run_verdict
        return (verdict is None or not verdict.active) and not self._config.stash[RECORDS].all()


def _on_one_line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)


def _metadata(config: pytest.Config) -> dict[str, Any] | None:
    """Return the table of pytest-metadata, None without that plugin."""
    if not hasattr(config.hook, "pytest_metadata"):
        return None
    try:
        from pytest_metadata.plugin import metadata_key
    except ImportError:
        return None
    found: dict[str, Any] | None = config.stash.get(metadata_key, None)
    return found
