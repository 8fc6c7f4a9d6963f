"""Knows when installed software is not what the target pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.versions import installed, version_fits
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each pinned component whose version is outside the pin, an absence for each not found."""
    for name, pin in wanted.stack.items():
        have = installed(here.fingerprint.stack, name)
        if isinstance(have, Absent):
            yield have
            continue
        fits = version_fits(have.value, pin)
        if fits is None:
            yield Absent(why="failed", source=have.source, detail=f"{name} {have.value} is not a comparable version")
        elif not fits:
            yield Mismatch(
                subject=name,
                here=have.value,
                wanted=pin,
                message=f"{name} is {have.value}, the target pins {pin}",
            )
