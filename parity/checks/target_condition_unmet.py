"""Knows when a condition that the target declares does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.comparison import holds
from parity.model.finding import Mismatch
from parity.units import format_fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


# Declared under a shorter name.
FIELDS = {"persistence": "persistence_enabled", "mig": "mig_enabled", "ecc": "ecc_enabled"}


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each declared condition that the device does not meet, an absence for each not read."""
    for name, required in wanted.conditions.items():
        field = FIELDS.get(name, name)
        have = getattr(here.conditions, field, None)
        if have is None or isinstance(have, Absent):
            yield have or Absent(why="not_asked", source="", detail=f"no reading is called {name}")
        elif not holds(have.value, required):
            yield Mismatch(
                subject=here.label,
                here=f"{name} {format_fact(field, have.value)}",
                wanted=str(required),
                message=f"{name} is {format_fact(field, have.value)}, the target declares {required}",
            )
