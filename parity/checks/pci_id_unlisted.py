"""Knows when a device was told by its name although its PCI id is in no catalog entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.absent import Absent
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the part was accepted on name and facts while its own PCI id is unknown."""
    del wanted
    for candidate in here.identified.weighed:
        if here.spec is None or candidate.id != here.spec.id:
            continue
        for item in candidate.evidence:
            if item.kind == "pci-id" and item.says == "doubts":
                yield Mismatch(
                    subject=here.label,
                    here=item.detail,
                    wanted=f"an id of {here.spec.id}",
                    message=f"told by its name as {here.spec.id}, but its {item.detail}",
                )
