"""Knows a timeline of bounded size: when it is full, neighbouring points become one that keeps least, mean and most."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

from parity.model.watch import Line, Timeline, Use

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_POINTS = 4096  # each of them least, mean and most
_DIGITS = 6


class _Points:
    """The points of one value; NaN where there was none.

    Attributes:
        sums, weights: of the mean, weighted by time.
        whole, busy: [sum, weight] over everything, and over the samples at which the device was busy.
    """

    __slots__ = ("busy", "greatest", "least", "most", "sums", "weights", "whole")

    def __init__(self, count: int) -> None:
        """Start with ``count`` points without a value."""
        self.least = array("d", [math.nan]) * count
        self.most = array("d", [math.nan]) * count
        self.sums = array("d", [0.0]) * count
        self.weights = array("d", [0.0]) * count
        self.whole = [0.0, 0.0]
        self.busy = [0.0, 0.0]
        self.greatest = -math.inf

    def open(self) -> None:
        """Begin a point."""
        self.least.append(math.nan)
        self.most.append(math.nan)
        self.sums.append(0.0)
        self.weights.append(0.0)

    def add(self, value: float, weight: float, *, busy: bool) -> None:
        """Take a sample into the latest point."""
        if not self.least[-1] <= value:
            self.least[-1] = value
        if not self.most[-1] >= value:
            self.most[-1] = value
        self.sums[-1] += value * weight
        self.weights[-1] += weight
        self.greatest = max(self.greatest, value)
        for total in (self.whole, self.busy) if busy else (self.whole,):
            total[0] += value * weight
            total[1] += weight

    def halve(self) -> None:
        """Make one point of each two neighbours; a last one without neighbour stays."""
        self.least = array("d", map(_least, self.least[::2], _padded(self.least, math.nan)))
        self.most = array("d", map(_most, self.most[::2], _padded(self.most, math.nan)))
        self.sums = array("d", map(float.__add__, self.sums[::2], _padded(self.sums, 0.0)))
        self.weights = array("d", map(float.__add__, self.weights[::2], _padded(self.weights, 0.0)))

    def line(self, *, single: bool) -> Line:
        """Return the points; without least and most where each stands for a ``single`` sample."""
        mean = tuple(
            round(total / weight, _DIGITS) if weight else None
            for total, weight in zip(self.sums, self.weights, strict=True)
        )
        return Line(mean=mean) if single else Line(mean=mean, min=_plain(self.least), max=_plain(self.most))


class Strip:
    """The timeline of one device.

    Args:
        most_points: at which neighbours are joined; then half as many are left.
    """

    def __init__(self, most_points: int = MOST_POINTS) -> None:
        """Start empty."""
        self._most_points = max(2, most_points)
        self._at = array("d")
        self._points: dict[str, _Points] = {}
        self._stride = 1
        self._filled = 0
        self._last = 0.0

    def add(self, at: float, values: Mapping[str, float], *, busy: bool = False) -> None:
        """Take a sample.

        Args:
            at: seconds since the begin, after those of the sample before.
            values: what was read; a value that is missing counts for nothing.
            busy: whether the device had work.
        """
        if self._filled in (0, self._stride):
            if len(self._at) >= self._most_points:
                self._halve()
            if self._filled in (0, self._stride):
                self._open(at)
        self._at[-1] = at
        self._filled += 1
        weight, self._last = max(at - self._last, 1e-9), at
        for name, value in values.items():
            points = self._points.get(name)
            if points is None:
                points = self._points[name] = _Points(len(self._at))
            points.add(value, weight, busy=busy)

    def timeline(self) -> Timeline:
        """Return all points."""
        return Timeline(
            at=tuple(round(one, _DIGITS) for one in self._at),
            samples_per_point=self._stride,
            lines={name: points.line(single=self._stride == 1) for name, points in sorted(self._points.items())},
        )

    def use(self) -> dict[str, Use]:
        """Return mean and greatest of each value over the whole time."""
        return {
            name: Use(
                mean=round(points.whole[0] / points.whole[1], _DIGITS),
                max=round(points.greatest, _DIGITS),
                busy=round(points.busy[0] / points.busy[1], _DIGITS) if points.busy[1] else None,
            )
            for name, points in sorted(self._points.items())
        }

    def _open(self, at: float) -> None:
        self._at.append(at)
        self._filled = 0
        for points in self._points.values():
            points.open()

    def _halve(self) -> None:
        """Join neighbours; the last point is full, or half full when it had no neighbour."""
        alone = len(self._at) % 2
        ends = self._at[1::2]
        if alone:
            ends.append(self._at[-1])
        self._at = ends
        for points in self._points.values():
            points.halve()
        self._filled = self._stride if alone else 2 * self._stride
        self._stride *= 2


def _padded(numbers: array[float], filler: float) -> array[float]:
    """Return every second number, with a filler where the last one has no neighbour."""
    odd = numbers[1::2]
    if len(numbers) % 2:
        odd.append(filler)
    return odd


def _least(one: float, other: float) -> float:
    return one if other != other or one <= other else other  # noqa: PLR0124  (NaN)


def _most(one: float, other: float) -> float:
    return one if other != other or one >= other else other  # noqa: PLR0124  (NaN)


def _plain(numbers: array[float]) -> tuple[float | None, ...]:
    return tuple(None if number != number else round(number, _DIGITS) for number in numbers)  # noqa: PLR0124  (NaN)
