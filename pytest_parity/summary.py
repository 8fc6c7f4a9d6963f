"""Knows what is said in the terminal: one header line, and a section at the end if perf tests were selected.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.message import set_message
from pytest_parity.settings import runs_tests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_parity.judge import Judge
    from pytest_parity.settings import Settings
    from pytest_parity.verdict import Verdict

_MAX_DEVICE_KINDS = 3

WORDS = {"timings_single_gpu": "single-GPU timings", "timings_multi_gpu": "multi-GPU timings"}


class IdleHeader:
    """Says that options were given but there is no target to judge against."""

    def __init__(self, settings: Settings) -> None:
        """Keep the settings, whose sources are named."""
        given = sorted(settings.sources.values())
        self._options = ", ".join([*given, "--parity-report"] if settings.reports else given)

    def pytest_report_header(self, config: pytest.Config) -> str | None:
        """Return the header line."""
        if hasattr(config, "workerinput"):
            return None
        return f"parity: no target, nothing is judged ({self._options} without effect)"


class Summary:
    """Counts what became of perf tests, in the process that has the terminal."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Count nothing yet."""
        self._config = config
        self._judge = judge
        self._states: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
        self._headlines: dict[tuple[str, str, str], str] = {}

    def pytest_report_header(self) -> str | None:
        """Return the header line; pytest does not ask under ``-q`` and ``--no-header``."""
        if not runs_tests(self._config):
            target = self._judge.settings.target or "of the project"
            return f"parity: target {target} (not judged: no test runs)"
        verdict = self._judge.base()
        if (self._judge.settings.mode or verdict.mode) == "off" or not verdict.header:
            return None
        return verdict.header if verdict.header.startswith("parity: ") else f"parity: {verdict.header}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of one perf test, in this process or in a worker."""
        note: dict[str, Any] | None = getattr(report, "parity", None)
        if note is not None:
            if note["state"] == "failed" and isinstance(report.longrepr, str):
                set_message(report, report.longrepr)
            key = (note["target"], note["outcome"], note["level"])
            self._states[key][report.nodeid] = note["state"]
            self._headlines[key] = note["headline"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the section."""
        if self._config.getoption("no_summary", default=False) or not runs_tests(self._config):
            return
        verdict = self._judge.base()
        if not self._states and not verdict.problem:
            return
        terminalreporter.write_sep("=", "parity")
        own = (verdict.target, verdict.outcome, verdict.level)
        if verdict.active:
            for line in _table(verdict, self._states.get(own, {})):
                terminalreporter.write_line(line)
        for key, states in self._states.items():
            if key != own or not verdict.active:
                terminalreporter.write_line(f"target        {key[0]} (by marker): {self._headlines[key]}")
                terminalreporter.write_line(f"perf tests    {_counts(states)}")


def _table(verdict: Verdict, states: Mapping[str, str]) -> Iterator[str]:
    named = f"{verdict.target_name} ({verdict.target})" if verdict.target_name else verdict.target
    yield f"target        {named}"
    if verdict.problem:
        yield f"here          unknown: {verdict.problem}"
        yield "              perf_tests of a project file not known: only default marks and fixtures gated"
    else:
        yield f"here          {verdict.here or _devices(verdict.document)}"
    required = f", {verdict.require} required" if verdict.require else ""
    yield f"verdict       {verdict.outcome}, level {verdict.level}{required}"
    yield f"carries over  {_transfers(verdict.transfers)}"
    yield f"perf tests    {_counts(states)}"
    if verdict.blocks and "ran" in states.values():
        yield f"              those that ran say nothing certain about {verdict.target}: {verdict.headline}"


def _devices(document: Mapping[str, Any]) -> str:
    devices = document.get("devices")
    if not isinstance(devices, list) or not devices:
        return "no GPU that could be read"
    kinds = Counter(_device(device) for device in devices if isinstance(device, dict))
    most = kinds.most_common(_MAX_DEVICE_KINDS)
    shown = [f"{count} x {kind}" if count > 1 else kind for kind, count in most]
    return ", ".join(shown) + (", ..." if len(kinds) > _MAX_DEVICE_KINDS else "")


def _device(device: Mapping[str, Any]) -> str:
    if isinstance(device.get("identity"), str):
        return str(device["identity"])
    candidates = device.get("candidates")
    if isinstance(candidates, list) and candidates:
        return "one of " + "/".join(str(candidate) for candidate in candidates)
    return "a GPU not in the catalog"


def _transfers(transfers: Mapping[str, str]) -> str:
    parts = []
    for answer in ("yes", "no", "unknown"):
        names = [WORDS.get(name, name.replace("_", " ")) for name, value in transfers.items() if value == answer]
        if names:
            parts.append(f"{answer}: {', '.join(names)}")
    return "; ".join(parts) or "nothing"


def _counts(states: Mapping[str, str]) -> str:
    counts = Counter(states.values())
    kept_out = [f"{counts[state]} {state}" for state in ("failed", "skipped", "xfailed") if counts[state]]
    parts = []
    if kept_out:
        total = counts["failed"] + counts["skipped"] + counts["xfailed"]
        parts.append(f"{total} NOT MEASURED ({', '.join(kept_out)})")
    parts.append(f"{counts['ran']} ran")
    if counts["not run"]:
        parts.append(f"{counts['not run']} not run for other reasons")
    return ", ".join(parts)
