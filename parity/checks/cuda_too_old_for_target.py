"""Knows the first CUDA that generates code for an architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.compatibility import generates
from parity.checks.versions import installed, reaches
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the installed CUDA cannot generate code for the target's architecture.

    First toolkit per architecture from ``rules/stack/cuda.yaml``; an unknown one is no finding, and neither is one
    whose code for an older minor version runs there.
    """
    if wanted.spec.vendor != "nvidia":
        return
    cuda = installed(here.fingerprint.stack, "cuda")
    first = here.facts.first_cuda(wanted.spec.arch)
    if isinstance(cuda, Absent) or first is None:
        return
    if reaches(cuda.value, first) is False and not generates(here.facts, cuda.value, wanted.spec.arch):
        yield Mismatch(
            subject="cuda",
            here=cuda.value,
            wanted=f">= {first}",
            message=f"CUDA {cuda.value} generates no code for {wanted.spec.arch}; {first} is the first that does",
        )
