"""Knows when a device reports defects of its memory or asks for a reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, value_of
from parity.model.finding import Mismatch
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for uncorrected ECC errors, failed or pending row remaps, or a lost device."""
    del wanted
    conditions = here.conditions
    told: list[str] = []
    uncorrected = value_of(conditions.ecc_uncorrected)
    if uncorrected:
        told.append(plural(uncorrected, "uncorrected ECC error"))
    if value_of(conditions.remap_failed):
        told.append("a memory row could not be remapped")
    if value_of(conditions.remap_pending):
        told.append("a row remap waits for a reset")
    if value_of(conditions.sram_threshold_exceeded):
        told.append("SRAM errors exceed their threshold")
    action = value_of(conditions.recovery_action)
    if action not in (None, "none"):
        told.append(f"the driver asks for: {action}")
    lost = [name for name in conditions.__struct_fields__ if _lost(getattr(conditions, name))]
    if lost:
        told.append(f"the driver calls the device lost ({len(lost)} readings)")
    if told:
        text = "; ".join(told)
        yield Mismatch(subject=here.label, here=text, wanted="healthy", message=text)


def _lost(observed: object) -> bool:
    return isinstance(observed, Absent) and observed.why == "lost"
