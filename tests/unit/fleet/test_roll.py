"""Which readings count, which nodes are missing, which were read at another time than most."""

from __future__ import annotations

import pytest

from parity.fleet.roll import Roll

NOON = "2026-11-20T12:00:00Z"


def roll(*told: tuple[str, str]) -> Roll:
    made = Roll()
    for name, when in told:
        made.add(name, when)
    return made


@pytest.mark.parametrize(
    ("times", "newest"),
    [
        (("2026-11-20T08:00:00Z", "2026-11-19T08:00:00Z"), 0),
        (("2026-11-19T08:00:00Z", "2026-11-20T08:00:00Z"), 1),
        ((NOON, NOON), 1),
        (("", ""), 1),
        ((NOON, ""), 0),
        (("", NOON), 1),
    ],
)
def test_of_a_name_the_newest_reading_counts_and_of_equal_ones_the_last(times: tuple[str, str], newest: int) -> None:
    made = roll(*(("a", when) for when in times), ("b", ""))
    assert made.latest() == [newest, 2]
    assert made.repeated() == ("a",)


@pytest.mark.parametrize(
    ("expected", "absent"),
    [
        (None, (0, ())),
        (1, (0, ())),
        (2, (0, ())),
        (3, (1, ())),  # three readings, of two nodes
        (("b", "a"), (0, ())),
        (("c", "a", "c", "d"), (2, ("c", "d"))),
    ],
)
def test_what_is_missing_is_counted_by_names(expected: tuple[str, ...] | int | None, absent: object) -> None:
    assert roll(("a", ""), ("a", ""), ("b", "")).missing(expected, range(3)) == absent


def test_a_reading_that_does_not_count_fills_no_place() -> None:
    assert roll(("a", ""), ("b", "")).missing(("a", "b"), [0]) == (1, ("b",))


@pytest.mark.parametrize(
    ("when", "days"),
    [
        ("2026-11-21T12:00:00Z", None),
        ("2026-11-21T12:00:01Z", 1.0),
        ("2026-11-19T12:00:00Z", None),
        ("2026-11-19T11:59:59Z", -1.0),
        ("2026-11-23T12:00:00Z", 3.0),
        ("", None),  # nobody knows when
    ],
)
def test_a_reading_more_than_a_day_from_most_is_apart(when: str, days: float | None) -> None:
    told = roll(("a", NOON), ("b", NOON), ("odd", when)).apart(range(3))
    assert [(one.node, one.days) for one in told] == ([] if days is None else [("odd", days)])


def test_readings_without_a_time_are_apart_from_nothing() -> None:
    assert list(roll(("a", ""), ("b", "yesterday")).apart(range(2))) == []
    assert list(roll().apart(())) == []
