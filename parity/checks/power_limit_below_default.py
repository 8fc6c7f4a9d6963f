"""Knows when a device may draw less power than its part does by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import UNANSWERED, Absent, Reading
from parity.model.finding import Mismatch
from parity.units import format_fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.spec import FactValue
    from parity.model.target import Target


def check(here: Subject, wanted: Target, *, at_least: float) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the enforced power limit is under ``at_least`` times the part's default.

    The default is the device's own reading; the catalog's stands in for it. A target that declares ``power_limit_w``
    is judged by ``target-condition-unmet`` instead.
    """
    if "power_limit_w" in wanted.conditions:
        return
    limit, default = here.conditions.power_limit_w, _default(here)
    asked = isinstance(limit, Absent) and limit.why in UNANSWERED
    if isinstance(limit, Absent) and not asked and not isinstance(here.conditions.power_limit_set_w, Absent):
        limit = here.conditions.power_limit_set_w  # all that `nvidia-smi --query-gpu=power.limit` tells
    if isinstance(limit, Absent):
        yield limit
    elif isinstance(default, Absent):
        yield default
    elif not isinstance(default.value, str) and limit.value < at_least * default.value:
        ratio = limit.value / default.value
        here_text, default_text = format_fact("_w", limit.value), format_fact("_w", default.value)
        yield Mismatch(
            subject=here.label,
            here=here_text,
            wanted=default_text,
            ratio=round(ratio, 4),
            message=f"the power limit is {here_text}, the default of {here.part} is {default_text} ({ratio:.2f}x)",
        )


def _default(here: Subject) -> Reading[FactValue] | Absent:
    """Return the part's default limit: the board's own reading, but never less than the part's least.

    AMD's drivers report the chip's power without its board, so there the reading stands alone.
    """
    own = here.fact("power_default_w")
    fact = here.spec.facts.get("power_default_w") if here.spec else None
    if fact is None or here.vendor != "nvidia":
        return own
    sold = [value for value in (fact.value, *(other.value for other in fact.conflicts)) if not isinstance(value, str)]
    if isinstance(own, Absent) or isinstance(own.value, str) or own.value < min(sold):
        return Reading(value=min(sold), source=f"catalog: {here.part}")
    return own
