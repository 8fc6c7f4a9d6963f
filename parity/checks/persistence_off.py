"""Knows when the driver unloads a device's state between uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when persistence mode is off: the first use pays for initialisation."""
    del wanted
    have = here.conditions.persistence_enabled
    if isinstance(have, Absent):
        if here.vendor == "nvidia":
            yield have
    elif not have.value:
        yield Mismatch(subject=here.label, here="off", wanted="on", message="persistence mode is off")
