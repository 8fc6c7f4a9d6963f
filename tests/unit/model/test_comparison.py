"""Comparisons of a target file: a value, or operators and numbers."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.model.comparison import holds, is_comparison

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("text", [">=700", ">= 700", "<0.5", "!=3", "==2", ">=100,<700", " >1 , <= 2 ", ">-5"])
def test_operators_and_numbers_are_comparisons(text: str) -> None:
    assert is_comparison(text)


@pytest.mark.parametrize(
    "text", ["", "auto", "700", ">=", ">=700 W", "=>700", ">=100,", ">=100 <700", ">>3", "~=2", ">1e3"]
)
def test_anything_else_is_a_value(text: str) -> None:
    assert not is_comparison(text)


OPERATORS: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


@settings(deadline=None)
@given(sign=st.sampled_from(sorted(OPERATORS)), have=st.integers(-3, 3), need=st.integers(-3, 3))
def test_a_comparison_means_what_it_says(sign: str, have: int, need: int) -> None:
    assert holds(have, f"{sign}{need}") is OPERATORS[sign](have, need)
    assert holds(float(have), f" {sign} {need}.0") is OPERATORS[sign](have, need)


def test_every_part_must_hold() -> None:
    assert holds(700, ">=700,<=700")
    assert not holds(699, ">=700,<=700")
    assert not holds(701, ">=700,<=700")


@pytest.mark.parametrize("value", [True, False, "800", None, ("a",)])
def test_what_is_no_number_never_meets_a_comparison(value: object) -> None:
    assert not holds(value, ">=0")


@pytest.mark.parametrize(
    ("value", "required", "answer"),
    [
        (True, True, True),
        (False, False, True),
        (True, False, False),
        (1, True, False),
        (True, 1, False),
        (0, False, False),
        (700.0, 700, True),
        (325.0, 350, False),
        ("auto", "auto", True),
        ("Auto", "AUTO", True),
        ("manual", "auto", False),
        ("1", 1, True),
    ],
)
def test_a_value_is_equal_or_not(value: object, required: str | float | bool, answer: bool) -> None:
    assert holds(value, required) is answer
