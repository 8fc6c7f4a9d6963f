"""Knows what becomes of the watcher's stream: a strip per device, and the last state of everything added up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from parity.probes.watch_decode import IDLE_BITS, causes
from parity.probes.watch_series import TICKS, cause_of, is_counter, is_of_throttling, share_of
from parity.probes.watch_unit import EVENT_BITS
from parity.watching.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Mapping

BUSY = 0.05  # share of work from which on a device counts as busy
THROTTLED = "throttled."


class Recorder:
    """Takes the stream of one watch.

    Attributes:
        checkpoint: the last state of everything added up; None before the first.
        until: seconds from the begin to the last sample.
        strips: device id -> its timeline.
        busy: device id -> [seconds with work, seconds of which that is known].
        cpu_first, cpu_last: the watcher's processor time at the begin and at the last sample.
    """

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.checkpoint: dict[str, Any] | None = None
        self.until = 0.0
        self.strips: dict[str, Strip] = {}
        self.busy: dict[str, list[float]] = {}
        self.cpu_first: float | None = None
        self.cpu_last: float | None = None
        self.problem = ""
        self._before: dict[str, Mapping[str, float]] = {}

    def take(self, record: dict[str, Any]) -> None:
        """Take one line of the stream; one that is not understood is a problem to tell, never an exception."""
        try:
            if record["stream"] == "checkpoint":
                self._checkpoint(record["test"])
            else:
                self._sample(float(record["at"]), float(record["cpu_s"]), record["devices"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            self.problem = f"a line of the watcher's is not understood: {error!r}"[:200]

    def finished(self, test: Mapping[str, Any]) -> None:
        """Take what the watcher said at the end."""
        cpu = test.get("cpu_s")
        self.cpu_last = cpu if isinstance(cpu, float) else self.cpu_last

    def _checkpoint(self, test: dict[str, Any]) -> None:
        first = self.checkpoint is None
        self.checkpoint = test
        self.cpu_last = float(test["cpu_s"])
        if first:
            self.cpu_first = self.cpu_last
            for device in test["devices"]:
                self._before[device["id"]] = {name: track[1] for name, track in device["series"].items()}

    def _sample(self, at: float, cpu_s: float, devices: Mapping[str, Mapping[str, float]]) -> None:
        if not math.isfinite(at) or at < self.until:
            raise ValueError(at)
        since, self.until, self.cpu_last = at - self.until, at, cpu_s
        for name, values in devices.items():
            before = self._before.get(name, {})
            told = {
                **{key: value for key, value in values.items() if not is_counter(key) and key != EVENT_BITS},
                **throttling(before, values, since, "nvidia" if name.startswith("nvml") else "amd"),
            }
            working = is_busy(values)
            if working is not None:
                spent = self.busy.setdefault(name, [0.0, 0.0])
                spent[0] += since * working
                spent[1] += since
            self.strips.setdefault(name, Strip()).add(at, told, busy=bool(working))
            self._before[name] = {**before, **values}


def is_busy(values: Mapping[str, float]) -> bool | None:
    """Return whether a sample shows work, None when nothing in it tells.

    >>> is_busy({"sm_activity": 0.5}), is_busy({"utilization_percent": 3}), is_busy({})
    (True, False, None)
    """
    for name, whole in (("sm_activity", 1.0), ("graphics_active", 1.0), ("utilization_percent", 100.0)):
        if name in values:
            return values[name] / whole > BUSY
    return None


def throttling(before: Mapping[str, float], now: Mapping[str, float], seconds: float, vendor: str) -> dict[str, float]:
    """Return the share of the time that each cause held the clocks down: by its counter; without one, 1 where it holds.

    Args:
        before: values of the sample before.
        now: values of this one.
        seconds: between both.
        vendor: ``nvidia`` or ``amd``, for the bits of the present causes.
    """
    shares: dict[str, float] = {}
    ticks = now[TICKS] - before[TICKS] if TICKS in now and TICKS in before else 0.0
    for name, value in now.items():
        moved = value - before[name] if name in before else -1.0
        share = share_of(name, moved, seconds=seconds, ticks=ticks) if moved >= 0 else None
        if share is not None:
            shares[cause_of(name)] = share
    if EVENT_BITS in now:
        counted = {cause_of(name) for name in now if is_of_throttling(name)}
        shares.update(dict.fromkeys(causes(int(now[EVENT_BITS]), vendor) - IDLE_BITS - counted, 1.0))
    return {f"{THROTTLED}{cause}": share for cause, share in shares.items()}
