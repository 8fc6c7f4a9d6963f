"""Knows when two architectures of one family have different matrix instructions: "Blackwell" is two machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each architecture of the target's family with other instructions than the target.

    Between families ``arch-differs`` says it all.
    """
    target = wanted.spec.arch
    cousins = (subject.spec for subject in here.subjects)
    for arch in dict.fromkeys(spec.arch for spec in cousins if spec and spec.family == wanted.spec.family):
        rows = here.facts.instructions
        only_here = ", ".join(row.name for row in rows if arch in row.present and target in row.missing)
        only_there = ", ".join(row.name for row in rows if arch in row.missing and target in row.present)
        if only_here or only_there:
            yield Mismatch(
                subject=arch,
                here=only_here or "none of its own",
                wanted=only_there or "none of its own",
                message=f"{arch} alone has {only_here or 'nothing'}, {target} alone has {only_there or 'nothing'}",
            )
