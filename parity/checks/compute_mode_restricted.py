"""Knows when a device lets only one process in, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the compute mode is not default."""
    del wanted
    have = here.conditions.compute_mode
    if isinstance(have, Absent):
        return  # only NVIDIA has the setting
    if have.value != "default":
        yield Mismatch(
            subject=here.label, here=have.value, wanted="default", message=f"the compute mode is {have.value}"
        )
