"""Knows one watched device in the watcher's child: its reads with their costs, and what one test's reads add up to.

Standard library only: this runs in a process that must start in milliseconds and be gone from the caches while a
test runs.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.probes.ask import failed

if TYPE_CHECKING:
    from collections.abc import Callable

MEASURED_TIMES = 3
EVENT_BITS = "event_bits"
PROCESSES = "processes"
OTHERS = "other_processes"
MAX_PROCESSES = 64
MAX_REMEMBERED = 256  # processes of one recording: hours of short ones must not outgrow an answer
BUSY_PERCENT = 50  # utilisation from which on a clock is that of work

# What one read answers: series name -> number; (why, detail) where there is none; a list for ``processes``.
Answer = dict[str, Any]


@dataclass
class Read:
    """One question to a vendor library and the series it gives.

    Attributes:
        name: the call, as it is named where its answer is missing.
        gives: series it fills.
        question: asks; may raise anything.
        quick: a cumulative counter or a value that is worth most close to the test; read first.
        classify: turns an exception into (why, detail).
        cost_s: median cost of a few reads.
    """

    name: str
    gives: tuple[str, ...]
    question: Callable[[], Answer]
    quick: bool = False
    classify: Callable[[BaseException], tuple[str, str]] = failed
    cost_s: float = 0.0

    def __call__(self) -> Answer:
        """Return the answer; an exception is the reason of every series it should have filled."""
        try:
            return self.question()
        except Exception as error:
            try:
                reason = self.classify(error)
            except Exception:  # ``str(error)`` calls into the vendor library
                reason = "failed", type(error).__name__
            return dict.fromkeys(self.gives, reason)

    def measure(self) -> Answer:
        """Read a few times and keep the median cost; return the last answer."""
        costs, answer = [], {}
        for _ in range(MEASURED_TIMES):
            start = time.perf_counter()
            answer = self()
            costs.append(time.perf_counter() - start)
        self.cost_s = sorted(costs)[len(costs) // 2]
        return answer


@dataclass
class Unit:
    """One GPU or MIG slice.

    Attributes:
        id: ``nvml:0``, ``nvml:0:mig1``, ``amdsmi:0``, ``drm:0000:c1:00.0``.
        facts: how the parent tells it from others: vendor, index, uuid, bus, name, parent_uuid, slice.
        reads: what can be asked during a test.
        fixed: what does not change: power_default_w, clock_max_mhz.
        missing: series -> (why, detail) of what this device does not have.
        profiler: samples of the hardware counters of an interval, if the device has them.
    """

    id: str
    facts: dict[str, Any]
    reads: list[Read] = field(default_factory=list)
    fixed: dict[str, float] = field(default_factory=dict)
    missing: dict[str, tuple[str, str]] = field(default_factory=dict)
    profiler: Any = None

    def keep(self, read: Read, answer: Answer | None, why: tuple[str, str] | None = None) -> None:
        """Keep a measured read if it answered anything; else remember why not and never ask it again."""
        if answer is None:
            self.missing.update(dict.fromkeys(read.gives, why or ("failed", f"{read.name} is not asked")))
            return
        lost = {name: value for name, value in answer.items() if isinstance(value, tuple)}
        if len(lost) == len(answer) and all(
            value[0] in ("not_supported", "library_missing") for value in lost.values()
        ):
            self.missing.update(lost)
        else:
            self.reads.append(read)


def numbers_of(answer: Answer) -> dict[str, float]:
    """Return the numbers of an answer, without reasons, lists and what is no number after all.

    >>> numbers_of({"a": 1, "b": ("failed", "why"), "processes": [], "c": float("nan"), "d": 0.5})
    {'a': 1, 'd': 0.5}
    """
    return {name: value for name, value in answer.items() if isinstance(value, (int, float)) and math.isfinite(value)}


class Track:
    """One series of one test: first, last, least, greatest, sum and number of samples."""

    __slots__ = ("begin", "count", "end", "greatest", "least", "total")

    def __init__(self, value: float) -> None:
        """Start with the first sample."""
        self.begin = self.end = self.least = self.greatest = self.total = value
        self.count = 1

    def add(self, value: float) -> None:
        """Take one more sample."""
        self.end = value
        self.least = min(self.least, value)
        self.greatest = max(self.greatest, value)
        self.total += value
        self.count += 1

    def plain(self) -> list[float]:
        """Return [begin, end, least, greatest, sum, count]."""
        return [self.begin, self.end, self.least, self.greatest, self.total, self.count]


@dataclass
class Sight:
    """One process on a device.

    Attributes:
        own: whether it belongs to the test run; None when its id means nothing here or it had ended when looked up, so
            that only one seen again counts.
    """

    kind: str
    own: bool | None
    bytes: int | None = None
    at_begin: bool = False
    at_end: bool = False
    times: int = 0

    @property
    def is_foreign(self) -> bool:
        """Return whether it counts as somebody else's."""
        return self.own is False or (self.own is None and self.times > 1)


class Recording:
    """What was read from one device during one test.

    Args:
        unit: the device.
        owner: pid -> whether it belongs to the test run; None: cannot be told.
    """

    def __init__(self, unit: Unit, owner: Callable[[int], bool | None]) -> None:
        """Start with nothing read."""
        self.unit = unit
        self._owner = owner
        self.tracks: dict[str, Track] = {}
        self.reasons: dict[str, tuple[str, str]] = {}
        self.events: dict[int, int] = {}
        self.seen: dict[int, Sight] = {}
        self.listed: int | None = None
        self.listed_bytes: int | None = None
        self.busy: Track | None = None
        self.metrics: dict[str, float] | None = None
        self.samples = 0
        self.load = 0.0

    def take(self, read: Read, *, first: bool = False) -> Answer:
        """Ask one read and add up its answer."""
        answer = read()
        for name, value in answer.items():
            if isinstance(value, tuple):
                self.reasons[name] = value
            elif name == PROCESSES:
                self._processes(value, first=first)
            elif name == EVENT_BITS:
                self.events[value] = self.events.get(value, 0) + 1
            elif not math.isfinite(value):
                self.reasons[name] = ("failed", f"answered {value}")
            elif name in self.tracks:
                self.tracks[name].add(value)
            else:
                self.tracks[name] = Track(value)
        return answer

    def _processes(self, found: list[list[Any]], *, first: bool) -> None:
        """Remember every process seen that is not the test run's own, and what all listed ones held at the begin."""
        if first:
            self.listed = len(found)
            held = [used for _, _, used in found]
            self.listed_bytes = None if None in held else sum(held)
        for sight in self.seen.values():
            sight.at_end = False
        for pid, kind, used in found[:MAX_PROCESSES]:
            sight = self.seen.get(pid) or self.seen.setdefault(pid, Sight(kind=kind, own=self._owner(pid)))
            sight.times += 1
            sight.at_begin = sight.at_begin or first
            sight.at_end = True
            if used is not None:
                sight.bytes = max(sight.bytes or 0, used)
        self._forget()

    def _forget(self) -> None:
        """Let go of ended processes once there are too many: first those that count for nothing, then the oldest."""
        much = len(self.seen) - MAX_REMEMBERED
        if much > 0:
            ended = [pid for pid, sight in self.seen.items() if not sight.at_end]
            for pid in sorted(ended, key=lambda pid: self.seen[pid].is_foreign)[:much]:
                del self.seen[pid]

    @property
    def others(self) -> int:
        """Return how many processes are there now that do not belong to the test run."""
        return sum(seen.at_end and seen.is_foreign for seen in self.seen.values())

    def note_sample(self, answer: Answer) -> None:
        """Count a sample, and take its clock into account when the device was busy at the one before already.

        The first busy sample may lie in the ramp from idle clocks, so it does not count.
        """
        self.samples += 1
        clock = answer.get("clock_sm_mhz", answer.get("clock_graphics_mhz"))
        load = answer.get("utilization_percent")
        before, self.load = self.load, float(load) if isinstance(load, (int, float)) else 0.0
        if min(before, self.load) >= BUSY_PERCENT and isinstance(clock, (int, float)):
            if self.busy is None:
                self.busy = Track(clock)
            else:
                self.busy.add(clock)

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON data."""
        tracks = {name: track.plain() for name, track in self.tracks.items()}
        if self.busy is not None:
            tracks["clock_busy_mhz"] = self.busy.plain()
        return {
            "id": self.unit.id,
            "series": tracks,
            "reasons": self.reasons,
            "events": {str(mask): count for mask, count in self.events.items()},
            "processes": [
                {"pid": pid, "kind": seen.kind, "bytes": seen.bytes, "at_begin": seen.at_begin, "at_end": seen.at_end}
                for pid, seen in self.seen.items()
                if seen.is_foreign
            ],
            "listed": self.listed,
            "listed_bytes": self.listed_bytes,
        }
