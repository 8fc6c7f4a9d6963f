"""Knows how numbers with a span divide: quotients and ratios that stay unknown where an input is unknown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.compare import Quantity, Ratio, Told
from parity.units import fewest_digits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.compare import Outcome

# Two figures within half a percent are one: the same figure rounded differently (989 and 989.4 TFLOPS).
SAME = 1.005
# Two devices within one percent are level: no measurement tells them apart.
LEVEL = 1.01
# No fact of a device lies outside; a reading that does is a mistake and stays unknown.
LEAST, MOST = 1e-9, 1e15


def known(told: Sequence[Told]) -> Quantity:
    """Return a quantity that sources tell, the preferred one first; one that cannot be true is unknown.

    >>> known([Told(value=7672, source="a"), Told(value=8000, source="b")]).high
    8000
    """
    wrong = [one for one in told if not LEAST <= one.value <= MOST]
    if wrong or not told:
        return unknown(f"{wrong[0].source} says {_impossible(wrong[0].value)}" if wrong else "no source says")
    values = [one.value for one in told]
    return Quantity(state="known", value=values[0], low=min(values), high=max(values), told=tuple(told))


def _impossible(value: float) -> str:
    return "a number too large to be true" if value > MOST else f"{value:g}"


def unknown(why: str) -> Quantity:
    """Return a quantity that nothing tells."""
    return Quantity(state="unknown", why=why)


def missing(why: str) -> Quantity:
    """Return a quantity that the device does not have."""
    return Quantity(state="none", why=why)


def agrees(quantity: Quantity) -> bool:
    """Return whether the sources of a known quantity agree within half a percent."""
    return quantity.low is not None and quantity.high is not None and quantity.high <= SAME * quantity.low


def divided(above: Quantity, below: Quantity, *, scale: float = 1.0) -> Quantity:
    """Return ``scale * above / below`` with the span that both allow; unknown, or none, where an input is.

    >>> two, four = known([Told(value=2, source="")]), known([Told(value=4, source="")])
    >>> divided(two, four).value, divided(two, unknown("not published")).state
    (0.5, 'unknown')
    """
    for one in (above, below):
        if one.state == "none":
            return one
    for one in (above, below):
        if one.state == "unknown":
            return one
    value, low, high = _quotient(above, below)
    return Quantity(state="known", value=scale * value, low=scale * low, high=scale * high)


def times(one: Quantity, other: Quantity, *, scale: float = 1.0) -> Quantity:
    """Return ``scale * one * other``."""
    for each in (one, other):
        if each.state != "known":
            return each
    value, low, high = (a * b for a, b in zip(numbers(one), numbers(other), strict=True))
    return Quantity(state="known", value=scale * value, low=scale * low, high=scale * high)


def ratio(over: Quantity, under: Quantity, *, same_device: bool = False) -> Ratio:
    """Return how many times ``over`` is ``under``.

    Args:
        over: stands above the line.
        under: stands below it.
        same_device: both columns are the same part: what its sources disagree on is the same for both.

    >>> ratio(known([Told(value=3350, source="")]), known([Told(value=1008, source="")])).standing
    'higher'
    """
    states = (over.state, under.state)
    if "unknown" in states:
        return Ratio(standing="unknown")
    if "none" in states:
        return Ratio(standing="none")
    if same_device and (over.value, over.low, over.high) == (under.value, under.low, under.high):
        return Ratio(value=1.0, low=1.0, high=1.0, standing="same")
    value, low, high = _quotient(over, under)
    return Ratio(value=value, low=low, high=high, standing=_standing(low, high))


def multiplied(found: Ratio, factor: float) -> Ratio:
    """Return a ratio of so many devices over so many others, from that of one over one.

    >>> one = ratio(known([Told(value=180, source="")]), known([Told(value=80, source="")]))
    >>> multiplied(one, 2 / 8).value, multiplied(one, 2 / 8).standing
    (0.5625, 'lower')
    """
    if factor == 1 or found.value is None or found.low is None or found.high is None:
        return found
    low, high = factor * found.low, factor * found.high
    return Ratio(value=factor * found.value, low=low, high=high, standing=_standing(low, high))


def _quotient(above: Quantity, below: Quantity) -> tuple[float, float, float]:
    (value, low, high), (divisor, least, most) = numbers(above), numbers(below)
    return value / divisor, low / most, high / least


def numbers(quantity: Quantity) -> tuple[float, float, float]:
    """Return value, low and high of a known quantity."""
    assert quantity.value is not None, quantity.why
    assert quantity.low is not None
    assert quantity.high is not None
    return quantity.value, quantity.low, quantity.high


def _standing(low: float, high: float) -> Outcome:
    if low >= 1 / LEVEL and high <= LEVEL:
        return "same"
    if low > SAME:
        return "higher"
    return "lower" if high < 1 / SAME else "unclear"


def figure(quantity: Quantity) -> str:
    """Return a quantity as figures: ``3352``, ``7672-8000`` where sources disagree, ``unknown``, ``none``.

    >>> figure(known([Told(value=7672, source="a"), Told(value=8000, source="b")])), figure(unknown("not published"))
    ('7672-8000', 'unknown')
    """
    if quantity.value is None or quantity.low is None or quantity.high is None:
        return quantity.state
    if agrees(quantity):
        return digits(quantity.value)
    return span(digits(quantity.low), digits(quantity.high))


def span(low: str, high: str) -> str:
    """Return ``7672-8000``, or one figure where both print alike."""
    return low if low == high else f"{low}-{high}"


def times_text(found: Ratio) -> str:
    """Return a ratio as ``1.59x``, ``0.96-1.04x`` where sources disagree, else its standing.

    >>> times_text(ratio(known([Told(value=1, source="")]), known([Told(value=3, source="")])))
    '0.333x'
    """
    if found.value is None or found.low is None or found.high is None:
        return found.standing
    if found.high <= SAME * found.low:
        return f"{significant(found.value)}x"
    return f"{span(significant(found.low), significant(found.high))}x"


def significant(number: float) -> str:
    """Return a ratio with three significant digits.

    >>> significant(0.06849), significant(0.5), significant(1.5886), significant(12.345), significant(1234.5)
    ('0.0685', '0.500', '1.59', '12.3', '1234')
    """
    if number >= 1e7:
        return f"{number:.3g}"
    for least, places in ((100, 0), (10, 1), (0.9995, 2), (0.1, 3), (0.01, 4)):
        if number >= least:
            return f"{number:.{places}f}"
    return f"{number:.3g}"


def digits(number: float) -> str:
    """Return a figure with at most four significant digits; small and enormous ones keep three.

    >>> digits(3352.32), digits(0.00476), digits(80.0), digits(1.4134)
    ('3352', '0.00476', '80', '1.41')
    """
    return fewest_digits(number) if 1 <= number < 1e7 else f"{number:.3g}"
