"""Knows what is said in the terminal: one header line, and a section at the end if perf tests were selected.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.conditions import STATES, told_findings
from pytest_parity.message import set_message
from pytest_parity.plan import PLAN
from pytest_parity.records import RECORDS
from pytest_parity.settings import runs_tests
from pytest_parity.terminal import shows_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_parity.judge import Judge
    from pytest_parity.records import Record
    from pytest_parity.verdict import Verdict

_MAX_DEVICE_KINDS = 3
_MAX_REASONS = 5
_LABEL = 14
_MIN_WIDTH = 60
_WATCHING = ("conditions", "run conditions")  # what a gap is called when nothing at all could be watched

OTHERS = {"selection": "the GPUs selected later", "worker": "an xdist worker"}
WORDS = {"timings_single_gpu": "single-GPU timings", "timings_multi_gpu": "multi-GPU timings"}


class Summary:
    """Tells what became of perf tests, in the process that has the terminal."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Say nothing yet."""
        self._config = config
        self._judge = judge
        self._selects = False

    def pytest_deselected(self) -> None:
        """Note that the run is of a selection, which may well be without perf tests."""
        self._selects = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Say that a target was asked for and nothing is held against it: a gate that nobody passes."""
        settings, items = self._judge.settings, getattr(session, "items", ())
        is_asked = settings.target is not None and runs_tests(self._config) and shows_header(self._config)
        if not is_asked or self._selects or not items:
            return
        verdict = self._judge.base()
        is_off = (settings.mode or verdict.mode) == "off" or not verdict.active
        if is_off or any(item.stash.get(PLAN, None) is not None for item in items):
            return
        mend = "mark them `perf`, or declare perf_tests in parity.yaml"
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"parity: no perf test among {len(items)} collected: {mend}")

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
        """Make a message of the text that a worker sent for one."""
        if hasattr(report, "parity") and report.failed and isinstance(report.longrepr, str):
            set_message(report, report.longrepr)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that measured nothing, where that is asked for."""
        good = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        status = getattr(session, "exitstatus", None)  # none where pytester makes items without a run
        if runs_tests(self._config) and status in good and self._missing():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _missing(self) -> str:
        """Return why the run has measured nothing that counts, where it had to; empty when all is well."""
        required = self._judge.settings.require_measured
        if required is None:
            required = self._judge.base().require_measured
        if not required:
            return ""
        records = self._config.stash[RECORDS].all()
        if not records:
            return "no perf test was selected"
        if not any(one.state == "ran" and one.outcome == "match" for one in records):
            return "no perf test was measured on the target"
        saved = self._judge.settings.fingerprint is not None
        return "a saved fingerprint was judged, so nothing says that these tests ran on the target" if saved else ""

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the section."""
        if self._config.getoption("no_summary", default=False) or not runs_tests(self._config):
            return
        verdict = self._judge.base()
        missing = self._missing()
        records = self._config.stash[RECORDS].all()
        if not records and not verdict.problem and not missing:
            return
        terminalreporter.write_sep("=", "parity")
        width = terminalreporter._tw.fullwidth  # noqa: SLF001  (pytest's own plugins do)
        for line in _lines(verdict, records):
            for part in wrapped(line, width):
                terminalreporter.write_line(part)
        if missing:
            for part in wrapped(f"FAILED        {missing} (--parity-require-measured)", width):
                terminalreporter.write_line(part)


def _lines(verdict: Verdict, records: list[Record]) -> Iterator[str]:
    """Tell the run's verdict and its tests, then each other verdict and its tests."""
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for one in records:
        groups[one.target, one.outcome, one.level].append(one)
    if verdict.active:
        own = groups.pop((verdict.target, verdict.outcome, verdict.level), [])
        yield from _table(verdict)
        yield from _became(own, verdict)
    for (target, _, _), group in groups.items():
        yield f"target        {target} (by {OTHERS.get(group[0].by, group[0].by)}): {group[0].headline}"
        yield from _became(group, None)


def wrapped(line: str, width: int) -> list[str]:
    """Return a line in parts that fit the terminal, all after the first indented like the value of its label."""
    indent = " " * max(_LABEL, len(line) - len(line.lstrip()))
    return textwrap.wrap(line, max(width, _MIN_WIDTH), subsequent_indent=indent, break_on_hyphens=False) or [line]


def _table(verdict: Verdict) -> Iterator[str]:
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


def _became(records: list[Record], verdict: Verdict | None) -> Iterator[str]:
    """Tell what became of the tests of one verdict; ``verdict`` where it has not been told yet that it blocks."""
    states = Counter(one.state for one in records)
    yield f"perf tests    {_counts(states)}"
    if verdict is not None and verdict.blocks and states["ran"]:
        yield f"              those that ran say nothing certain about {verdict.target}: {verdict.headline}"
    beyond = [one.nodeid for one in records if one.is_above_roof]
    if beyond:
        yield f"roofline      {len(beyond)} with a time that this GPU cannot reach, no measurement"
        yield f"                in {beyond[0]}{f' and {len(beyond) - 1} more' if len(beyond) > 1 else ''}"
    watched = [(one.nodeid, one.conditions) for one in records if one.conditions is not None]
    if watched:
        yield from _conditions(watched)


def _conditions(watched: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Tell how many tests were disturbed, and by what; each reason once, with the first test it was seen in."""
    states = Counter(str(conditions["state"]) for _, conditions in watched)
    yield "conditions    " + ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    reasons: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for nodeid, conditions in watched:
        for rule, text in told_findings(conditions):
            reasons[rule].append((nodeid, text))
    for rule, seen in list(reasons.items())[:_MAX_REASONS]:
        more = f" and {len(seen) - 1} more" if len(seen) > 1 else ""
        named = "" if rule in _WATCHING else f"{rule}: "  # the label says it already
        yield f"              {named}{seen[0][1]}"
        yield f"                in {seen[0][0]}{more}"
    if len(reasons) > _MAX_REASONS:
        yield f"              {len(reasons) - _MAX_REASONS} more reasons"


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


def _counts(counts: Counter[str]) -> str:
    kept_out = [f"{counts[state]} {state}" for state in ("failed", "skipped", "xfailed") if counts[state]]
    parts = []
    if kept_out:
        total = counts["failed"] + counts["skipped"] + counts["xfailed"]
        parts.append(f"{total} NOT MEASURED ({', '.join(kept_out)})")
    parts.append(f"{counts['ran']} ran")
    if counts["not run"]:
        parts.append(f"{counts['not run']} not run for other reasons")
    return ", ".join(parts)
