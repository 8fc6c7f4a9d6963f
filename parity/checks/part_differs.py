"""Knows when a device is another part than the target, however alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, value_of
from parity.model.finding import Mismatch
from parity.model.fingerprint import described_identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the catalog part differs; an absence when the catalog does not know the device."""
    if here.spec is None and _is_captured(here, wanted):
        return
    if here.spec is None:
        name = value_of(here.device.identity.name) or "the device"
        yield Absent(why="not_asked", source="catalog", detail=f"{name} is in no catalog entry")
    elif here.spec.id != wanted.id:
        yield Mismatch(
            subject=here.label,
            here=here.spec.id,
            wanted=wanted.id,
            message=f"this is {here.spec.name}, the target is {wanted.spec.name}",
        )


def _is_captured(here: Subject, wanted: Target) -> bool:
    """Return whether a device that the catalog lacks is, value for value, one of the captured target's."""
    if wanted.reference is None:
        return False
    mine = described_identity(here.device)
    return any(mine == described_identity(device) for device in wanted.reference.visible_devices)
