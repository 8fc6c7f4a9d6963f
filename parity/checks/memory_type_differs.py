"""Knows when a device has another kind of memory than the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the memory technologies differ (HBM3 against GDDR6X): so do latency and access patterns."""
    have, need = here.fact("memory_type"), wanted.fact("memory_type")
    if isinstance(have, Absent):
        yield have
    elif isinstance(need, Absent):
        yield need
    elif str(have.value).lower() != str(need.value).lower():
        yield Mismatch(
            subject=here.label,
            here=str(have.value),
            wanted=str(need.value),
            message=f"memory is {have.value} here, {need.value} on {wanted.id}",
        )
