"""Knows what became of each perf test of the run: one plain record each, in the process that has the terminal.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.channel import now
from pytest_parity.plugin import RECORDED
from pytest_parity.settings import SAVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_parity.judge import Judge

STATES = ("ran", "failed", "skipped", "xfailed", "not run")
SAVED_REMARK = f" ({SAVED})"
"""Behind a verdict on a file in place of this machine."""
KEPT_OUT = ("failed", "skipped", "xfailed")
_RESULTS = ("error", "failed", "xpassed", "xfailed", "skipped", "passed")  # of several phases, the first says it
_MAX_TEXT = 2000
MAX_VALUE = 200
_OTHER_REPORTS = ("pytest_json_modifyreport", "pytest_html_results_summary", "pytest_metadata")


@dataclass
class Record:
    """One perf test.

    Attributes:
        path: the test's file relative to rootdir, with slashes; empty when pytest has none.
        line: counted from 1; None when pytest has none.
        worker: the xdist worker that had it; empty without xdist.
        outcome: of the verdict that held for the test: ``match``, ``mismatch``, ``unknown``.
        by: what made the verdict: ``run``; another one ``marker``, ``selection`` of other GPUs, remote ``worker``.
        blocks: whether that verdict keeps perf tests from measuring.
        mode: the mode that held for the test; empty when the gate did not say.
        state: one of ``STATES``; all but ``ran`` and ``not run`` are the gate's doing.
        result: as pytest reports the test: ``passed``, ``failed``, ``skipped``, ``xfailed``, ``xpassed``, ``error``.
        seconds: duration of the call phase; None when the body did not run.
        conditions: what was seen around the test (``parity.conditions/1``); None when nobody watched.
        rooflines: what the fixture ``parity_roofline`` measured in the test's body, as ``roofline.note`` keeps it.
        more_rooflines: measures beyond the most that a report holds.
    """

    nodeid: str
    path: str
    line: int | None
    worker: str
    target: str
    outcome: str
    level: str
    by: str
    blocks: bool
    headline: str
    mode: str
    state: str
    result: str
    seconds: float | None
    conditions: dict[str, Any] | None
    rooflines: list[dict[str, Any]] = field(default_factory=list)
    more_rooflines: int = 0

    @property
    def is_above_roof(self) -> bool:
        """Whether it timed something that the device cannot have done, known from the measures that were kept."""
        return any(one.get("above_roof") for one in self.rooflines)

    @property
    def conditions_state(self) -> str:
        """Return ``clean``, ``disturbed`` or ``unknown``; empty when nobody watched."""
        return "" if self.conditions is None else str(self.conditions.get("state", "unknown"))


class Records:
    """Collects the records; xdist workers send theirs on the test reports."""

    def __init__(self, config: pytest.Config, judge: Judge, started: float | None = None) -> None:
        """Hold nothing yet; the run's clock starts, unless it did (seconds since 1970)."""
        self._config = config
        self._judge = judge
        self._records: dict[tuple[str, str], Record] = {}
        self._last: dict[str, Record] = {}
        self.started = now() if started is None else started

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take over what the gate noted on the report, and how pytest reports the test."""
        note: dict[str, Any] | None = getattr(report, "parity", None)
        if note is None and not self._records:
            return
        key = (report.nodeid, str(getattr(report, "worker_id", "")))
        if report.when == "setup":
            self._records.pop(key, None)  # a rerun: the last run of a test counts
        record = self._records.get(key)
        if note is not None:
            if record is None:
                record = self._records[key] = self._last[report.nodeid] = _record(report, note, key[1], self._by(note))
            record.state = str(note["state"])
            record.conditions = note.get("conditions") or record.conditions
            record.rooflines = note.get("rooflines") or record.rooflines
            record.more_rooflines = note.get("more_rooflines") or record.more_rooflines
        if record is not None:
            _add_phase(record, report)

    def _by(self, note: Mapping[str, Any]) -> str:
        """Return what made a test's verdict; a remote worker's run has one of its own."""
        base = self._judge.run_verdict
        own = base is not None and (note["target"], note["outcome"], note["level"]) == (
            base.target,
            base.outcome,
            base.level,
        )
        return str(note["by"]) or ("run" if own else "worker")

    def all(self) -> list[Record]:
        """Return the records in the order in which tests ran."""
        return list(self._records.values())

    def of(self, nodeid: str) -> Record | None:
        """Return the record of a test, None when it is no perf test; of several workers', the last."""
        return self._last.get(nodeid)

    def counts(self) -> dict[str, int]:
        """Return how many tests there are of each kind, zeros included."""
        records = self.all()
        states = Counter(record.state for record in records)
        seen = Counter(record.conditions_state for record in records)
        return {
            "perf_tests": len(records),
            **{state.replace(" ", "_"): states[state] for state in STATES},
            "disturbed": seen["disturbed"],
            "conditions_unknown": seen["unknown"],
            "above_roof": sum(record.is_above_roof for record in records),
        }

    def judgements(self) -> list[dict[str, Any]]:
        """Return each verdict that held for the run or for a test, the run's first."""
        base, saved = self._judge.run_verdict, bool(self._judge.settings.judged_source)
        told: dict[tuple[str, str, str], dict[str, Any]] = {}
        if base is not None and base.active:
            told[base.target, base.outcome, base.level] = {
                **_judgement(base.target, base.outcome, base.level, base.headline, blocks=base.blocks),
                "source": "run",
                "saved": saved,
            }
        for one in self.all():
            key = (one.target, one.outcome, one.level)
            if key not in told:
                made = _judgement(one.target, one.outcome, one.level, one.headline, blocks=one.blocks)
                told[key] = {**made, "source": one.by, "saved": saved}
        return list(told.values())

    def summary(self) -> dict[str, Any]:
        """Return the run in plain data: verdicts, counts, and why there is no verdict, if there is none."""
        base = self._judge.run_verdict
        return {
            "judgements": self.judgements(),
            "counts": self.counts(),
            "problem": "" if base is None else plain(base.problem),
        }


RECORDS = pytest.StashKey[Records]()
"""On the config of the process that has the terminal: the run's records."""


def register_records(config: pytest.Config, judge: Judge, started: float | None = None) -> None:
    """Set up what records the run: reports of other plugins, GitHub, ``--parity-report``.

    Raises:
        pytest.UsageError: a report's suffix names no format.
    """
    from pytest_parity.end_notes import new_notes

    register = config.pluginmanager.register
    if judge.settings.reports:
        from pytest_parity.run_report import RunReport, check_suffixes
        from pytest_parity.worker_verdicts import WorkerVerdicts

        check_suffixes(judge.settings)
    if hasattr(config, "workerinput"):
        if judge.settings.reports:
            register(WorkerVerdicts(config, judge), "parity-worker-verdicts")
        return
    records = config.stash[RECORDS] = Records(config, judge, started)
    register(new_notes(config), "parity-end-notes")
    # A plugin's hooks are known when it is loaded, whatever the name it is loaded under.
    if hasattr(config.hook, "pytest_benchmark_update_json"):
        from pytest_parity.benchmark import Benchmark

        register(Benchmark(config, judge), "parity-benchmark")
    if any(hasattr(config.hook, name) for name in _OTHER_REPORTS):
        from pytest_parity.other_reports import OtherReports

        register(OtherReports(config, judge), "parity-other-reports")
    if config.getoption("xmlpath", default=None) and config.getoption("parity_junit", default="on") != "off":
        from pytest_parity.junit import JUnit

        register(JUnit(config, judge), "parity-junit")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from pytest_parity.github import GitHub

        register(GitHub(config, judge), "parity-github")
    if judge.settings.reports:
        register(RunReport(config, judge), "parity-run-report")
    # After the rest: of hooks that want to be first, the one registered last is.
    register(records, RECORDED)


def perf_properties(record: Record, source: str = "") -> dict[str, str]:
    """Return a few short strings about one test, for reports that take names and values.

    Args:
        record: of the test.
        source: what was judged in place of this machine, if anything.
    """
    values = {"parity": record.outcome, "parity_target": record.target, "parity_level": record.level}
    if record.conditions is not None:
        values["parity_conditions"] = record.conditions_state
    if source:
        values["parity_source"] = source
    return {name: plain(value)[:MAX_VALUE] for name, value in values.items()}


def as_plain(record: Record) -> dict[str, Any]:
    """Return a record as exact builtin types that any JSON writer takes."""
    return {name: plain(value) if isinstance(value, str) else value for name, value in asdict(record).items()}


def plain(text: object) -> str:
    r"""Return text of exact type ``str`` that any encoding of Unicode can carry: no lone surrogate.

    >>> plain("test_\udcff[a]")
    'test_\\udcff[a]'
    """
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def count_text(counts: Mapping[str, int]) -> str:
    """Return the counts in words: ``3 perf tests NOT MEASURED (2 failed, 1 skipped), 1 ran``."""
    kept_out = [f"{counts[state]} {state}" for state in KEPT_OUT if counts[state]]
    total = sum(counts[state] for state in KEPT_OUT)
    parts = [f"{total} perf test{'s' * (total > 1)} NOT MEASURED ({', '.join(kept_out)})"] if total else []
    parts.append(f"{counts['ran']} ran" if total else f"{counts['ran']} perf test{'s' * (counts['ran'] != 1)} ran")
    if counts["not_run"]:
        parts.append(f"{counts['not_run']} not run for other reasons")
    if counts["disturbed"]:
        parts.append(f"{counts['disturbed']} under disturbed conditions")
    if counts["above_roof"]:
        parts.append(f"{counts['above_roof']} above the roof")
    return ", ".join(parts)


def _record(report: pytest.TestReport, note: Mapping[str, Any], worker: str, by: str) -> Record:
    path, line, _ = report.location
    return Record(
        nodeid=report.nodeid,
        path=str(path or "").replace(os.sep, "/"),
        line=None if line is None else line + 1,
        worker=worker,
        target=str(note["target"]),
        outcome=str(note["outcome"]),
        level=str(note["level"]),
        by=by,
        blocks=bool(note["blocks"]),
        headline=str(note["headline"])[:_MAX_TEXT],
        mode=str(note.get("mode") or ""),
        state=str(note["state"]),
        result="passed",
        seconds=None,
        conditions=None,
    )


def _add_phase(record: Record, report: pytest.TestReport) -> None:
    """Add what one phase of the test, or a subtest, came to: the gravest says it."""
    if hasattr(report, "context"):  # a subtest; only its failure says something about the test
        if report.failed:
            record.result = _graver(record.result, "failed")
        return
    if report.when == "call" and record.state == "ran":
        record.seconds = float(report.duration)
    record.result = _graver(record.result, _phase_result(report))


def _phase_result(report: pytest.TestReport) -> str:
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return "skipped" if report.skipped else "passed"


def _graver(one: str, other: str) -> str:
    return min(one, other, key=_RESULTS.index)


def _judgement(target: str, outcome: str, level: str, headline: str, *, blocks: bool) -> dict[str, Any]:
    return {
        "target": plain(target),
        "outcome": outcome,
        "level": level,
        "blocks": blocks,
        "headline": plain(headline),
    }
