"""A timeline of bounded size loses no extreme, no mean and no time, whatever comes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.watching.strip import MOST_POINTS, Strip

if TYPE_CHECKING:
    from parity.model.watch import Line

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
SAMPLES = st.lists(
    st.tuples(st.floats(0.01, 2.0), st.dictionaries(st.sampled_from("abc"), NUMBERS, max_size=3), st.booleans()),
    min_size=1,
    max_size=120,
)


def extremes(line: Line, place: int) -> tuple[float | None, float | None]:
    return (line.min or line.mean)[place], (line.max or line.mean)[place]


@given(samples=SAMPLES, most=st.integers(2, 17))
def test_whatever_comes_every_point_holds_exactly_its_samples(
    samples: list[tuple[float, dict[str, float], bool]], most: int
) -> None:
    strip, taken, now = Strip(most), [], 0.0
    for step, values, busy in samples:
        now += step
        strip.add(now, values, busy=busy)
        taken.append((now, step, values))
    told = strip.timeline()
    assert len(told.at) <= most
    assert all(one < other for one, other in zip(told.at, told.at[1:], strict=False))
    assert told.at[-1] == pytest.approx(now, abs=1e-5)
    begin = 0.0
    for place, end in enumerate(told.at):
        inside = [one for one in taken if begin + 1e-5 < one[0] <= end + 1e-5]
        assert 1 <= len(inside) <= told.samples_per_point
        for name, line in told.lines.items():
            found = [(values[name], step) for _, step, values in inside if name in values]
            if not found:
                assert line.mean[place] is None
                assert extremes(line, place) == (None, None)
                continue
            mean = sum(value * step for value, step in found) / sum(step for _, step in found)
            assert line.mean[place] == pytest.approx(mean, rel=1e-6, abs=1e-3)
            least, most_found = extremes(line, place)
            assert least == pytest.approx(min(value for value, _ in found), abs=1e-3)
            assert most_found == pytest.approx(max(value for value, _ in found), abs=1e-3)
        begin = end
    for name, use in strip.use().items():
        found = [(values[name], step) for _, step, values in taken if name in values]
        assert use.max == pytest.approx(max(value for value, _ in found), abs=1e-5)
        mean = sum(value * step for value, step in found) / sum(step for _, step in found)
        assert use.mean == pytest.approx(mean, rel=1e-6, abs=1e-3)


def test_a_spike_of_one_sample_survives_a_long_run() -> None:
    strip = Strip(64)
    for number in range(100_000):
        strip.add(0.1 * (number + 1), {"clock": 345.0 if number == 77_777 else 1980.0})
    told = strip.timeline()
    line = told.lines["clock"]
    low = [place for place in range(len(told.at)) if line.min[place] == 345]
    assert len(low) == 1
    assert told.at[low[0] - 1] < 7777.8 <= told.at[low[0]]
    assert 32 <= len(told.at) <= 64
    assert told.samples_per_point == 2048


def test_a_value_that_comes_late_has_nothing_before() -> None:
    strip = Strip()
    strip.add(1.0, {"a": 1.0})
    strip.add(2.0, {"a": 1.0, "b": 5.0})
    assert strip.timeline().lines["b"].mean == (None, 5.0)


def test_few_samples_are_told_as_they_are() -> None:
    strip = Strip()
    strip.add(0.5, {"a": 3.0}, busy=True)
    strip.add(1.5, {"a": 9.0})
    line = strip.timeline().lines["a"]
    assert (line.mean, line.min, line.max) == ((3.0, 9.0), (), ())
    use = strip.use()["a"]
    assert (use.mean, use.max, use.busy) == (7.0, 9.0, 3.0)


def test_a_day_of_samples_stays_small() -> None:
    """A day at a sample a second: the arrays stop growing."""
    strip = Strip()
    for number in range(86_400):
        strip.add(float(number + 1), {"a": math.sin(number)})
    assert len(strip.timeline().at) <= MOST_POINTS


def test_without_samples_there_is_nothing() -> None:
    assert Strip().timeline().at == ()
    assert Strip().use() == {}
