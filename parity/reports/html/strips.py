"""Knows how one value over time is drawn: a band from least to most, a line for the mean, at most 400 steps.

Where the scale has a floor, the mean stands on it as an area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.reports.html.markup import el, raw
from parity.units import fewest_digits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.watch import Line
    from parity.reports.html.markup import Html

MOST_STEPS = 400
WIDTH, HEIGHT = 1000, 56
Step = tuple[float, float, float, float, float]  # begin and end as shares of the time, least, mean, most


@dataclass(frozen=True)
class Strip:
    """One value that is drawn.

    Attributes:
        title, unit: how it is told.
        factor: brings the value to the unit.
        top, floor: ends of the scale; None: what the values need.
        limit: with which it is compared, before the factor.
        tone: colour of the band.
    """

    title: str
    unit: str
    factor: float = 1.0
    top: float | None = None
    floor: float | None = None
    limit: float | None = None
    tone: str = "here"


def steps(at: Sequence[float], line: Line) -> list[Step]:
    """Return the steps of a line: neighbouring points share one where there are too many; points without value none.

    Args:
        at: end of each point, seconds.
        line: its values.
    """
    size = -(-len(at) // MOST_STEPS) or 1
    least, most = line.min or line.mean, line.max or line.mean
    made: list[Step] = []
    for start in range(0, len(at), size):
        inside = range(start, min(start + size, len(at)))
        low = [one for place in inside if (one := least[place]) is not None]
        high = [one for place in inside if (one := most[place]) is not None]
        mean = [one for place in inside if (one := line.mean[place]) is not None]
        if mean and low and high:
            begin = at[start - 1] if start else 0.0
            made.append((begin / at[-1], at[inside[-1]] / at[-1], min(low), sum(mean) / len(mean), max(high)))
    return made


def strip(told: Strip, at: Sequence[float], line: Line) -> Html:
    """Return the picture of one value, with its range in words.

    Args:
        told: how it is told.
        at: end of each point, seconds, above 0.
        line: its values, at least one.
    """
    drawn = [(begin, end, *(told.factor * one for one in rest)) for begin, end, *rest in steps(at, line)]
    low, high = min(one[2] for one in drawn), max(one[4] for one in drawn)
    limit = None if told.limit is None else told.factor * told.limit
    top = max(high, limit or high, told.top or high)
    bottom = low if told.floor is None else told.floor
    span = max(top - bottom, 0.05 * abs(top), 1e-9)

    def y(number: float) -> float:
        return round(HEIGHT * (0.04 + 0.92 * (top - number) / span), 1)

    shapes = []
    for run in _runs(drawn):
        over = [(x, y(one[4])) for one in run for x in (one[0], one[1])]
        under = [(x, y(one[2]) + 0.7) for one in reversed(run) for x in (one[1], one[0])]
        mean = [(x, y(one[3])) for one in run for x in (one[0], one[1])]
        back = [(x, height + 1.5) for x, height in reversed(mean)]
        if told.floor is not None:
            shapes.append(_shape([*mean, (run[-1][1], y(bottom)), (run[0][0], y(bottom))], f"f-{told.tone} maybe"))
        shapes += [_shape(over + under, f"f-{told.tone} maybe"), _shape(mean + back, "f-text")]
    words = f"{told.title}: {fewest_digits(low)} to {fewest_digits(high)} {told.unit}".rstrip()
    mark = None
    if limit is not None:
        words += f"; limit {fewest_digits(limit)} {told.unit}"
        mark = el("line", x1=0, x2=WIDTH, y1=y(limit), y2=y(limit), class_="s-dim dash")
    ground = el("line", x1=0, x2=WIDTH, y1=HEIGHT, y2=HEIGHT, class_="s-line")
    picture = el(
        "svg", ground, mark, *shapes, class_="strip", height=HEIGHT, viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none", role="img", aria_label=words,
    )  # fmt: skip
    return el("div", el("p", words, class_="strip-name"), picture)


def _runs(drawn: Sequence[tuple[float, ...]]) -> list[list[tuple[float, ...]]]:
    """Return the steps in runs without a gap between them."""
    runs: list[list[tuple[float, ...]]] = []
    for one in drawn:
        if runs and runs[-1][-1][1] >= one[0]:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _shape(corners: Sequence[tuple[float, float]], tone: str) -> Html:
    """Return a filled shape; numbers only, and more of them than an attribute may have characters otherwise."""
    points = " ".join(f"{WIDTH * x:.1f},{height:.1f}" for x, height in corners)
    return raw(f'<polygon points="{points}" class="{tone}"/>')
