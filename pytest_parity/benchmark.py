"""Knows what pytest-benchmark saves about the GPU, and when a saved run must not be compared with this one.

A delta between two kinds of GPU is no regression and no gain. pytest-benchmark warns about such a pair and prints its
verdict all the same; here the saved run is taken out of the comparison before any delta exists.
PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.end_notes import NOTES
from pytest_parity.records import RECORDS, perf_properties, plain
from pytest_parity.settings import runs_tests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_parity.judge import Judge
    from pytest_parity.verdict import Verdict

KEY = "parity"
UNDECIDED = "undecided"


class Benchmark:
    """The hooks of pytest-benchmark; without it, nothing calls these."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Refuse nothing yet."""
        self._config = config
        self._judge = judge
        self._must_fail = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_machine_info(self, machine_info: dict[str, Any]) -> None:
        """Add which GPUs these are; facts that stay the same from run to run only."""
        verdict = self._verdict()
        if verdict is not None:
            machine_info[KEY] = {"target": plain(verdict.target), "devices": kinds(verdict.document)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """Add verdict and conditions to the extra information of each saved benchmark."""
        records, source = self._config.stash[RECORDS], self._judge.settings.judged_source
        for one in output_json.get("benchmarks", ()):
            record = records.of(str(one.get("fullname")))
            if record is not None:
                one["extra_info"] = {**(one.get("extra_info") or {}), **perf_properties(record, source)}

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_benchmark_compare_machine_info(
        self, benchmarksession: Any, machine_info: Mapping[str, Any], compared_benchmark: dict[str, Any]
    ) -> None:
        """Take a saved run of another GPU out of the comparison, before pytest-benchmark looks at its numbers.

        Only the copy in memory changes. What is left agrees on the machine, so there is no second warning.
        """
        if KEY not in machine_info or any(getattr(benchmarksession, name, False) for name in ("disabled", "skip")):
            return
        saved = compared_benchmark.get("machine_info")
        reason = why_not_comparable(machine_info[KEY], saved.get(KEY) if isinstance(saved, dict) else None)
        if not reason:
            return
        compared_benchmark["benchmarks"] = []
        compared_benchmark["machine_info"] = dict(machine_info)
        notes = self._config.stash[NOTES]
        notes.add(
            f"parity: NOT COMPARABLE with the saved benchmark run {_named(compared_benchmark)}: {reason}; "
            "no comparison is shown",
            is_problem=True,
            comes_first=True,
        )
        if getattr(benchmarksession, "compare_fail", None) and not self._must_fail:
            self._must_fail = True
            notes.add(
                "parity: --benchmark-compare-fail cannot be decided against it, so this run fails; "
                "mend: compare with a run saved on this GPU",
                is_problem=True,
                comes_first=True,
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run whose threshold was not checked: an unchecked one is no pass."""
        passing = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self._must_fail and getattr(session, "exitstatus", None) in passing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was refused before pytest-benchmark shows its table."""
        self._config.stash[NOTES].write_first(terminalreporter)

    def _verdict(self) -> Verdict | None:
        """Return the run's verdict where tests run against a target, waiting for it if need be."""
        if not runs_tests(self._config):
            return None
        verdict = self._judge.base()
        return verdict if verdict.active else None


def kinds(document: Mapping[str, Any]) -> list[str]:
    """Return which devices a verdict speaks of, how many of each: ``["8x h100-sxm5-80gb"]``; empty when none was read.

    A device that fits several parts is ``undecided``; one that is not in the catalog is called by its name.
    """
    devices = document.get("devices")
    if not isinstance(devices, list):
        return []
    counted = Counter(_kind(device) for device in devices if isinstance(device, dict))
    return [f"{count}x {kind}" for kind, count in sorted(counted.items())]


def why_not_comparable(here: Mapping[str, Any], saved: object) -> str:
    """Return what differs between this machine and a saved run's, in words; empty when they are alike.

    Args:
        here: what this run would save about the machine.
        saved: what the saved run says under the same key; None when it says nothing.
    """
    ours = here.get("devices")
    theirs = saved.get("devices") if isinstance(saved, dict) else None
    if not isinstance(theirs, list) or not theirs:
        return "it does not say which GPU it is from"
    if not isinstance(ours, list) or not ours:
        return "it is not known which GPU this run is on"
    if any(UNDECIDED in str(kind) for kind in (*ours, *theirs)):
        return f"GPU {_listed(ours)} here, {_listed(theirs)} there, and which part that is was not decided"
    if sorted(map(str, ours)) != sorted(map(str, theirs)):
        return f"GPU {_listed(ours)} here, {_listed(theirs)} there"
    return ""


def _kind(device: Mapping[str, Any]) -> str:
    candidates = device.get("candidates")
    if device.get("identity"):
        name = str(device["identity"])
    elif isinstance(candidates, list) and len(candidates) > 1:
        name = f"{UNDECIDED}: {' or '.join(sorted(map(str, candidates)))}"
    else:
        name = str(device.get("name") or UNDECIDED)
    partition = str(device.get("partition") or "")
    return plain(name if partition in ("", "none", "unknown") else f"{name} [{partition}]")


def _listed(devices: list[Any]) -> str:
    return " + ".join(plain(device) for device in devices)


def _named(saved: Mapping[str, Any]) -> str:
    """Return what tells a saved run from others: its time and commit; the hook is not told its file."""
    commit = saved.get("commit_info")
    number = str(commit.get("id") or "")[:10] if isinstance(commit, dict) else ""
    when = plain(saved.get("datetime") or "of unknown time")
    return f"{when}, commit {plain(number)}" if re.fullmatch("[0-9a-f]{6,10}", number) else when
