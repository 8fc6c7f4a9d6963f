"""Knows when a cluster offers one device to several pods at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import value_of
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch]:
    """Yield a mismatch when the device plugin offers the device more than once; only a cluster's labels say that."""
    del wanted
    replicas = value_of(here.conditions.replicas)
    if replicas is not None and replicas > 1:
        yield Mismatch(
            subject=here.label,
            here=str(replicas),
            wanted="1",
            message=f"{replicas} pods may share the device: another may run on it at any moment",
        )
