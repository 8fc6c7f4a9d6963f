"""Knows the NCCL releases that have no machine code for an architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.installed_libraries import answer, component_library
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when NCCL reaches a target of several GPUs only through PTX, or not at all."""
    several = (wanted.count or 0) > 1 or len(here.subjects) > 1
    if wanted.spec.vendor != "nvidia" or not several:
        return
    found = component_library(here, "nccl")
    if found is None or isinstance(found, Absent):
        return
    there = answer(here, found, wanted.spec.arch)
    if there.support in ("different-kernel", "unsupported"):
        how = there.kernel or there.note or "no code"
        yield Mismatch(
            subject="nccl",
            here=found.version,
            wanted=f"machine code for {wanted.spec.arch}",
            message=f"NCCL {found.version} has no machine code for {wanted.spec.arch}: {how}",
        )
