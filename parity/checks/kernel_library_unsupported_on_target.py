"""Knows when an installed kernel library does not run on the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.installed_libraries import answer, kernel_packages
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each installed library whose own gate, or build, leaves the target out.

    A version outside the data is a question.
    """
    for found in kernel_packages(here):
        there = answer(here, found, wanted.spec.arch)
        if there.support == "unsupported":
            why = f": {there.note}" if there.note else ""
            yield Mismatch(
                subject=found.package,
                here=found.version,
                wanted=f"support for {wanted.spec.arch}",
                message=f"{found.library.name} {found.version} does not run on {wanted.spec.arch}{why}",
            )
        elif there.support == "unknown":
            known = ", ".join(f"{one.first} to {one.last}" for one in found.library.ranges[-1:])
            detail = (
                f"whether {found.library.name} {found.version} runs on {wanted.spec.arch} is not in the data ({known})"
            )
            yield Absent(why="not_asked", source=f"package: {found.package}", detail=detail)
