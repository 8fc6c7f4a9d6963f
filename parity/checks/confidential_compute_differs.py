"""Knows when confidential computing is on or off against the target's declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when confidential computing is on and the target does not declare it: it slows transfers."""
    if "confidential_compute" in wanted.conditions:
        return  # `target-condition-unmet` judges what is declared
    have = here.conditions.confidential_compute
    if isinstance(have, Absent):
        if here.vendor == "nvidia":
            yield have
    elif have.value:
        yield Mismatch(
            subject=here.label,
            here="on",
            wanted="off",
            message="confidential computing is on here, off on the target",
        )
