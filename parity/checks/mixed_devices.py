"""Knows when a machine's devices are not all alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the visible devices are of more than one part or partition."""
    kinds: dict[str, list[int]] = {}
    for subject in here.subjects:
        if subject.spec is None and isinstance(subject.device.identity.name, Absent):
            continue  # nothing says what it is; `part-differs` says so
        partition = subject.identified.partition
        kind = subject.part + (f" {partition.profile} {partition.memory_mode}".rstrip() if subject.is_slice else "")
        kinds.setdefault(kind, []).append(subject.device.locator.index)
    if len(kinds) > 1:
        told = ", ".join(f"{len(indices)}x {kind}" for kind, indices in kinds.items())
        yield Mismatch(
            subject="machine",
            here=told,
            wanted=f"only {wanted.id}",
            message=f"the visible devices differ: {told}",
        )
