"""Knows how measurements follow each other in a process of their own: shares, deadlines, restarts, a clean stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from parity.measure.match import ordinals
from parity.measure.plan import MIN_SHARE_S, Job, Place, jobs_of, share_s
from parity.measure.worker import Worker
from parity.model.measurement import Measurement, State, Unmeasured, measurement_of
from parity.probes.piped import ChildLost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_LOSSES = 3  # of the process in a row on one device: it is left alone then, and the others are measured
MORE_STARTS = 4  # than devices may cost
MAX_OVERRUN = 2.0  # times the budget; measurements that need longer than their share eat into it


class Watcher(Protocol):
    """Reads the driver's counters around a measurement."""

    def begin(self, positions: Sequence[int]) -> None:
        """Note the counters of these devices."""

    def end(self, name: str) -> State:
        """Return what they say about the time since."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long an answer may take, in seconds: to the first (loading torch), to fill and warm up, beyond the share."""

    start_s: float = 180.0
    prepare_s: float = 90.0
    run_s: float = 30.0


class Outcome(msgspec.Struct, kw_only=True):
    """What was measured and what was not.

    Attributes:
        backend: what ran it: ``torch 2.9.0+cu128``.
        interrupted: somebody stopped it.
    """

    measured: list[Measurement] = []
    unmeasured: list[Unmeasured] = []
    backend: str = ""
    interrupted: bool = False


def measure(
    names: Sequence[str],
    places: Sequence[Place],
    budget_s: float,
    *,
    watcher: Watcher | None = None,
    told: Callable[[int, int, Job | None], None] | None = None,
    patience: Patience | None = None,
) -> Outcome:
    """Measure, and return whatever could be; a crash, a hang or Ctrl-C costs what was not yet done.

    Args:
        names: what to measure, in order.
        places: the devices.
        budget_s: seconds to spend; loading libraries does not count.
        watcher: reads counters around each measurement; None: ``conditions`` stay unknown.
        told: called with (done, all, the next job) as it goes on.
        patience: deadlines.
    """
    run = _Run(places, budget_s, watcher, patience or Patience())
    jobs = jobs_of(names, places)
    if not jobs:
        return run.outcome
    try:
        for number, job in enumerate(jobs):
            if told is not None:
                told(number, len(jobs), job)
            run.make(job, left=len(jobs) - number)
        if told is not None:
            told(len(jobs), len(jobs), None)
    except KeyboardInterrupt:
        run.outcome.interrupted = True
        done = len(run.outcome.measured) + len(run.outcome.unmeasured)  # each job gives one of either, in order
        run.outcome.unmeasured += [_not(job, "not_asked", "interrupted") for job in jobs[done:]]
    finally:
        run.close()
    return run.outcome


class _Run:
    """One run: the process, and the time that is left."""

    def __init__(self, places: Sequence[Place], budget_s: float, watcher: Watcher | None, patience: Patience) -> None:
        self.outcome = Outcome()
        self._places = {place.position: place for place in places}
        self._budget_s = budget_s
        self._watcher = watcher
        self._patience = patience
        self._worker: Worker | None = None
        self._starts = 0
        self._given_up: tuple[str, str] | None = None
        self._ordinals: dict[int, int] = {}
        self._missing: dict[int, str] = {}
        self._losses: dict[int, list[str]] = {}
        self._spent = 0.0

    def make(self, job: Job, *, left: int) -> None:
        """Make one measurement, or note why not."""
        if not self._is_ready():
            assert self._given_up is not None  # or it would be ready
            self._note(job, *self._given_up)
            return
        for position in (job.device, job.peer):
            if position is not None and position in self._missing:
                self._note(job, "failed", self._missing[position])
                return
            losses = self._losses.get(position, []) if position is not None else []
            if len(losses) >= MAX_LOSSES:
                self._note(job, "failed", f"left alone after {len(losses)} losses in a row, the last: {losses[-1]}")
                return
        if self._spent > MAX_OVERRUN * self._budget_s:
            self._note(job, "not_asked", f"the budget of {self._budget_s:g} s was spent")
            return
        start = time.monotonic()
        try:
            self._make(job, share_s(self._budget_s, self._spent, left))
        except ChildLost as error:
            self._lost(job, error.detail)
            self._note(job, error.why, error.detail)
        finally:
            self._spent += time.monotonic() - start

    def close(self) -> None:
        """End the process; one that is in the midst of a measurement is killed."""
        if self._worker is not None:
            self._worker.kill() if self.outcome.interrupted else self._worker.close()
            self._worker = None

    def _make(self, job: Job, share: float) -> None:
        worker, patience = self._worker, self._patience
        assert worker is not None  # ready
        start = time.monotonic()
        answer = worker.request(
            {
                "op": "prepare",
                "name": job.name,
                "ordinal": self._ordinals[job.device],
                "peer": None if job.peer is None else self._ordinals[job.peer],
                "cache_bytes": self._places[job.device].cache_bytes,
                "seconds": share,
            },
            patience.prepare_s + share,
        )
        if not answer["ok"]:
            self._refused(job, answer)
            return
        if self._watcher is not None:
            self._watcher.begin([job.device] if job.peer is None else [job.device, job.peer])
        seconds = max(MIN_SHARE_S, share - (time.monotonic() - start))
        try:
            answer = worker.request({"op": "run", "seconds": seconds}, patience.run_s + 2 * seconds)
        finally:
            state: State = "unknown" if self._watcher is None else self._watcher.end(job.name)
        if not answer["ok"]:
            self._refused(job, answer)
            return
        self._keep(job, answer, state)

    def _keep(self, job: Job, answer: dict[str, Any], state: State) -> None:
        fields = {name: answer.get(name) for name in ("value", "spread", "samples", "unit", "kernel", "bytes")}
        record = {**fields, "name": job.name, "device": job.device, "peer": job.peer, "conditions": state}
        try:
            self.outcome.measured.append(measurement_of(record))
        except msgspec.ValidationError as error:
            self._note(job, "failed", f"the measuring process answered with no measurement: {error}")
        else:
            self._losses.pop(job.device, None)

    def _refused(self, job: Job, answer: dict[str, Any]) -> None:
        self._note(job, str(answer.get("why", "failed")), str(answer.get("detail", "")))
        if answer.get("lost"):  # the context is gone: a new process gets a new one
            self._lost(job, str(answer.get("detail", "")))

    def _is_ready(self) -> bool:
        """Return whether the process runs; start it, or its successor, if need be."""
        while self._worker is None and self._given_up is None:
            most = MAX_LOSSES * len(self._places) + MORE_STARTS
            if self._starts >= most:
                self._given_up = ("failed", f"given up after {most} starts of the measuring process")
                break
            self._starts += 1
            self._start()
        return self._worker is not None

    def _start(self) -> None:
        try:
            worker = Worker()
        except OSError as error:
            self._given_up = ("failed", f"the measuring process cannot be started: {error}")
            return
        self._worker = worker
        try:
            hello = worker.hello(self._patience.start_s)
        except ChildLost as error:
            self._lose()
            self._given_up = (error.why, error.detail)
            return
        if not hello["devices"]:
            self._lose()
            reasons = [(str(why), str(detail)) for why, detail in hello.get("reasons", [])]
            told = "; ".join(detail for _, detail in reasons)
            self._given_up = (reasons[-1][0] if reasons else "failed", f"nothing to measure: {told}")
            return
        self.outcome.backend = str(hello.get("backend", ""))
        self._ordinals, self._missing = ordinals(list(self._places.values()), hello["devices"])

    def _lost(self, job: Job, detail: str) -> None:
        """End the process; a pair does not say which of its devices did it."""
        self._lose()
        if job.peer is None:
            self._losses.setdefault(job.device, []).append(detail)

    def _lose(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def _note(self, job: Job, why: str, detail: str) -> None:
        self.outcome.unmeasured.append(_not(job, why, detail))


def _not(job: Job, why: str, detail: str) -> Unmeasured:
    return Unmeasured(name=job.name, device=job.device, peer=job.peer, why=why, detail=detail)
