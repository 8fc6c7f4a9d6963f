"""Knows when the machine has another number of devices than the target declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the visible devices are more or fewer than declared; without a count none is wished for."""
    yield from _unread(here)
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
            message=f"{plural(have, 'visible device')} here, {wanted.count} on the target",
        )


def _unread(here: Machine) -> Iterator[Absent]:
    """Yield an absence when the source counts more GPUs than it could tell about; slices are not counted so."""
    counted = here.fingerprint.device_count
    devices = here.fingerprint.devices
    if isinstance(counted, Absent) or any(subject.is_slice for subject in here.subjects):
        return
    if counted.value > len(devices):
        live = here.fingerprint.origin.kind == "live"
        detail = f"{len(devices)} of {counted.value} GPUs could be read"
        yield Absent(why="failed" if live else "not_asked", source=counted.source, detail=detail)
