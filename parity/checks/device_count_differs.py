"""Knows when the machine has another number of devices than the target declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the visible devices are more or fewer than declared; without a count none is wished for."""
    if wanted.count is None:
        return
    have = len(here.subjects)
    counted = here.fingerprint.device_count
    if isinstance(counted, Absent) and counted.why != "not_asked":
        yield counted
    elif have != wanted.count:
        yield Mismatch(
            subject="machine",
            here=str(have),
            wanted=str(wanted.count),
            ratio=round(have / wanted.count, 4),
            message=f"{have} visible device{'' if have == 1 else 's'} here, {wanted.count} on the target",
        )
