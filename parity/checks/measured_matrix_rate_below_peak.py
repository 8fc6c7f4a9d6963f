"""Knows when matrix products reach less of the part's dense rate, as measured, than healthy parts are known to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.measured import ABOVE_PEAK, below, is_torch_on_rocm, judged, without_peak
from parity.model.absent import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine, Subject
    from parity.model.absent import Absent
    from parity.model.finding import Mismatch
    from parity.model.target import Target

# What a library makes of FP32 and INT8 differs too much between parts and versions to say anything of a device.
JUDGED = ("matmul_tf32", "matmul_bf16", "matmul_fp16", "matmul_fp8")
MOST_UNRATED = 1.25  # of a dense rate whose clock nobody published: cards boost a fifth beyond it


def check(
    here: Machine, wanted: Target, *, published_margin: float, at_least: float, torch_on_rocm_at_least: float
) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for a device whose measured matrix rate is too small a part of the dense rate.

    Args:
        here: its fingerprint carries measurements, or there is nothing to say.
        wanted: plays no part: a device is held against itself.
        published_margin: part of the best published product of this part that still passes; that was searched for over
            many shapes, and this is one.
        at_least: least fraction of peak where nothing is published of the part.
        torch_on_rocm_at_least: the same for torch on AMD, whatever is published; FP8 is not judged there.
    """
    del wanted
    for one, subject, peak in judged(here, JUDGED):
        if peak is None:
            yield without_peak(one, subject)
            continue
        rate = subject.spec.number(f"tflops_{one.name.removeprefix('matmul_')}_measured") if subject.spec else None
        is_rocm = is_torch_on_rocm(one, subject)
        if (rate is None or is_rocm) and one.name == "matmul_fp8":
            continue
        published = [] if rate is None or is_rocm else [rate / peak]
        floor = torch_on_rocm_at_least if is_rocm else at_least
        most = _most(subject)
        yield from below(one, subject, peak, published, published_margin=published_margin, floor=floor, most=most)


def _most(subject: Subject) -> float:
    """Return the part of the dense rate that the device can reach: it holds for a clock, and devices may go beyond."""
    rated, boost = subject.spec.number("clock_rate_mhz") if subject.spec else None, subject.fact("clock_boost_mhz")
    if not rated or not isinstance(boost, Reading):
        return MOST_UNRATED
    return ABOVE_PEAK * max(1.0, float(boost.value) / rated)
