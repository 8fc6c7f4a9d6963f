"""Knows when a device is of another vendor than the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import NOT_ASKED, Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the vendors differ."""
    vendor = here.vendor
    if vendor is None:
        yield here.device.identity.vendor if isinstance(here.device.identity.vendor, Absent) else NOT_ASKED
    elif vendor != wanted.spec.vendor:
        yield Mismatch(
            subject=here.label,
            here=vendor,
            wanted=wanted.spec.vendor,
            message=f"{here.part} is made by {vendor}, {wanted.id} by {wanted.spec.vendor}",
        )
