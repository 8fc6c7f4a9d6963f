"""Knows a pytest run: each perf test with the verdict that held for it, exactly as the run report (parity.run/1)."""

from typing import Any, Literal

import msgspec

from parity.model.rule import Level
from parity.model.verdict import Outcome, Tool, Verdict

SCHEMA: Literal["parity.run/1"] = "parity.run/1"
Source = Literal["run", "marker", "selection", "worker"]
State = Literal["ran", "failed", "skipped", "xfailed", "not run"]
Result = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "error"]
KEPT_OUT: tuple[State, ...] = ("failed", "skipped", "xfailed")


class RunPeaks(msgspec.Struct, frozen=True, kw_only=True):
    """What one device can do at most, after its data sheet and driver.

    Attributes:
        name: of the device.
        bandwidth_gbps: of its memory, in decimal GB/s; None: not known.
        dense_rate: of the data type asked for, in TFLOPS, for int8 TOPS; None: not known.
    """

    name: str
    bandwidth_gbps: float | None = None
    dense_rate: float | None = None


class RunRoofline(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work that a test timed with the fixture ``parity_roofline``.

    Attributes:
        seconds: time taken.
        bytes: moved between the device and its memory.
        flops: operations done.
        dtype: of the operations.
        here, target: peaks of the running device and of the declared target.
        above_roof: whether the running device cannot have done it in this time, by more than its clocks may explain.
    """

    seconds: float
    bytes: float
    flops: float
    dtype: str
    here: RunPeaks
    target: RunPeaks
    above_roof: bool = False


class RunTest(msgspec.Struct, frozen=True, kw_only=True):
    """One perf test.

    Attributes:
        path: the test's file relative to pytest's rootdir, with slashes; empty when pytest has none.
        line: counted from 1.
        worker: the pytest-xdist worker that had the test; empty without xdist.
        target, outcome, level: of the verdict that held for this test.
        by: what made this verdict: the ``run``, a ``marker``, a ``selection`` of other GPUs, a remote ``worker``.
        blocks: whether that verdict keeps perf tests from measuring.
        mode: ``fail``, ``skip``, ``xfail`` or ``annotate``; empty when not known.
        state: ``ran``; ``failed``, ``skipped`` or ``xfailed`` by the gate, without measuring; ``not run`` for another
            reason, such as the project's own skip.
        result: as pytest reports the test.
        seconds: duration of the test's body with its fixtures' values at hand; None when it did not run.
        conditions: what was seen around the test (``parity.conditions/1``); None when nobody watched.
        rooflines: what the test measured against the peaks of this device and of the target.
        more_rooflines: measures beyond the most that is kept of one test.
    """

    nodeid: str
    path: str
    line: int | None
    target: str
    outcome: Outcome
    level: Level
    blocks: bool
    state: State
    result: Result
    seconds: float | None
    headline: str = ""
    by: Source = "run"
    worker: str = ""
    mode: str = ""
    conditions: dict[str, Any] | None = None
    rooflines: tuple[RunRoofline, ...] = ()
    more_rooflines: int = 0

    @property
    def is_kept_out(self) -> bool:
        """Return whether the gate kept the test from measuring."""
        return self.state in KEPT_OUT

    @property
    def is_above_roof(self) -> bool:
        """Return whether it timed something that the device cannot have done."""
        return any(one.above_roof for one in self.rooflines)

    @property
    def conditions_state(self) -> str:
        """Return ``clean``, ``disturbed`` or ``unknown``; empty when nobody watched."""
        return "" if self.conditions is None else str(self.conditions.get("state", "unknown"))


class RunJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict that held for the run, or for tests whose marker has settings of its own.

    Attributes:
        blocks: whether it keeps perf tests from measuring.
        headline: one line with what was found, the target and the decisive ratio.
        saved: whether a saved fingerprint was judged, and not the machine that ran the tests.
    """

    target: str
    outcome: Outcome
    level: Level
    blocks: bool
    headline: str
    source: Source
    saved: bool = False


class RunCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many perf tests there are of each kind.

    Attributes:
        ran: measured, whatever pytest made of the result.
        failed, skipped, xfailed: kept from measuring by the gate.
        not_run: not run for another reason.
        disturbed: measured under conditions that change a number.
        conditions_unknown: measured while a counter could not be read.
        above_roof: timed with ``parity_roofline`` what the device cannot have done in the time.
    """

    perf_tests: int
    ran: int
    failed: int
    skipped: int
    xfailed: int
    not_run: int
    disturbed: int
    conditions_unknown: int
    above_roof: int = 0

    @property
    def not_measured(self) -> int:
        """Return how many the gate kept from measuring."""
        return self.failed + self.skipped + self.xfailed


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A finished pytest run.

    Attributes:
        started: ISO 8601 UTC.
        seconds: wall time until the session's end.
        exit_status: pytest's own.
        folder: pytest's rootdir relative to the repository it lies in; empty at its top.
        judgements: the run's own verdict first, in short.
        problem: why the run could not be judged; empty when it was.
        tests: tuple[RunTest, ...], the perf tests in the order in which they ran.
        verdicts: tuple[Verdict, ...], the whole verdicts; unique ids, host and user names are masked.
        notes: what the report lacks, and why.
    """

    schema: Literal["parity.run/1"] = SCHEMA
    tool: Tool
    started: str
    seconds: float
    exit_status: int
    folder: str
    judgements: tuple[RunJudgement, ...]
    counts: RunCounts
    problem: str
    tests: tuple[RunTest, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    @property
    def gravest(self) -> RunJudgement | None:
        """Return the judgement that decides how the run is called: one that blocks, else the run's own."""
        return next(iter([*(one for one in self.judgements if one.blocks), *self.judgements]), None)
