"""Numbers with a span: division, ratios and their direction, and unknown in, unknown out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.compare.quantities import divided, figure, known, missing, ratio, times, times_text, unknown
from parity.model.compare import Told

if TYPE_CHECKING:
    from parity.model.compare import Quantity

OPPOSITE = {
    "higher": "lower",
    "lower": "higher",
    "same": "same",
    "unclear": "unclear",
    "unknown": "unknown",
    "none": "none",
}


def of(*values: float) -> Quantity:
    return known([Told(value=value, source=f"source {n}") for n, value in enumerate(values)])


values = st.floats(min_value=1e-6, max_value=1e15, allow_nan=False)
knowns = st.lists(values, min_size=1, max_size=4).map(lambda told: of(*told))
anything = st.one_of(knowns, st.just(unknown("not published")), st.just(missing("no such units")))


def test_the_preferred_source_comes_first_and_the_span_holds_all() -> None:
    quantity = of(7672, 8000, 7700)
    assert (quantity.value, quantity.low, quantity.high) == (7672, 7672, 8000)
    assert [one.source for one in quantity.told] == ["source 0", "source 1", "source 2"]


@pytest.mark.parametrize("value", [0, -1, math.inf, -math.inf, math.nan, 1e300, 10**400])
def test_a_value_that_cannot_be_true_is_unknown(value: float) -> None:
    quantity = of(100, value)
    assert (quantity.state, quantity.value, quantity.low) == ("unknown", None, None)
    assert "source 1 says" in quantity.why


def test_no_source_is_unknown() -> None:
    assert (known([]).state, known([]).why) == ("unknown", "no source says")


def test_a_quotient_has_the_widest_span() -> None:
    quotient = divided(of(100, 120), of(10, 8))
    assert (quotient.value, quotient.low, quotient.high) == (10, 10, 15)


def test_a_ratio_says_its_direction() -> None:
    assert ratio(of(3350), of(1008)).value == pytest.approx(3.3234, abs=1e-4)
    assert ratio(of(3350), of(1008)).standing == "higher"
    assert ratio(of(1008), of(3350)).standing == "lower"


@pytest.mark.parametrize(
    ("over", "under", "standing"),
    [
        ((989.4, 989), (989,), "same"),
        ((896,), (900,), "same"),
        ((850, 1000), (900,), "unclear"),
        ((850, 1000), (700,), "higher"),
        ((1005,), (1000,), "same"),
        ((1020,), (1000,), "higher"),
    ],
)
def test_a_span_decides_or_does_not(over: tuple[float, ...], under: tuple[float, ...], standing: str) -> None:
    assert ratio(of(*over), of(*under)).standing == standing


def test_a_part_over_itself_is_level_whatever_its_sources_say() -> None:
    bandwidth = of(7672, 8000)
    assert ratio(bandwidth, bandwidth).standing == "unclear"
    assert ratio(bandwidth, bandwidth, same_device=True).standing == "same"
    assert ratio(bandwidth, of(7672), same_device=True).standing == "unclear"


def test_figures_read_as_they_are() -> None:
    assert figure(of(989.4, 989)) == "989.4"
    assert figure(of(7672, 8000)) == "7672-8000"
    assert figure(unknown("not published")) == "unknown"
    assert figure(missing("no units")) == "none"
    assert times_text(ratio(of(7672, 8000), of(3352))) == "2.29-2.39x"
    assert times_text(ratio(of(1.005), of(1))) == "1.00x"
    assert times_text(ratio(unknown(""), of(1))) == "unknown"


@given(anything, anything)
def test_ratios_are_antisymmetric(one: Quantity, two: Quantity) -> None:
    there, back = ratio(one, two), ratio(two, one)
    assert back.standing == OPPOSITE[there.standing]
    if there.value is None or back.value is None or there.low is None or there.high is None:
        assert (there.value, back.value, there.low, back.high) == (None, None, None, None)
        return
    assert there.value * back.value == pytest.approx(1)
    assert back.low is not None
    assert back.high is not None
    assert there.low * back.high == pytest.approx(1)
    assert there.high * back.low == pytest.approx(1)


@given(anything, anything)
def test_unknown_in_unknown_out(one: Quantity, two: Quantity) -> None:
    states = {one.state, two.state}
    for result in (divided(one, two), times(one, two)):
        assert (result.state == "known") == (states == {"known"})
        assert (result.value is None) == (result.state != "known")
        assert result.state == "known" or result.why
    assert (ratio(one, two).value is None) == (states != {"known"})


@given(knowns, knowns)
def test_the_preferred_value_lies_in_the_span(one: Quantity, two: Quantity) -> None:
    for result in (divided(one, two), times(one, two), ratio(one, two)):
        assert result.low is not None
        assert result.value is not None
        assert result.high is not None
        assert result.low <= result.value * (1 + 1e-12)
        assert result.value <= result.high * (1 + 1e-12)


@given(values, values, values)
def test_ratios_chain(one: float, two: float, three: float) -> None:
    chained = ratio(of(one), of(two)).value, ratio(of(two), of(three)).value
    assert chained[0] is not None
    assert chained[1] is not None
    assert chained[0] * chained[1] == pytest.approx(ratio(of(one), of(three)).value)
