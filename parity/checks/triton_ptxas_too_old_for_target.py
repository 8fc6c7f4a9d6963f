"""Knows when the ptxas inside Triton cannot assemble for the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.compatibility import capability, first_toolkit, triton_release
from parity.checks.versions import installed, reaches
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target

# Either names another ptxas than the wheel's.
_REPLACES_PTXAS = ("TRITON_PTXAS_PATH", "TRITON_PTXAS_BLACKWELL_PATH")


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when neither ptxas of the installed Triton knows the target's architecture.

    From capability 9.0 on Triton generates the ``a`` target, so that is what ptxas must know.
    """
    able = capability(wanted.spec.arch)
    triton = installed(here.fingerprint.stack, "triton")
    if wanted.spec.vendor != "nvidia" or able is None or isinstance(triton, Absent):
        return
    release = triton_release(here.facts, triton.value)
    first = first_toolkit(here.facts, wanted.spec.arch + ("a" if able >= (9, 0) else ""))
    if release is None or first is None or any(name in here.fingerprint.environment for name in _REPLACES_PTXAS):
        detail = f"which ptxas Triton {triton.value} uses for {wanted.spec.arch} is not in the data"
        yield Absent(why="not_asked", source=triton.source, detail=detail)
        return
    newest = release.blackwell_assembler or release.assembler
    if reaches(newest, first) is False:
        yield Mismatch(
            subject="triton",
            here=f"ptxas {newest}",
            wanted=f"ptxas >= {first}",
            message=f"the ptxas {newest} in Triton {triton.value} knows no {wanted.spec.arch}; {first} is the first",
        )
