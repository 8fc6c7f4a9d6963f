"""Knows the comparison that most hardware rules are: one numeric fact, here against target, with a tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, Reading
from parity.model.finding import Mismatch
from parity.units import format_fact, format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.spec import FactValue
    from parity.model.target import Target


def compare_fact(
    here: Subject,
    wanted: Target,
    *,
    fact: str,
    what: str,
    at_least: float | None,
    at_most: float | None,
    as_sold: bool = False,
) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when here / target leaves ``at_least`` .. ``at_most``.

    Says nothing across vendors (their units differ; ``vendor-differs`` speaks), and nothing when both sides are the
    same part, cut the same way, and only the catalog could tell: a part does not differ from itself.
    """
    if here.vendor != wanted.spec.vendor:
        return
    have, need = here.fact(fact, as_sold=as_sold), wanted.fact(fact)
    if _same_thing(here, wanted) and not (_is_read(have) and isinstance(need, Reading)):
        return
    if isinstance(have, Absent):
        yield have
    elif isinstance(need, Absent):
        yield need
    else:
        a, b = _number(have), _number(need)
        if a is None or b is None or b <= 0:
            return
        if _same_thing(here, wanted):
            b = min((b, *_other_values(wanted, fact)), key=lambda value: abs(a / value - 1))
        ratio = a / b
        if (at_least is not None and ratio < at_least) or (at_most is not None and ratio > at_most):
            here_text, wanted_text = (format_fact(fact, value) for value in (have.value, need.value))
            yield Mismatch(
                subject=here.label,
                here=here_text,
                wanted=wanted_text,
                ratio=round(ratio, 4),
                message=f"{what} is {here_text} here, {wanted_text} on {wanted.id} ({format_ratio(ratio)})",
            )


def _other_values(wanted: Target, fact: str) -> list[float]:
    """Return what other sources say of the part's own fact: a board within any of them is the part as sold."""
    known = wanted.spec.facts.get(fact)
    values = [other.value for other in known.conflicts] if known else []
    return [float(value) for value in values if not isinstance(value, str) and value > 0]


def _same_thing(here: Subject, wanted: Target) -> bool:
    mine, theirs = here.identified.partition, wanted.partition
    whole = mine.kind in ("none", "unknown") and theirs.kind == "none"
    cut_alike = mine.kind == theirs.kind and mine.profile == theirs.profile and mine.profile != ""
    return here.spec is not None and here.spec.id == wanted.id and (whole or cut_alike)


def _is_read(have: Reading[FactValue] | Absent) -> bool:
    return isinstance(have, Reading) and not have.source.startswith("catalog: ")


def _number(reading: Reading[FactValue]) -> float | None:
    return None if isinstance(reading.value, (str, bool)) else float(reading.value)
