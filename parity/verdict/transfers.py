"""Knows which conclusions carry over: from the level, and from what single findings break."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.rule import CONCLUSIONS, Level
from parity.model.verdict import Carries, Transfers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.verdict.run_rules import Gap, Hit

_TUNING = ("tuned_parameters", "timings_single_gpu", "timings_multi_gpu")
_CODE = ("code_generation", "kernel_selection")
# What a level denies by itself.
_DENIED: dict[Level, tuple[str, ...]] = {
    "identical": (),
    "equivalent": (),
    "same-arch": _TUNING,
    "same-vendor": (*_CODE, *_TUNING),
    "different": CONCLUSIONS,
}


def transfers(
    level: Level, hits: Iterable[Hit], gaps: Iterable[Gap], *, devices: int
) -> tuple[Transfers, dict[str, tuple[str, ...]]]:
    """Return the table of conclusions and, for each ``no`` or ``unknown``, the rules behind it.

    Args:
        level: the machine's level.
        hits: findings that no waiver covers.
        gaps: questions without an answer.
        devices: number of visible devices; one says nothing about several.
    """
    answers: dict[str, Carries] = {}
    reasons: dict[str, tuple[str, ...]] = {}
    hits, gaps = list(hits), list(gaps)
    for conclusion in CONCLUSIONS:
        broken = [hit.card.id for hit in hits if conclusion in hit.card.breaks]
        if level != "unknown" and conclusion in _DENIED[level]:
            broken = broken or [f"level-{level}"]
        if conclusion == "timings_multi_gpu" and devices == 1:
            broken = [*broken, "one-device"]
        # A question that only warns when answered badly is no reason to doubt a conclusion.
        open_rules = [gap.card.id for gap in gaps if conclusion in gap.card.breaks and gap.card.severity == "error"]
        if broken:
            answers[conclusion], reasons[conclusion] = "no", _once(broken)
        elif level == "unknown" or devices == 0:
            answers[conclusion], reasons[conclusion] = "unknown", _once([*open_rules, "level-unknown"])
        elif open_rules:
            answers[conclusion], reasons[conclusion] = "unknown", _once(open_rules)
        else:
            answers[conclusion] = "yes"
    return Transfers(**answers), reasons


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
