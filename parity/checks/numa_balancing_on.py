"""Knows when the kernel moves pages behind a benchmark's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, value_of
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when automatic NUMA balancing is on and the host has several nodes."""
    del wanted
    host = here.fingerprint.host
    if value_of(host.numa_balancing) and (value_of(host.numa_nodes) or 1) > 1:
        yield Mismatch(subject="machine", here="on", wanted="off", message="automatic NUMA balancing is on")
