"""Knows when a device sits on another kind of board than the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the form factors differ (SXM, PCIe, NVL, OAM): power, links and cooling follow them."""
    have, need = here.fact("form_factor"), wanted.fact("form_factor")
    if here.vendor != wanted.spec.vendor:
        return
    if isinstance(have, Absent):
        yield have
    elif isinstance(need, Absent):
        yield need
    elif have.value != need.value:
        yield Mismatch(
            subject=here.label,
            here=str(have.value),
            wanted=str(need.value),
            message=f"the form factor is {have.value} here, {need.value} on {wanted.id}",
        )
