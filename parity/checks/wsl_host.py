"""Knows when the machine is Windows underneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch under WSL: the display driver model schedules the GPU, and half the counters are missing."""
    del wanted
    have = here.fingerprint.host.wsl
    if isinstance(have, Absent):
        return
    if have.value:
        yield Mismatch(subject="machine", here="WSL", wanted="Linux", message="the GPU is reached through WSL")
