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
    here: Subject, wanted: Target, *, fact: str, what: str, at_least: float | None, at_most: float | None
) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when here / target leaves ``at_least`` .. ``at_most``.

    Says nothing across vendors (their units differ; ``vendor-differs`` speaks), and nothing when the value on both
    sides is the same catalog entry's.
    """
    if here.vendor != wanted.spec.vendor:
        return
    have, need = here.fact(fact), wanted.fact(fact)
    if _same_entry(have, need):
        return
    if isinstance(have, Absent):
        yield have
    elif isinstance(need, Absent):
        yield need
    else:
        a, b = _number(have), _number(need)
        if a is None or b is None or b == 0:
            return
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


def _same_entry(have: Reading[FactValue] | Absent, need: Reading[FactValue] | Absent) -> bool:
    return have.source == need.source and have.source.startswith("catalog: ")


def _number(reading: Reading[FactValue]) -> float | None:
    return None if isinstance(reading.value, (str, bool)) else float(reading.value)
