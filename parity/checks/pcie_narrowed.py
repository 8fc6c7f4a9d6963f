"""Knows when a device's PCIe link runs with fewer lanes than it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, value_of
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the present width is under the maximum, judged only while the device is not idle.

    Links save power at idle; a narrow link at rest proves nothing.
    """
    del wanted
    now, most = here.conditions.pcie_width_now, here.device.identity.pcie_width
    if isinstance(now, Absent) or isinstance(most, Absent) or not _under_load(here):
        return
    if 0 < now.value < most.value:
        yield Mismatch(
            subject=here.label,
            here=f"x{now.value}",
            wanted=f"x{most.value}",
            ratio=round(now.value / most.value, 4),
            message=f"the PCIe link runs x{now.value} under load, the device can do x{most.value}",
        )


def _under_load(here: Subject) -> bool:
    reasons = value_of(here.conditions.throttle_reasons)
    busy = value_of(here.conditions.utilization_gpu_percent) or 0
    return busy > 0 and (reasons is None or "idle" not in reasons)
