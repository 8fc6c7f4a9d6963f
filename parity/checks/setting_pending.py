"""Knows when a setting will change at the next reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each of ECC and MIG whose pending mode differs from the current one."""
    del wanted
    conditions = here.conditions
    for name, now, pending in (
        ("ECC", conditions.ecc_enabled, conditions.ecc_pending),
        ("MIG", conditions.mig_enabled, conditions.mig_pending),
    ):
        if isinstance(now, Absent) or isinstance(pending, Absent):
            continue  # parts without the setting answer neither
        if now.value != pending.value:
            here_text, next_text = ("on" if value else "off" for value in (now.value, pending.value))
            yield Mismatch(
                subject=here.label,
                here=here_text,
                wanted=next_text,
                message=f"{name} is {here_text} and turns {next_text} at the next reset",
            )
