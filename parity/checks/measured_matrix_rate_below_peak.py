"""Knows when matrix products reach less of the part's dense rate, as measured, than healthy parts are known to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.measured import below, judged, without_peak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.finding import Mismatch
    from parity.model.target import Target

# What a library makes of FP32 and INT8 differs too much between parts and versions to say anything of a device.
JUDGED = ("matmul_tf32", "matmul_bf16", "matmul_fp16", "matmul_fp8")


def check(here: Machine, wanted: Target, *, published_margin: float, at_least: float) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for a device whose measured matrix rate is too small a part of the dense rate.

    Args:
        here: its fingerprint carries measurements, or there is nothing to say.
        wanted: plays no part: a device is held against itself.
        published_margin: part of the best published product of this part that still passes; that was searched for over
            many shapes, and this is one.
        at_least: least fraction of peak where nothing is published of the part.
    """
    del wanted
    for one, subject, peak in judged(here, JUDGED):
        if peak is None:
            yield without_peak(one, subject)
            continue
        rate = subject.spec.number(f"tflops_{one.name.removeprefix('matmul_')}_measured") if subject.spec else None
        if rate is None and one.name == "matmul_fp8":
            continue
        published = [] if rate is None else [rate / peak]
        yield from below(one, subject, peak, published, published_margin=published_margin, floor=at_least)
