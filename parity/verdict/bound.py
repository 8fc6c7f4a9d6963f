"""Knows which roof a recorded pace was near: DRAM bandwidth or the tensor cores' rate; here and on the target. Pure.

The counters are shares of active cycles. An active cycle of the tensor cores does the full dense rate at most, at the
clock that the rate is published for; a device that ran faster did more. So operations per byte, and the share
of a target's rate, are upper bounds (of dense products); bytes are what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.interval import Gap
from parity.model.watch import Bound, Roof

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.model.watch import Side, Use

DRAM, TENSOR, CLOCK = "dram_active", "tensor_active", "clock_sm_mhz"
RATED = "clock_rate_mhz"
NEAR = 0.6  # this project's line: a copy reaches 85 to 94 % of DRAM's peak on a healthy part
DTYPES = ("fp64", "tf32", "bf16", "fp16", "fp8", "fp6", "fp4", "int8")
_WORDS = {"dram": "DRAM bandwidth", "tensor": "the tensor cores"}


def bound_of(
    use: Mapping[str, Use],
    *,
    dtype: str = "bf16",
    here: tuple[str, Mapping[str, float]] | None = None,
    target: tuple[str, Mapping[str, float]] | None = None,
    why_not_here: str = "",
) -> Bound:
    """Return what bound a device while it was busy.

    Args:
        use: mean and greatest of what was recorded.
        dtype: whose dense rate is the tensor cores' roof, one of ``DTYPES``.
        here: (name, peaks) of the device, None when it is not identified.
        target: the same of the target, None without one.
        why_not_here: why ``here`` is None.
    """
    dram, tensor = _share(use, DRAM), _share(use, TENSOR)
    if dram is None or tensor is None:
        missing = [name for name, share in ((DRAM, dram), (TENSOR, tensor)) if share is None]
        idle = all(name in use for name in (DRAM, TENSOR))
        why = "the device was never busy" if idle else f"no hardware counters ({', '.join(missing)}) were read"
        return Bound(here="unknown", why=why, dtype=dtype)
    side: Side = "dram" if dram >= tensor else "tensor"
    shares = f"DRAM {dram:.0%} and tensor cores {tensor:.0%} active while busy".replace("%", " %")
    gaps = []
    mine = None if here is None else _peaks(here[1], dtype)
    if mine is None or here is None:
        why = why_not_here if here is None else f"{_needed(dtype)} of {here[0]} are not both known"
        gaps.append(Gap(what="ridge", why="failed", detail=why or "the device is not identified"))
    pace = 1.0 if here is None else _pace(use, here[1])
    roof_here = None if mine is None or here is None else _roof(here[0], mine, dram, tensor)
    roof_target = None
    if target is not None:
        theirs = _peaks(target[1], dtype)
        if theirs is None:
            detail = f"{_needed(dtype)} of {target[0]} are not both known"
            gaps.append(Gap(what="target ridge", why="failed", detail=detail))
        elif mine is not None:
            share = dram * mine[0] / theirs[0], tensor * pace * mine[1] / theirs[1]
            roof_target = _roof(target[0], theirs, *share)
    return Bound(
        here=side if max(dram, tensor) >= NEAR else "neither",
        why=f"{_WORDS[side]}: {shares}" if max(dram, tensor) >= NEAR else f"neither roof is near: {shares}",
        dtype=dtype,
        intensity_at_most=round(tensor * pace / dram * roof_here.ridge, 3) if roof_here is not None and dram else None,
        roof_here=roof_here,
        roof_target=roof_target,
        unknowns=tuple(gaps),
    )


def _pace(use: Mapping[str, Use], facts: Mapping[str, float]) -> float:
    """Return how much faster than the clock of its dense rates the device ran while busy; 1 where that is not known."""
    busy, rated = _share(use, CLOCK), facts.get(RATED)
    return max(1.0, busy / rated) if busy and rated else 1.0


def _share(use: Mapping[str, Use], name: str) -> float | None:
    """Return the mean while the device was busy, None when it was not read or never busy."""
    return use[name].busy if name in use else None


def _peaks(facts: Mapping[str, float], dtype: str) -> tuple[float, float] | None:
    """Return (GB/s, TFLOPS), None unless both are known."""
    bandwidth, rate = facts.get("memory_bandwidth_gbps"), facts.get(_rate_of(dtype))
    return (bandwidth, rate) if bandwidth and rate else None


def _rate_of(dtype: str) -> str:
    return {"int8": "tops_int8", "fp64": "tflops_fp64_tensor"}.get(dtype, f"tflops_{dtype}")


def _needed(dtype: str) -> str:
    return f"memory_bandwidth_gbps and {_rate_of(dtype)}"


def _roof(name: str, peaks: tuple[float, float], dram: float, tensor: float) -> Roof:
    bandwidth, rate = peaks
    return Roof(
        name=name,
        memory_bandwidth_gbps=bandwidth,
        rate_tflops=rate,
        ridge=round(rate * 1e3 / bandwidth, 3),
        dram_share=round(dram, 6),
        tensor_share=round(tensor, 6),
        side="dram" if dram >= tensor else "tensor",
    )
