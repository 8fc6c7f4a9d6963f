"""Knows when a device's own evidence disagrees: a rebuilt board, a masked name, an overridden target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.absent import Absent
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield one mismatch with everything that contradicts the part the PCI id or name stands for."""
    del wanted
    told = here.identified.contradictions
    if told:
        part = here.part
        yield Mismatch(
            subject=here.label,
            here="; ".join(told),
            wanted=part,
            message=f"the evidence does not fit {part}: {'; '.join(told)}",
        )
