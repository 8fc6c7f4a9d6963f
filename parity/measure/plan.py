"""Knows what can be measured, in which groups it is asked for, and in which order it is done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from parity.errors import UsageError
from parity.inputs import near_names, printable
from parity.model.measurement import DRAM, HOST, LAUNCH, MATMUL, PEER

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUPS: dict[str, tuple[str, ...]] = {
    "dram": DRAM,
    "matmul": MATMUL,
    "host": HOST,
    "peer": (PEER,),
    "launch": (LAUNCH,),
}
EVERYTHING = tuple(name for names in GROUPS.values() for name in names)
DEFAULT_BUDGET_S = 10.0
MAX_BUDGET_S = 3600.0
_BUDGET = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|min)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One device to measure.

    Attributes:
        position: among the fingerprint's devices.
        uuid: as the driver prints it, empty when not known.
        bus_id: ``00000000:1b:00.0``, empty when not known.
        cache_bytes: L2 and Infinity Cache together, 0 when not known.
        is_slice: a slice shares its bus id with its siblings.
    """

    position: int
    uuid: str = ""
    bus_id: str = ""
    cache_bytes: int = 0
    is_slice: bool = False


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement to make; ``device`` and ``peer`` are positions in the fingerprint."""

    name: str
    device: int
    peer: int | None = None


def names_of(only: str | None) -> tuple[str, ...]:
    """Return the measurements that ``--only`` names: groups or single measurements, comma separated; None: all.

    Raises:
        UsageError: a word names neither.
    """
    if only is None:
        return EVERYTHING
    asked: set[str] = set()
    for word in (part.strip() for part in only.split(",")):
        if word not in GROUPS and word not in EVERYTHING:
            known = (*GROUPS, *EVERYTHING)
            raise UsageError(
                f"nothing is measured that is called {printable(word)!r}",
                where="--only",
                close=near_names(word, known),
                mend=f"use {', '.join(GROUPS)}, or single measurements such as dram_copy",
            )
        asked.update(GROUPS.get(word, (word,)))
    return tuple(name for name in EVERYTHING if name in asked)


def budget_s(text: str) -> float:
    """Return a budget in seconds.

    Raises:
        UsageError: it is none, or longer than an hour.

    >>> budget_s("10s"), budget_s("500ms"), budget_s("2m"), budget_s("3")
    (10.0, 0.5, 120.0, 3.0)
    """
    found = _BUDGET.fullmatch(text.strip())
    seconds = float(found[1]) * _SECONDS[found[2] or "s"] if found else 0.0
    if not 0 < seconds <= MAX_BUDGET_S:
        raise UsageError(
            f"{printable(text)!r} is no time between nothing and an hour", where="--budget", mend="write it like 10s"
        )
    return seconds


def jobs_of(names: Sequence[str], places: Sequence[Place]) -> list[Job]:
    """Return the jobs: every device's first measurement before any device's second; a pair in both directions."""
    positions = [place.position for place in places]
    jobs = []
    for name in names:
        if name == PEER:
            jobs += [Job(name=name, device=a, peer=b) for a in positions for b in positions if a != b]
        else:
            jobs += [Job(name=name, device=position) for position in positions]
    return jobs


def share_s(budget: float, spent: float, left: int) -> float:
    """Return the seconds for the next of ``left`` jobs: what others did not need is spread over the rest.

    >>> share_s(10.0, 0.0, 20), share_s(10.0, 9.0, 2), share_s(10.0, 30.0, 4)
    (0.5, 0.5, 0.05)
    """
    return max(MIN_SHARE_S, (budget - spent) / max(1, left))


MIN_SHARE_S = 0.05
