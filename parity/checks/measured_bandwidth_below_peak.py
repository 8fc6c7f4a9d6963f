"""Knows when memory delivers less of its own peak, as measured, than healthy parts are known to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.measured import below, is_torch_on_rocm, judged, not_measured, without_peak
from parity.model.measurement import DRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.finding import Mismatch
    from parity.model.target import Target


def check(
    here: Machine,
    wanted: Target,
    *,
    published_margin: float,
    kernel_at_least: float,
    memcpy_at_least: float,
    torch_on_rocm_at_least: float,
) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for a device whose measured memory bandwidth is too small a part of its theoretical peak.

    Args:
        here: its fingerprint carries measurements, or there is nothing to say.
        wanted: plays no part: a device is held against itself.
        published_margin: part of the least published figure of this part and kind of kernel that still passes.
        kernel_at_least: least fraction of peak for a kernel where nothing is published of the part.
        memcpy_at_least: the same for the driver's own copy or fill.
        torch_on_rocm_at_least: the same for torch's kernels on AMD, whatever is published of other kernels.
    """
    del wanted
    yield from not_measured(here)
    for one, subject, peak in judged(here, DRAM):
        if peak is None:
            yield without_peak(one, subject)
            continue
        published = [
            known.value / peak
            for known in (subject.spec.achieved if subject.spec is not None else ())
            if known.name == one.name and known.kernel == one.kernel_kind
        ]
        floor = kernel_at_least if one.kernel_kind == "kernel" else memcpy_at_least
        if is_torch_on_rocm(one, subject):
            published, floor = [], torch_on_rocm_at_least
        yield from below(one, subject, peak, published, published_margin=published_margin, floor=floor)
