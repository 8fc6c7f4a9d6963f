"""Knows the ladder: how findings lower a level, and how devices and hypotheses add up to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.rule import LEVELS, Level
from parity.verdict.run_rules import fails

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.verdict.run_rules import Gap, Hit


def rank(level: Level) -> int:
    """Return a level's distance from ``identical``; ``unknown`` has none.

    >>> rank("identical"), rank("different")
    (0, 4)
    """
    return LEVELS.index(level)


def reaches(level: Level, require: Level) -> bool:
    """Return whether a level is known and at or above the requirement.

    >>> reaches("identical", "equivalent"), reaches("unknown", "different")
    (True, False)
    """
    return level != "unknown" and rank(level) <= rank(require)


def level_of(hits: Iterable[Hit], gaps: Iterable[Gap], require: Level) -> tuple[Level, tuple[str, ...]]:
    """Return the level that findings leave, and the rules that lowered it (or left it open).

    A question that nobody answered leaves the level open when its answer could lower it below the requirement;
    otherwise the lowest level it allows is told.
    """
    caps = {hit.card.id: rank(hit.card.caps_level) for hit in hits if hit.card.caps_level}
    worst = max(caps.values(), default=0)
    open_caps = {
        gap.card.id: rank(gap.card.caps_level)
        for gap in gaps
        if fails(gap) and gap.card.caps_level and rank(gap.card.caps_level) > worst
    }
    lowest = max(open_caps.values(), default=worst)
    if lowest > worst:
        if worst <= rank(require) < lowest:
            return "unknown", tuple(open_caps)
        return LEVELS[lowest if lowest <= rank(require) else worst], tuple(open_caps)
    return LEVELS[worst], tuple(name for name, cap in caps.items() if cap == worst and cap)


def of_hypotheses(levels: Sequence[Level], require: Level) -> Level:
    """Return one device's level when it may be several parts: the lowest, or unknown when it decides the outcome."""
    if "unknown" in levels:
        return "unknown"
    if len({reaches(level, require) for level in levels}) > 1:
        return "unknown"
    return max(levels, key=rank)


def of_devices(levels: Sequence[Level], require: Level) -> Level:
    """Return the level of a machine: its worst device's; one known to be too low decides alone."""
    known: list[Level] = [level for level in levels if level != "unknown"]
    if not known or (len(known) < len(levels) and all(reaches(level, require) for level in known)):
        return "unknown"
    return max(known, key=rank)
