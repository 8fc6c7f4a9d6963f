"""Knows when the NVLink fabric of a machine has not come up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, value_of
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when a device's fabric registration is under way or unhealthy; parts without one are silent."""
    del wanted
    for subject in here.subjects:
        state = value_of(subject.conditions.fabric_state)
        healthy = value_of(subject.conditions.fabric_healthy)
        if state in ("not-started", "in-progress") or healthy is False:
            told = f"{state or 'unknown'}{'' if healthy is not False else ', unhealthy'}"
            yield Mismatch(subject=subject.label, here=told, wanted="completed", message=f"the NVLink fabric is {told}")
