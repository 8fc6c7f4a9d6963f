"""Knows when the machine is a guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the host is virtualised: launches and transfers pass through the hypervisor's IOMMU."""
    del wanted
    have = here.fingerprint.host.virtualization
    if isinstance(have, Absent):
        return
    if have.value not in ("none", ""):
        message = f"the host is a virtual machine ({have.value})"
        yield Mismatch(subject="machine", here=have.value, wanted="bare metal", message=message)
