"""Knows the CUDA that no longer generates code for an architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.compatibility import toolkit_targets
from parity.checks.versions import installed
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the toolkit has dropped the target's architecture; an unknown toolkit is no finding."""
    cuda, arch = installed(here.fingerprint.stack, "cuda"), wanted.spec.arch
    if wanted.spec.vendor != "nvidia" or isinstance(cuda, Absent):
        return
    targets = toolkit_targets(here.facts, cuda.value)
    dropped = [toolkit.cuda for toolkit in here.facts.toolkits if arch in toolkit.removes]
    if targets is not None and arch not in targets and dropped:
        yield Mismatch(
            subject="cuda",
            here=cuda.value,
            wanted=f"< {dropped[0]}",
            message=f"CUDA {cuda.value} generates no code for {arch}: {dropped[0]} dropped it",
        )
