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
    """Yield a mismatch when confidential computing is not as declared (default: off); it slows every transfer."""
    expected = bool(wanted.conditions.get("confidential_compute", False))
    have = here.conditions.confidential_compute
    if isinstance(have, Absent):
        if here.vendor == "nvidia":
            yield have
    elif have.value != expected:
        here_text, wanted_text = ("on" if value else "off" for value in (have.value, expected))
        yield Mismatch(
            subject=here.label,
            here=here_text,
            wanted=wanted_text,
            message=f"confidential computing is {here_text} here, {wanted_text} on the target",
        )
