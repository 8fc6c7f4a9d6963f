"""Knows the watcher: a child that loads the vendor libraries once and then serves ``begin`` and ``end`` around tests.

Between the two it samples every device from a core that the test does not run on; otherwise it waits without a timer.
Requests and answers are JSON lines; every answer repeats the request's number. After ``begin`` only what fits a
budget is read before answering, the rest right afterwards; ``end`` reads the counters and, of the slower values, what
still fits, and takes the freshest sample of the others. With many devices it takes the freshest sample also of the
counters of those that do not fit, idle ones first.

A ``begin`` with ``stream`` also sends every sample as it is taken, and now and then all that was added up so far: lines
with ``stream`` instead of a request's number. Who reads them has everything up to the moment a driver kills this
process.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import time
from typing import TYPE_CHECKING, Any

from parity.probes import own_processes, watch_amd, watch_nvml
from parity.probes.gpm import TooShortError
from parity.probes.nvml_survey import WHY
from parity.probes.watch_unit import OTHERS, PROCESSES, Recording, numbers_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from parity.probes.ask import Ask
    from parity.probes.watch_unit import Answer, Read, Unit

SAMPLE_EVERY_S = 0.1
BEGIN_BUDGET_S = 0.0002
END_BUDGET_S = 0.00035
MAX_DUTY = 0.1  # share of a core that sampling may take; a slow driver is sampled less often
CHECKPOINT_EVERY_S = 1.0
STREAM_END_BUDGET_S = 0.5  # nobody's test waits for the end of a stream
STDIN = 0
MAX_REQUEST_BYTES = 1 << 20


def survey(ask: Ask, options: dict[str, Any]) -> None:
    """Find the devices, measure what each read costs, say so, then serve until the input ends.

    Args:
        ask: announces the questions of the start, so that a deadly one is known by name.
        options: ``skip`` (key -> why an earlier child lost it), ``root`` (of ``/sys`` and ``/proc``), ``amdsmi`` (see
            ``parity.probes.watch_amd``), ``sample_every_s``, ``always`` (sample also where there is no second core).
    """
    skip = options.get("skip") or {}
    units = watch_nvml.units(ask, skip)
    units += watch_amd.units(ask, options, beside_others=bool(units))
    period = float(options.get("sample_every_s") or SAMPLE_EVERY_S)
    cores = _cores()
    pinned = max(cores) if len(cores) > 1 and _keep_to({max(cores)}) else None
    sampling = pinned is not None or bool(options.get("always"))
    root = str(options.get("root") or "")
    server = Server(ask, units, period=period if sampling else None, root=root, cores=cores)
    ask.send(
        {
            "ready": [
                {"id": unit.id, "facts": unit.facts, "fixed": unit.fixed, "missing": unit.missing} for unit in units
            ],
            "costs_us": {unit.id: {read.name: round(read.cost_s * 1e6, 1) for read in unit.reads} for unit in units},
            "core": pinned,
            "sampled_every_s": server.period,
        }
    )
    gc.collect()
    gc.freeze()
    server.serve()


def _cores() -> frozenset[int]:
    """Return the cores that this process may use, none where that cannot be told or chosen."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def _keep_to(cores: Collection[int]) -> bool:
    """Keep to some cores; return whether that could be done."""
    try:
        os.sched_setaffinity(0, cores)
    except OSError:
        return False
    return True


class Server:
    """Serves one test at a time.

    Args:
        ask: its channel.
        units: the devices.
        period: seconds between samples; None: never sample.
        root: prefix of ``/proc``.
        cores: to choose from, so as to keep off the test's; fewer than two: there is no choice.
    """

    def __init__(
        self, ask: Ask, units: list[Unit], *, period: float | None, root: str = "", cores: Collection[int] = ()
    ) -> None:
        """Order the reads by cost."""
        self.period = period
        self._ask = ask
        self._units = {unit.id: unit for unit in units}
        self._root = root
        self._cores = frozenset(cores)
        self._kept_off: int | None = None
        self._ids_are_ours = own_processes.ids_are_ours(root)
        for unit in units:
            unit.reads.sort(key=lambda read: read.cost_s)
        self._test: Test | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(STDIN, selectors.EVENT_READ)

    def serve(self) -> None:
        """Answer until the input ends."""
        buffered = b""
        while True:
            test = self._test
            wait = None
            if test is not None and self.period is not None:
                wait = max(0.0, test.next_sample - time.monotonic())
            if not self._selector.select(wait):
                self._sample()
                continue
            chunk = os.read(STDIN, 1 << 16)
            if not chunk:
                return
            *lines, buffered = (buffered + chunk).split(b"\n")
            if len(buffered) > MAX_REQUEST_BYTES:
                return
            for line in lines:
                self._serve(json.loads(line))

    def _serve(self, request: dict[str, Any]) -> None:
        if request["op"] == "begin":
            units = [self._units[name] for name in request["ids"]]
            begun = Test(units, int(request["pid"]), self._root, ids_are_ours=self._ids_are_ours)
            begun.streams = bool(request.get("stream"))
            left = begun.begin(BEGIN_BUDGET_S)
            if not begun.streams:
                self._ask.send({"seq": request["seq"]})
                self._keep_off(int(request["pid"]))
            begun.begin_rest(left, self._interrupted)
            if begun.streams:  # who is to be watched has not started yet
                self._ask.send({"seq": request["seq"]})
                self._checkpoint(begun)
            begun.next_sample = time.monotonic() + (self.period or 0.0)
            self._test = begun
        else:
            ended, self._test = self._test, None
            budget = STREAM_END_BUDGET_S if ended is not None and ended.streams else END_BUDGET_S
            answer = {} if ended is None else ended.end(budget)
            self._ask.send({"seq": request["seq"], "test": answer})

    def _keep_off(self, pid: int) -> None:
        """Leave the test's core to the test: a watcher on it takes time from it, and reads its end too late."""
        core = own_processes.core_of(pid, self._root) if len(self._cores) > 1 else None
        if core not in (None, self._kept_off) and _keep_to(self._cores - {core}):
            self._kept_off = core

    def _interrupted(self) -> bool:
        return bool(self._selector.select(0))

    def _sample(self) -> None:
        test = self._test
        if test is None or self.period is None:
            return
        told: dict[str, Any] | None = {} if test.streams else None
        spent = test.sample(self._interrupted, told)
        if told:
            self._ask.send({"stream": "sample", "at": test.age, "cpu_s": time.process_time(), "devices": told})
            if test.age >= test.next_checkpoint:
                self._checkpoint(test)
        test.next_sample = time.monotonic() + max(self.period, spent / MAX_DUTY)

    def _checkpoint(self, test: Test) -> None:
        """Send what was added up so far."""
        test.next_checkpoint = test.age + CHECKPOINT_EVERY_S
        self._ask.send({"stream": "checkpoint", "test": test.told(test.age)})


class Test:
    """One test: the recordings of its devices.

    Args:
        units: devices to read.
        pid: the pytest process.
        root: prefix of ``/proc``.
        ids_are_ours: whether the process ids of the driver mean the same here.
    """

    def __init__(self, units: list[Unit], pid: int, root: str, *, ids_are_ours: bool) -> None:
        """Note the time; nothing is read yet."""
        self._started = time.monotonic()
        self._recordings = [Recording(unit, self._owner) for unit in units]
        self._pid = pid
        self._root = root
        self._samples = 0
        self._begin_took = 0.0
        self._holders: int | None = None
        self._ids_are_ours = ids_are_ours
        self.next_sample = self.next_checkpoint = 0.0
        self.streams = False

    @property
    def age(self) -> float:
        """Return the seconds since the begin."""
        return time.monotonic() - self._started

    def begin(self, budget_s: float) -> list[tuple[Recording, Read]]:
        """Read the counters that fit the budget; return what is left, which nobody waits for."""
        plan = [(r, read) for quick in (True, False) for r in self._recordings for read in r.unit.reads
                if read.quick is quick]  # fmt: skip
        end = self._started + budget_s
        done = 0
        for recording, read in plan:
            if not read.quick or time.monotonic() + read.cost_s > end:
                break
            recording.take(read, first=True)
            done += 1
        return plan[done:]

    def begin_rest(self, plan: list[tuple[Recording, Read]], interrupted: Any) -> None:
        """Read what is left, unless the next request is there already."""
        for recording in self._recordings:
            if recording.unit.profiler is not None and not interrupted():
                _begin_profile(recording)
        for recording, read in plan:
            if interrupted():
                return
            recording.take(read, first=True)
        self._begin_took = time.monotonic() - self._started
        if not self._ids_are_ours and not interrupted():
            self._holders = own_processes.holders(self._pid, self._root, but=(os.getpid(), os.getppid()))

    def sample(self, interrupted: Any, stream: dict[str, Any] | None = None) -> float:
        """Read everything once; return the seconds it took.

        Args:
            interrupted: whether the next request is there already.
            stream: filled with what was read, device by device; hardware counters are then those since the sample
                before, not since the begin.
        """
        start = time.monotonic()
        for recording in self._recordings:
            told: Answer = {}
            for read in recording.unit.reads:
                if interrupted():
                    return time.monotonic() - start
                told.update(recording.take(read))
            recording.note_sample(told)
            profiled = recording.unit.profiler is not None and not interrupted()
            if stream is not None:
                stream[recording.unit.id] = {**self._numbers(recording, told), **(_step(recording) if profiled else {})}
            elif profiled:
                _profile(recording)
        self._samples += 1
        return time.monotonic() - start

    def _numbers(self, recording: Recording, told: Answer) -> dict[str, float]:
        """Return the numbers of a sample, and how many processes of others were there if that can be told."""
        others = {OTHERS: float(recording.others)} if PROCESSES in told and self._ids_are_ours else {}
        return {**numbers_of(told), **others}

    def end(self, budget_s: float) -> dict[str, Any]:
        """Read the counters, and of the rest what fits the budget; return the whole test as JSON data."""
        start = time.monotonic()
        end = start + budget_s
        order = sorted(self._recordings, key=lambda recording: -recording.load)
        for recording in order:
            if recording.samples and time.monotonic() > end:
                continue  # its freshest sample stands
            for read in recording.unit.reads:
                if read.quick:
                    recording.take(read)
        for recording in order:
            for read in recording.unit.reads:
                if not read.quick and time.monotonic() + read.cost_s < end:
                    recording.take(read)
        for recording in order:
            profiler = recording.unit.profiler
            if profiler is not None and (recording.metrics is None or time.monotonic() + profiler.cost_s < end):
                _profile(recording, give_up_at=end + budget_s)
        return self.told(start - self._started)

    def told(self, seconds: float) -> dict[str, Any]:
        """Return what was added up so far as JSON data."""
        return {
            "seconds": seconds,
            "samples": self._samples,
            "begin_took_s": self._begin_took,
            "ids_are_ours": self._ids_are_ours,
            "holders": self._holders,
            "cpu_s": time.process_time(),
            "devices": [self._told(recording) for recording in self._recordings],
        }

    def _owner(self, pid: int) -> bool | None:
        """Return whether a process is the test run's; None when its id means nothing here or it is gone."""
        if not self._ids_are_ours or own_processes.parent_of(pid, self._root) is None:
            return None
        return own_processes.is_own(pid, self._pid, self._root)

    def _told(self, recording: Recording) -> dict[str, Any]:
        plain = recording.plain()
        if self._ids_are_ours:
            for process in plain["processes"]:
                process["name"] = own_processes.name_of(process["pid"], self._root)
        if recording.metrics is not None:
            plain["metrics"] = recording.metrics
            plain["reasons"].pop("metrics", None)
        return plain


def _begin_profile(recording: Recording) -> None:
    try:
        recording.unit.profiler.sample(first=True)
    except Exception as error:
        recording.reasons["metrics"] = _reason(error)


def _step(recording: Recording) -> dict[str, float]:
    """Return the hardware counters since the sample before; nothing when the driver has no answer now."""
    try:
        found: dict[str, float] = recording.unit.profiler.step()
    except Exception as error:
        if not isinstance(error, TooShortError):
            recording.reasons["metrics"] = _reason(error)
        return {}
    return found


def _profile(recording: Recording, *, give_up_at: float | None = None) -> None:
    """Compute the hardware counters from the begin to now."""
    profiler = recording.unit.profiler
    start = time.monotonic()
    if give_up_at is not None and start > give_up_at:
        recording.reasons["metrics"] = ("not_asked", "there was no time for it at the end of the test")
        return
    try:
        profiler.sample(first=False)
        recording.metrics = profiler.metrics()
    except Exception as error:
        recording.reasons["metrics"] = _reason(error)
    else:
        profiler.cost_s = time.monotonic() - start


def _reason(error: Exception) -> tuple[str, str]:
    if isinstance(error, TooShortError):
        return "not_asked", "interval under 100 ms"
    why = WHY.get(getattr(error, "value", -1), "failed")
    return why, f"{type(error).__name__}: {error}"[:200]
