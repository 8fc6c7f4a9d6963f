"""Knows when the same kernel is bound by another resource here than on the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, Reading
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.spec import FactValue
    from parity.model.target import Target


def check(here: Subject, wanted: Target, *, at_least: float, at_most: float) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the ridge points (dense BF16 FLOP per byte of peak bandwidth) differ beyond the bounds.

    A kernel whose intensity lies between the two ridge points is compute-bound on one and memory-bound on the other.
    """
    have = _ridge(here.fact("tflops_bf16"), here.fact("memory_bandwidth_gbps"))
    need = _ridge(wanted.fact("tflops_bf16"), wanted.fact("memory_bandwidth_gbps"))
    if here.spec is not None and here.spec.id == wanted.id:
        return
    if isinstance(have, Absent):
        yield have
    elif isinstance(need, Absent):
        yield need
    elif not at_least <= have / need <= at_most:
        low, high = sorted((have, need))
        bound_here, bound_there = ("compute", "memory") if have < need else ("memory", "compute")
        yield Mismatch(
            subject=here.label,
            here=f"{have:.0f} FLOP/B",
            wanted=f"{need:.0f} FLOP/B",
            ratio=round(have / need, 4),
            message=(
                f"BF16 kernels of {low:.0f} to {high:.0f} FLOP/byte are {bound_here}-bound here and "
                f"{bound_there}-bound on {wanted.id}"
            ),
        )


def _ridge(rate: Reading[FactValue] | Absent, bandwidth: Reading[FactValue] | Absent) -> float | Absent:
    """Return dense FLOP per byte moved: TFLOPS x 1000 / (GB/s)."""
    if isinstance(rate, Absent):
        return rate
    if isinstance(bandwidth, Absent):
        return bandwidth
    if isinstance(rate.value, str) or isinstance(bandwidth.value, str) or not bandwidth.value:
        return Absent(why="failed", source="catalog", detail="not numbers")
    return rate.value * 1000 / bandwidth.value
