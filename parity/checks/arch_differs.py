"""Knows when a device runs another instruction set than the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when compute capability or gfx target differ; equality only, since order means nothing.

    12.1 is no newer 10.0, and ``a`` and ``f`` code does not carry over.
    """
    if here.vendor is not None and here.vendor != wanted.spec.vendor:
        return
    arch = here.arch
    if arch is None:
        yield Absent(why="not_asked", source="", detail="neither a compute capability nor a known part")
    elif arch != wanted.spec.arch:
        yield Mismatch(
            subject=here.label,
            here=arch,
            wanted=wanted.spec.arch,
            message=f"the architecture is {arch} here, {wanted.spec.arch} on {wanted.id}",
        )
