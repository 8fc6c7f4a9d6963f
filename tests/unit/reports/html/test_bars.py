"""Bars: their lengths are the numbers, and words say the same."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.reports.html.bars import MOST, Part, counts_bar, ratio_bar, scale_of, stacked_bar


def rects(markup: str) -> list[tuple[str, float, float]]:
    """Return (class, start, width) of each bar, the ground left out; 0 to 1."""
    found = []
    for attributes in re.findall(r"<rect ([^>]*)", markup):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        if told["class"] != "f-track":
            found.append((told["class"], float(told.get("x", "0%")[:-1]) / 100, float(told["width"][:-1]) / 100))
    return found


def marks(markup: str) -> list[float]:
    return [float(at) / 100 for at in re.findall(r'<line x1="([\d.]+)%"[^>]*class="s-mark"', markup)]


@given(st.floats(0.008, 2.0), st.floats(1.0, 2.0))
def test_a_ratio_bar_is_as_long_as_its_ratio(ratio: float, scale: float) -> None:
    drawn = ratio_bar(ratio, "bad", scale)
    assert drawn is not None
    [(class_, start, width)] = rects(drawn)
    assert (class_, start) == ("f-bad", 0.0)
    assert width == pytest.approx(min(ratio, scale) / scale, abs=1e-4)
    assert marks(drawn) == [pytest.approx(1 / scale, abs=1e-4)]
    assert ("»" in drawn) is (ratio > scale)


@pytest.mark.parametrize("ratio", [None, math.nan, math.inf])
def test_without_a_number_there_is_no_bar(ratio: float | None) -> None:
    assert ratio_bar(ratio, "bad", 1.0) is None


@given(st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True)))
def test_the_scale_shows_the_target_and_is_bounded(ratios: list[float | None]) -> None:
    scale = scale_of(ratios)
    assert 1.0 <= scale <= MOST
    assert all(ratio <= scale for ratio in ratios if ratio is not None and math.isfinite(ratio) and ratio <= MOST)


def test_sizes_stand_one_after_the_other_and_what_may_come_on_top_last() -> None:
    parts = [Part("weights", "part-a", 40, 40), Part("engine", "part-d", 10, 25), Part("none", "part-c", 0, 0)]
    drawn = stacked_bar(parts, 60, 100, "needs 50 to 65 of 60")
    assert rects(drawn) == [("part-a", 0.0, 0.4), ("part-d", 0.4, 0.1), ("part-d maybe", 0.5, 0.15)]
    assert marks(drawn) == [0.6]
    assert 'class="over" ' not in drawn
    assert '<line x1="60%" x2="65%" y1="100%" y2="100%" class="over"/>' in drawn
    assert 'aria-label="needs 50 to 65 of 60"' in drawn


def test_what_fits_is_not_marked_as_too_much() -> None:
    drawn = stacked_bar([Part("weights", "part-a", 40, 40)], 60, 100, "fits")
    assert "over" not in drawn
    assert marks(drawn) == [0.6]


def test_an_unknown_capacity_has_no_mark() -> None:
    assert marks(stacked_bar([Part("weights", "part-a", 40, 40)], None, 100, "x")) == []


@given(st.lists(st.tuples(st.integers(0, 1000), st.just("good"), st.just("name")), max_size=6))
def test_counts_are_parts_of_their_whole(parts: list[tuple[int, str, str]]) -> None:
    drawn, whole = counts_bar(parts), sum(count for count, _, _ in parts)
    if not whole:
        assert drawn is None
        return
    assert drawn is not None
    widths = [width for _, _, width in rects(drawn.split("</svg>")[0])]
    assert widths == [pytest.approx(count / whole, abs=1e-4) for count, _, _ in parts if count]
