"""Knows when a desktop shares a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when a display is driven by the device."""
    del wanted
    have = here.conditions.display_active
    if isinstance(have, Absent):
        return  # parts without outputs answer nothing
    if have.value:
        yield Mismatch(subject=here.label, here="active", wanted="none", message="a display is driven by this device")
