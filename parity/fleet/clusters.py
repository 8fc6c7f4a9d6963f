"""Knows when devices that should be alike are two kinds, one slower than the other."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_SEPARATION = 4.5
"""Distance of two means in units of their kinds' standard deviations from which on they are two kinds: Ashman's D
(Ashman, Bird and Zepf, 1994). The best split of a normal distribution comes to 2.7, of a uniform one to 3.5."""
MIN_MEMBERS = 3


class Clusters(NamedTuple):
    """How many are in the lower kind, and the mean of each."""

    lower: int
    mean_lower: float
    mean_upper: float


def two_clusters(ascending: Sequence[float], normal: float) -> Clusters | None:
    """Return the two kinds that values fall into; None when they are one.

    The split is the one with the largest variance between its halves (Otsu, 1979).

    Args:
        ascending: values, the lowest first, positive.
        normal: how far two healthy ones may be apart, as a part of the larger.
    """
    count = len(ascending)
    origin = ascending[0] if ascending else 0.0  # so that squares of large numbers do not cancel
    sums = [0.0, *accumulate(value - origin for value in ascending)]
    whole = sums[-1] / count if count else 0.0

    def between(cut: int) -> float:
        return (sums[cut] - cut * whole) ** 2 / (cut * (count - cut))

    def moments(part: Sequence[float]) -> tuple[float, float]:
        """Return mean, from the origin on, and variance."""
        mean = sum(value - origin for value in part) / len(part)
        return mean, sum((value - origin - mean) ** 2 for value in part) / (len(part) - 1)

    cuts = range(MIN_MEMBERS, count - MIN_MEMBERS + 1)
    if not cuts or ascending[-1] - origin <= normal * ascending[-1]:
        return None
    cut = max(cuts, key=between)
    (lower, variance), (upper, other) = moments(ascending[:cut]), moments(ascending[cut:])
    apart = upper - lower
    if apart <= normal * (upper + origin) or apart <= MIN_SEPARATION * math.sqrt((variance + other) / 2):
        return None
    return Clusters(cut, lower + origin, upper + origin)
