"""Knows when the host's processors save power between launches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the frequency governor is not performance; launch-bound tests feel it."""
    del wanted
    have = here.fingerprint.host.cpu_governor
    if isinstance(have, Absent):
        return  # guests and many containers have no governor
    if have.value != "performance":
        yield Mismatch(
            subject="machine", here=have.value, wanted="performance", message=f"the CPU governor is {have.value}"
        )
