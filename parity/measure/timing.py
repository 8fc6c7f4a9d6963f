"""Knows how a device is timed: warm-up, as many operations per timing as make it long enough, median and spread.

Standard library only: this runs in the measuring process.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAMPLE_S = 0.004  # long beside the timer's resolution and one launch, some microseconds together
MAX_INNER = 10_000
MIN_SAMPLES = 5
ENOUGH_SAMPLES = 25
MAX_SAMPLES = 2000
SMALL_SPREAD = 0.002
WARM_OPERATIONS = 3
MAX_QUIET_TIMINGS = 5  # by then a timing holds as many operations as it may
LEAST_WARM_S = 0.02  # an idle device's clocks rise within milliseconds


class BadTimingError(Exception):
    """The device's timer gave something that is no time."""


def settle(sample: Callable[[int], float], seconds: float) -> int:
    """Warm up for about ``seconds`` and return how many operations one timing should hold.

    Args:
        sample: runs that many operations and returns the seconds of one.
        seconds: wall-clock time to warm up; it goes on until the clocks are up and a timing is long enough in any case,
            which takes some hundredths of a second.

    Raises:
        BadTimingError: the timer gives no time.
    """
    end = time.monotonic() + max(seconds, LEAST_WARM_S)
    sample(WARM_OPERATIONS)  # loads code; its time says nothing
    inner, quiet = 1, 0
    while True:
        took = _checked(sample(inner), zero=True)
        quiet = quiet + 1 if took == 0 else 0
        if quiet > MAX_QUIET_TIMINGS:
            raise BadTimingError("the device's timer stands still")
        wanted = MAX_INNER if took == 0 else math.ceil(SAMPLE_S / took)
        before, inner = inner, max(1, min(MAX_INNER, wanted, inner * 10))
        is_long_enough = inner in (wanted, MAX_INNER) or inner <= before
        if took > 0 and is_long_enough and time.monotonic() >= end:
            return inner


def timings(sample: Callable[[int], float], inner: int, seconds: float) -> list[float]:
    """Return the seconds of one operation, timed again and again until the time is up or the spread is small.

    Raises:
        BadTimingError: the timer gives no time.
    """
    end = time.monotonic() + seconds
    values: list[float] = []
    while len(values) < MAX_SAMPLES:
        values.append(_checked(sample(inner)))
        enough = len(values) >= MIN_SAMPLES
        if enough and time.monotonic() >= end:
            break
        if len(values) % ENOUGH_SAMPLES == 0 and summary(values)[1] <= SMALL_SPREAD:
            break
    return values


def summary(values: Sequence[float]) -> tuple[float, float]:
    """Return (median, (third quartile - first quartile) / median).

    >>> summary([1.0, 2.0, 3.0, 4.0, 5.0])
    (3.0, 0.6666666666666666)
    >>> summary([2.0])
    (2.0, 0.0)
    """
    median = statistics.median(values)
    if len(values) < 2:
        return median, 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return median, (third - first) / median


def _checked(took: float, *, zero: bool = False) -> float:
    if not math.isfinite(took) or took < 0 or (took == 0 and not zero):
        raise BadTimingError(f"the device's timer gave {took} s")
    return took
