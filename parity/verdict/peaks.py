"""Knows what a device can do at most: peak bandwidth and dense rates of the running devices and of a target. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.checks.subject import Subject
from parity.model.absent import Absent, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from parity.model.identified import Identified
    from parity.model.spec import DeviceSpec
    from parity.model.target import Target

PEAKS = (
    "memory_bandwidth_gbps",
    *(f"tflops_{kind}" for kind in ("fp64", "fp64_tensor", "fp32", "tf32", "bf16", "fp16", "fp8", "fp6", "fp4")),
    "tops_int8",
    "clock_rate_mhz",  # for which the rates hold
)


def peaks_here(
    identified: Iterable[Identified], spec_of: Callable[[str], DeviceSpec]
) -> list[tuple[str, dict[str, float]]]:
    """Return (name, known peaks) of each device; of one that may be several parts, what they agree on.

    Args:
        identified: the visible devices.
        spec_of: gives a part by its catalog id.
    """
    told = []
    for one in identified:
        specs: list[DeviceSpec | None] = [spec_of(name) for name in one.candidates]
        answers = [_peaks(Subject(one, spec).fact) for spec in specs or [None]]
        agreed = {name: value for name, value in answers[0].items() if all(each.get(name) == value for each in answers)}
        told.append((one.identity or one.device.label, agreed))
    return told


def peaks_of(target: Target) -> dict[str, float]:
    """Return the known peaks of a target; of a slice, its own."""
    return _peaks(target.fact)


def _peaks(fact: Callable[[str], Reading[Any] | Absent]) -> dict[str, float]:
    known = {name: fact(name) for name in PEAKS}
    return {name: float(one.value) for name, one in known.items() if isinstance(one, Reading)}
