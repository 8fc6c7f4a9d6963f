"""Knows when the installed torch wheel has no code at all for the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.compatibility import coverage
from parity.checks.installed_libraries import official_torch
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when no official wheel that this torch can be has machine code or PTX for the target.

    A version that the data do not name, a vendor's own build and a source build are unknown.
    """
    torch = official_torch(here)
    if wanted.spec.vendor != "nvidia" or isinstance(torch, Absent):
        return
    covered = {coverage(build.architectures, build.ptx, wanted.spec.arch, here.facts.code) for build in torch.builds}
    if not covered or "unknown" in covered:
        detail = f"which architectures torch {torch.version} has code for is not in the data"
        yield Absent(why="not_asked", source=torch.source, detail=detail)
    elif "none" in covered and len(covered) > 1:
        detail = (
            f"torch {torch.version} has code for {wanted.spec.arch} on some machines, and which this is was not told"
        )
        yield Absent(why="not_asked", source=torch.source, detail=detail)
    elif covered == {"none"}:
        has = ", ".join(torch.builds[0].architectures)
        yield Mismatch(
            subject="torch",
            here=torch.version,
            wanted=f"code for {wanted.spec.arch}",
            message=f"the torch {torch.version} wheel has no code for {wanted.spec.arch}: it has {has}, and no PTX",
        )
