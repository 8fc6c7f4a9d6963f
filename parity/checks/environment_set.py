"""Knows which environment variables change a number, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.versions import installed, reaches
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.environment import EnvironmentCard
    from parity.model.target import Target

# A value that is right on the target is one grade milder than the card says.
_MILDER = {"error": "warning", "warning": "note", "note": ""}


def check(here: Machine, wanted: Target, *, severity: str, multi_gpu: bool = False) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each set variable whose card in ``rules/environment`` has this severity.

    Four rules share this check, one per severity and one for what invalidates a number of several devices, so that
    each can be waived by name. Communication variables change nothing on a machine with one device; variables that
    fake an architecture have a rule of their own.
    """
    several = (wanted.count or 1) > 1
    variables = sorted(here.fingerprint.environment.items())
    for card in here.environment:
        triggers = [(name, value) for name, value in variables if card.triggered_by(name, value)]
        if not triggers or is_fake(card) or not concerns(card, here):
            continue
        for name, value in triggers:
            dead = _dead(card, here)
            invalid = several and not dead and card.invalidates_multi_gpu(value)
            grade = "error" if invalid else _grade(card, value, wanted.spec.arch, dead=dead)
            if grade == severity and invalid == multi_gpu:
                effect = dead or card.effect
                yield Mismatch(
                    subject=name,
                    here=f"{name}={value}" if value else f"{name} is set",
                    wanted="unset",
                    message=f"is set to {value!r}: {effect}",
                    mend=f"{name}: {card.mend}",
                )


def is_fake(card: EnvironmentCard) -> bool:
    """Return whether the variable belongs to the rule ``faked-architecture``."""
    return card.kind == "fake-arch" and card.severity == "error"


def concerns(card: EnvironmentCard, here: Machine) -> bool:
    """Return whether the machine has what the variable acts on: a device of its vendor, several for communication.

    A variable that some package no longer reads concerns nobody without that package.
    """
    vendors = {subject.vendor for subject in here.subjects}
    if card.vendor != "any" and vendors and card.vendor not in vendors:
        return False
    if card.dead_since and not any(_version(here, package) for package in card.dead_since):
        return False
    return card.kind != "communication" or len(here.subjects) > 1


def _grade(card: EnvironmentCard, value: str, target: str, *, dead: str) -> str:
    """Return the severity of this value on this target: a dead variable misleads, a right value is milder."""
    if dead:
        return "warning"
    own = card.severity_of(value)
    return _MILDER[own] if target in card.right_on.get(value, ()) else own


def _dead(card: EnvironmentCard, here: Machine) -> str:
    """Return why the variable has no effect with the installed versions, empty when it may have one."""
    for package, first in card.dead_since.items():
        version = _version(here, package)
        if version and reaches(version, first):
            return f"it has no effect: {package} {version} no longer reads it ({first} was the first)"
    return ""


def _version(here: Machine, package: str) -> str:
    have = installed(here.fingerprint.stack, package)
    return "" if isinstance(have, Absent) else have.value
