"""Knows how fast a test ran as a share of what a GPU can do: bytes, operations and seconds against its peaks.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_NOTED = 50  # measures of one test that reports hold
MOST_OF_PEAK = 1.25
"""Share of this device's peak beyond which a time is no measurement; below it a clock over the data sheet's may be."""
DTYPES = ("fp64", "fp64_tensor", "fp32", "tf32", "bf16", "fp16", "fp8", "fp6", "fp4", "int8")


class PeakUnknownError(LookupError):
    """A peak that was needed is not known; the text says which, and of what."""


class AboveRoofError(ValueError):
    """A time in which this device cannot have done the work; the text says by how much, and the usual causes."""


class Peaks(NamedTuple):
    """What one device can do at most, after its data sheet and driver.

    Attributes:
        name: the device, for messages.
        facts: ``memory_bandwidth_gbps`` (decimal GB/s), ``tflops_bf16`` ... and ``tops_int8`` (dense); only known ones.
        problem: why nothing is known; empty otherwise.
    """

    name: str
    facts: Mapping[str, float]
    problem: str = ""

    def bandwidth(self) -> float:
        """Return peak memory bandwidth in bytes per second.

        Raises:
            PeakUnknownError: it is not known.
        """
        return self._fact("memory_bandwidth_gbps") * 1e9

    def rate(self, dtype: str) -> float:
        """Return the dense peak rate of a data type in operations per second.

        Raises:
            PeakUnknownError: it is not known.
        """
        return self._fact(_rate_of(dtype)) * 1e12

    def told(self, dtype: str) -> dict[str, Any]:
        """Return name, bandwidth (GB/s) and dense rate (TFLOPS, for int8 TOPS) as plain data; None is not known."""
        rate = self.facts.get(_rate_of(dtype))
        return {"name": self.name, "bandwidth_gbps": self.facts.get("memory_bandwidth_gbps"), "dense_rate": rate}

    def _fact(self, name: str) -> float:
        value = self.facts.get(name)
        if value is None:
            message = f"{name} of {self.name} is not known{f': {self.problem}' if self.problem else ''}"
            raise PeakUnknownError(message)
        return value


class Roofline(NamedTuple):
    """How one timed piece of work stands to a device's roof. Made by the fixture ``parity_roofline``.

    Attributes:
        seconds: time taken.
        bytes: moved between the device and its memory.
        flops: operations done; a multiply-add counts two.
        dtype: data type of the operations, which chooses the peak rate.
        here: peaks of the running device.
        target: peaks of the declared target.
    """

    seconds: float
    bytes: float
    flops: float
    dtype: str
    here: Peaks
    target: Peaks

    @property
    def gbps(self) -> float:
        """Achieved memory bandwidth in decimal GB/s."""
        return self.bytes / self.seconds / 1e9

    @property
    def tflops(self) -> float:
        """Achieved rate in 10^12 operations per second."""
        return self.flops / self.seconds / 1e12

    @property
    def intensity(self) -> float:
        """Operations per byte; infinite when no byte is moved."""
        return self.flops / self.bytes if self.bytes else math.inf

    @property
    def of_here(self) -> float:
        """Share of what the running device could do at most: least possible time over time taken.

        Above 1 when the time or the counts are wrong, caches served the bytes, or clocks are over the data sheet's.

        Raises:
            PeakUnknownError: a peak that is needed is not known.
        """
        return self.least_seconds(self.here) / self.seconds

    @property
    def of_target(self) -> float:
        """Share of what the target could do at most; what the same time would mean there.

        Raises:
            PeakUnknownError: a peak that is needed is not known, or no target is declared.
        """
        return self.least_seconds(self.target) / self.seconds

    @property
    def bound_here(self) -> str:
        """What binds on the running device: ``memory`` or ``compute``."""
        return self._bound(self.here)

    @property
    def bound_on_target(self) -> str:
        """What would bind on the target: ``memory`` or ``compute``."""
        return self._bound(self.target)

    def least_seconds(self, peaks: Peaks) -> float:
        """Return the time below which the roof of a device does not let this work go."""
        return max(self._times(peaks))

    @property
    def above_roof(self) -> float:
        """Share of the running device's known peaks where it is over ``MOST_OF_PEAK``; 0.0 where it is not."""
        bandwidth, rate = self.here.facts.get("memory_bandwidth_gbps"), self.here.facts.get(_rate_of(self.dtype))
        memory = self.gbps / bandwidth if bandwidth else 0.0
        compute = self.tflops / rate if rate else 0.0
        share = max(memory, compute)
        return share if share > MOST_OF_PEAK else 0.0

    def _bound(self, peaks: Peaks) -> str:
        memory, compute = self._times(peaks)
        return "memory" if memory >= compute else "compute"

    def _times(self, peaks: Peaks) -> tuple[float, float]:
        """Return least seconds for the bytes and for the operations; a peak nobody needs may be unknown."""
        return (
            self.bytes / peaks.bandwidth() if self.bytes else 0.0,
            self.flops / peaks.rate(self.dtype) if self.flops else 0.0,
        )


def roofline(
    *,
    seconds: float,
    bytes: float = 0,  # noqa: A002  (the word of the field)
    flops: float = 0,
    dtype: str = "bf16",
    device: int | None = None,
    peaks: Callable[[int | None], tuple[Peaks, Peaks]],
) -> Roofline:
    """Return how a piece of work stands to the running device's roof and to the target's.

    Args:
        seconds: time taken, above 0.
        bytes: moved between the device and its memory.
        flops: operations done; a multiply-add counts two.
        dtype: one of ``DTYPES``; the dense rate is the peak.
        device: index of the device among the visible ones; needed where they are not all the same part.
        peaks: gives (running device, target).

    Raises:
        ValueError: a number is not positive and finite, neither bytes nor flops are given, or the dtype is unknown.
    """
    _positive("seconds", seconds, least=math.ulp(0.0))
    _positive("bytes", bytes, least=0)
    _positive("flops", flops, least=0)
    if not bytes and not flops:
        message = "give bytes, flops or both: without them there is no roof"
        raise ValueError(message)
    if dtype not in DTYPES:
        message = f"dtype: {dtype!r} is not one of {', '.join(DTYPES)}"
        raise ValueError(message)
    here, target = peaks(device)
    return Roofline(float(seconds), float(bytes), float(flops), dtype, here, target)


def read_peaks(answer: Mapping[str, Any], device: int | None) -> tuple[Peaks, Peaks]:
    """Return (running device, target) of the engine's answer to ``peaks``.

    Raises:
        ValueError: no visible device has this index, or none is named and they differ.
    """
    devices = [one for one in answer.get("here") or () if isinstance(one, dict)]
    target = _peaks(answer.get("target") or {"name": "the target", "problem": "no target is declared"})
    if not devices:
        problem = str(answer.get("problem") or "no GPU could be read")
        return Peaks("the running device", {}, problem), target
    if device is None:
        parts = {str(one.get("name")) for one in devices}
        if len(parts) > 1:
            message = f"the visible devices are not all the same ({', '.join(sorted(parts))}); mend: give device=INDEX"
            raise ValueError(message)
        return _peaks(devices[0]), target
    if not 0 <= device < len(devices):
        message = f"device={device}: {len(devices)} are visible"
        raise ValueError(message)
    return _peaks(devices[device]), target


def _peaks(told: Mapping[str, Any]) -> Peaks:
    facts = told.get("facts") or {}
    known = {str(name): float(value) for name, value in facts.items() if isinstance(value, (int, float))}
    return Peaks(str(told.get("name") or "a device"), known, str(told.get("problem") or ""))


class Noted:
    """What one test measured, as plain data, and how many measures there were beyond the most that is kept."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.kept: list[dict[str, Any]] = []
        self.more = 0


NOTED = pytest.StashKey[Noted]()
"""On an item, from its first measure on."""


def note(item: pytest.Item, measured: Roofline) -> None:
    """Keep a measure for the reports of the run; of more than they hold, one beyond the roof rather than another."""
    noted = item.stash.setdefault(NOTED, Noted())
    if len(noted.kept) >= MOST_NOTED:
        noted.more += 1
        if not measured.above_roof:
            return
        noted.kept.pop()
    plain = {name: getattr(measured, name) for name in ("seconds", "bytes", "flops", "dtype")}
    peaks = {name: getattr(measured, name).told(measured.dtype) for name in ("here", "target")}
    noted.kept.append({**plain, **peaks, "above_roof": bool(measured.above_roof)})


def check_roof(measured: Roofline) -> None:
    """Refuse a time that the running device cannot have taken, as far as its peaks are known.

    Raises:
        AboveRoofError: the share of a peak is over ``MOST_OF_PEAK``.
    """
    __tracebackhide__ = True  # the test's own line says it
    if measured.above_roof:
        message = (
            f"parity_roofline: {measured.above_roof:.3g} times what {measured.here.name} can do at most: this is no "
            "measurement\n"
            "  usual causes: the kernels were not awaited (torch.cuda.synchronize() before the clock is read), or "
            "bytes or flops are wrong (another dtype, sparse operations, work of several GPUs or calls)\n"
            "  mend: correct them; where caches serve the bytes, strict=False gives the number, and reports mark it"
        )
        raise AboveRoofError(message)


def take_notes(item: pytest.Item) -> dict[str, Any]:
    """Return what a test measured since the last call, for its report; empty when nothing was."""
    noted = item.stash.get(NOTED, None)
    if noted is None:
        return {}
    del item.stash[NOTED]
    return {"rooflines": noted.kept, "more_rooflines": noted.more}


def _rate_of(dtype: str) -> str:
    """Return the name of the fact that holds the dense peak rate of a data type."""
    return "tops_int8" if dtype == "int8" else f"tflops_{dtype}"


def _positive(name: str, value: float, *, least: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < math.inf:
        message = f"{name}: {value!r} is not a {'positive ' if least else ''}finite number"
        raise ValueError(message)
