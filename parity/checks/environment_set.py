"""Knows which environment variables change a number, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.environment import EnvironmentCard
    from parity.model.target import Target


def check(here: Machine, wanted: Target, *, severity: str) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each set variable whose card in ``rules/environment`` has this severity.

    Three rules share this check, one per severity, so that each can be waived by name. Communication variables change
    nothing on a machine with one device.
    """
    del wanted
    for card in here.environment:
        if card.severity != severity or not _concerns(card, here):
            continue
        for name, value in sorted(here.fingerprint.environment.items()):
            if card.triggered_by(name, value):
                yield Mismatch(
                    subject=name,
                    here=f"{name}={value}" if value else f"{name} is set",
                    wanted="unset",
                    message=f"is set to {value!r}: {card.effect}",
                    mend=f"{name}: {card.mend}",
                )


def _concerns(card: EnvironmentCard, here: Machine) -> bool:
    """Return whether the machine has what the variable acts on: a device of its vendor, several for communication."""
    vendors = {subject.vendor for subject in here.subjects}
    if card.vendor != "any" and vendors and card.vendor not in vendors:
        return False
    return card.kind != "communication" or len(here.subjects) > 1
