"""Knows which environment variables change a number, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.target import Target


def check(here: Machine, wanted: Target, *, severity: str) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each set variable whose card in ``rules/environment`` has this severity.

    Three rules share this check, one per severity, so that each can be waived by name. Communication variables change
    nothing on a machine with one device.
    """
    del wanted
    for card in here.environment:
        if card.severity != severity or (card.kind == "communication" and len(here.subjects) < 2):
            continue
        for name, value in sorted(here.fingerprint.environment.items()):
            if card.triggered_by(name, value):
                yield Mismatch(
                    subject=name,
                    here=f"{name}={value}" if value else f"{name} is set",
                    wanted="unset",
                    message=f"{name}={value}: {card.effect}",
                    mend=f"{name}: {card.mend}",
                )
