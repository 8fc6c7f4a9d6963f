"""Knows when a device is slowed at the time of reading for a reason that is a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.device import SLOWDOWNS
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when a thermal or hardware slowdown is active now."""
    del wanted
    have = here.conditions.throttle_reasons
    if isinstance(have, Absent):
        yield have
        return
    active = [reason for reason in have.value if reason in SLOWDOWNS]
    if active:
        told = ", ".join(active)
        yield Mismatch(subject=here.label, here=told, wanted="none", message=f"slowed down now: {told}")
