"""Knows the roofline of up to four devices as inline SVG: what each could reach at each intensity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.reports.html.markup import el, percent
from parity.reports.html.tables import Column, table
from parity.units import fewest_digits, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.reports.html.markup import Html

HEIGHT = 300  # px; widths are percent, so that text keeps its size on every screen
AXIS = 24  # px below the plot
ROW = 16  # px of a line of text; the letters of workloads stand in one above the plot
LETTER = 0.045  # of the width, between two letters
TONES = ("here", "target", "third", "fourth")
MIN_X, MAX_X = 1e-1, 1e6
MIN_DOT = 1e-4


@dataclass(frozen=True)
class Roof:
    """The ceilings of one device; both numbers above 0."""

    name: str
    tone: str
    tflops: float
    bandwidth_gbps: float

    @property
    def ridge(self) -> float:
        """Return the FLOP per byte from which the dense rate binds."""
        return self.tflops * 1e3 / self.bandwidth_gbps


@dataclass(frozen=True)
class Dot:
    """Something that was measured.

    Attributes:
        label: short; told beside the dot where there is room.
        name: what it is.
        intensity: FLOP per byte.
        rate: reached, in the unit of the roofs.
    """

    label: str
    name: str
    intensity: float
    rate: float

    @property
    def has_place(self) -> bool:
        """Return whether it can be drawn: both numbers are above 0, and of a size that occurs."""
        return MIN_DOT <= self.intensity <= MAX_X and MIN_DOT <= self.rate <= MAX_X


@dataclass(frozen=True)
class Scale:
    """Both axes, their ends in powers of ten; gives places in the picture."""

    left: float
    right: float
    bottom: float
    top: float

    def x(self, intensity: float) -> float:
        """Return the place from the left, 0 to 1."""
        return (math.log10(intensity) - self.left) / (self.right - self.left)

    def y(self, tflops: float) -> float:
        """Return pixels from the top."""
        return ROW + (HEIGHT - AXIS - ROW) * (1 - (math.log10(tflops) - self.bottom) / (self.top - self.bottom))


def roofline(
    roofs: Sequence[Roof],
    points: Iterable[tuple[str, float]] = (),
    *,
    rate: str,
    unit: str = "TFLOPS",
    dots: Iterable[Dot] = (),
    behind: Html | None = None,
) -> Html | None:
    """Return the picture with the table behind it; None without a device.

    Args:
        roofs: the devices; of more than four the first four.
        points: (letter, FLOP per byte) of workloads, as vertical lines.
        rate: which dense rate it is: ``BF16``.
        unit: of the rates: ``TFLOPS``, or ``TOPS``.
        dots: what was measured; those without a place in the picture are left to the table.
        behind: a table that tells the letters and what binds each.
    """
    roofs = roofs[: len(TONES)]
    shown = [(name, value) for name, value in points if MIN_X <= value <= MAX_X]
    placed = [dot for dot in dots if dot.has_place]
    if not roofs:
        return None
    scale = scale_of(roofs, [value for _, value in shown], placed)
    words = "; ".join(
        f"{roof.name}: {fewest_digits(roof.bandwidth_gbps)} GB/s up to {fewest_digits(roof.ridge)} FLOP/B, then "
        f"{fewest_digits(roof.tflops)} {unit}"
        for roof in roofs
    ) + (f"; {plural(len(placed), 'dot')}, each in the table" if placed else "")
    picture = el(
        "svg",
        *_flip(roofs, scale),
        *_grid(scale),
        *(line for roof in roofs for line in _roof(roof, scale)),
        *_points(shown, scale),
        *_heights(scale, unit),
        *_names(roofs, scale, unit),
        *_ridges(roofs, scale),
        *_dots(placed, scale),
        class_="plot",
        height=HEIGHT + 12,
        role="img",
        aria_label=f"Roofline. {words}",
    )
    told = f"Attainable dense {rate} {unit} over arithmetic intensity, from published peaks; both axes logarithmic"
    if len(roofs) == 2:
        low, high = (fewest_digits(one) for one in sorted(roof.ridge for roof in roofs))
        told += f". Shaded: from {low} to {high} FLOP/B the bound flips between the two" if low != high else ""
    return el(
        "figure",
        el("figcaption", told),
        el("div", el("div", picture), el("div", _table(roofs, rate, unit), behind), class_="pair"),
    )


def scale_of(roofs: Sequence[Roof], intensities: Sequence[float], dots: Sequence[Dot] = ()) -> Scale:
    """Return the axes, in powers of ten, that hold every ridge point, rate and workload."""
    ridges = [math.log10(roof.ridge) for roof in roofs]
    points = [math.log10(value) for value in intensities]
    points += [math.log10(dot.intensity) for dot in dots]
    room = 0.7 if dots else 0.2  # what is measured stands clear of the numbers on the axis
    left = min([min(ridges) - 1.3, *(one - room for one in points)])
    right = max([max(ridges) + 0.7, *(one + 0.2 for one in points)])
    slowest = min(math.log10(roof.bandwidth_gbps / 1e3) + left for roof in roofs)
    fastest = max(math.log10(roof.tflops) for roof in roofs)
    rates = [math.log10(dot.rate) for dot in dots]
    slowest, fastest = min([slowest, *(one - 0.2 for one in rates)]), max([fastest, *rates])
    return Scale(left, right, slowest, fastest + 0.15 * (fastest - slowest))


def _flip(roofs: Sequence[Roof], scale: Scale) -> list[Html]:
    """Return the ground between two ridge points: there, one is bound by memory and the other by its units."""
    if len(roofs) != 2:
        return []
    low, high = sorted(scale.x(roof.ridge) for roof in roofs)
    return [el("rect", x=percent(low), width=percent(high - low), y=ROW, height=HEIGHT - AXIS - ROW, class_="f-flip")]


def _grid(scale: Scale) -> list[Html]:
    drawn = []
    for decade in range(math.ceil(scale.left), math.floor(scale.right) + 1):
        x = scale.x(10.0**decade)
        anchor = "start" if x < 0.03 else "end" if x > 0.97 else "middle"
        drawn.append(el("line", x1=percent(x), x2=percent(x), y1=ROW, y2=HEIGHT - AXIS, class_="s-line"))
        drawn.append(el("text", _power(decade), x=percent(x), y=HEIGHT - 8, text_anchor=anchor))
    for decade in range(math.ceil(scale.bottom), math.floor(scale.top) + 1):
        y = round(scale.y(10.0**decade), 1)
        drawn.append(el("line", x1="0%", x2="100%", y1=y, y2=y, class_="s-line"))
    drawn.append(el("line", x1="0%", x2="100%", y1=HEIGHT - AXIS, y2=HEIGHT - AXIS, class_="s-dim"))
    return [*drawn, el("text", "FLOP/B", x="50%", y=HEIGHT + 10, text_anchor="middle")]


def _heights(scale: Scale, unit: str) -> list[Html]:
    decades = range(math.ceil(scale.bottom), math.floor(scale.top) + 1)
    places = [(decade, round(scale.y(10.0**decade) - 4, 1)) for decade in decades]
    return [el("text", f"{_power(decade)} {unit}", x=2, y=y, class_="halo") for decade, y in places if y > 2 * ROW]


def _roof(roof: Roof, scale: Scale) -> list[Html]:
    ridge, top = percent(scale.x(roof.ridge)), round(scale.y(roof.tflops), 1)
    start = round(scale.y(roof.bandwidth_gbps * 10**scale.left / 1e3), 1)
    class_ = f"roof s-{roof.tone}" + (" dash" if roof.tone in ("here", "third") else "")
    return [
        el("line", x1="0%", y1=start, x2=ridge, y2=top, class_=class_),
        el("line", x1=ridge, y1=top, x2="100%", y2=top, class_=class_),
    ]


def _names(roofs: Sequence[Roof], scale: Scale, unit: str) -> list[Html]:
    """Return a name over each roof; roofs that lie close have their names above each other."""
    drawn, free = [], float(HEIGHT)
    for roof in sorted(roofs, key=lambda one: one.tflops):
        y = round(min(scale.y(roof.tflops) - 6, free - ROW), 1)
        free = y
        told = f"{roof.name} {fewest_digits(roof.tflops)} {unit}"
        drawn.append(el("text", told, x="100%", y=y, text_anchor="end", class_=f"strong halo t-{roof.tone}"))
    return drawn


def _ridges(roofs: Sequence[Roof], scale: Scale) -> list[Html]:
    drawn = []
    for number, roof in enumerate(sorted(roofs, key=lambda one: one.ridge)):
        x, y = scale.x(roof.ridge), round(scale.y(roof.tflops), 1)
        drawn.append(el("line", x1=percent(x), x2=percent(x), y1=y, y2=HEIGHT - AXIS, class_=f"thin s-{roof.tone}"))
        if len(roofs) <= 2:
            anchor = "end" if number == 0 and len(roofs) == 2 else "start"
            place = {"x": percent(x), "dx": -4 if anchor == "end" else 4, "y": HEIGHT - AXIS - 6}
            told = fewest_digits(roof.ridge)
            drawn.append(el("text", told, **place, text_anchor=anchor, class_=f"strong halo t-{roof.tone}"))
    return drawn


def _points(points: Sequence[tuple[str, float]], scale: Scale) -> list[Html]:
    drawn, free = [], 0.0
    for letter, value in sorted(points, key=lambda one: one[1]):
        x = percent(scale.x(value))
        told = max(scale.x(value), free)
        free = told + LETTER
        drawn.append(el("line", x1=x, x2=x, y1=ROW, y2=HEIGHT - AXIS, class_="s-dim thin"))
        drawn.append(el("text", letter, x=percent(told), y=12, text_anchor="middle", class_="strong t-text"))
    return drawn


def _dots(dots: Sequence[Dot], scale: Scale) -> list[Html]:
    """Return the dots; labels stand where none is near, the title of a dot and the table tell the others."""
    drawn: list[Html] = []
    labels: list[tuple[float, float]] = []
    for dot in dots:
        x, y = scale.x(dot.intensity), round(scale.y(dot.rate), 1)
        drawn.append(el("circle", el("title", dot.name), cx=percent(x), cy=y, r=4.5, class_="dot"))
        if any(abs(x - other_x) < LETTER and abs(y - other_y) < ROW for other_x, other_y in labels):
            continue
        labels.append((x, y))
        place = percent(min(x, 0.98))  # below: above lie the roofs
        drawn.append(el("text", dot.label, x=place, y=y + ROW, text_anchor="middle", class_="strong halo t-text"))
    return drawn


def _table(roofs: Sequence[Roof], rate: str, unit: str) -> Html:
    columns = [Column("device", "head"), Column(f"dense {rate}", "number"), Column("bandwidth", "number")]
    rows = [
        (
            roof.name,
            f"{fewest_digits(roof.tflops)} {unit}",
            f"{fewest_digits(roof.bandwidth_gbps)} GB/s",
            f"{fewest_digits(roof.ridge)} FLOP/B",
        )
        for roof in roofs
    ]
    return table("Ceilings of one device", [*columns, Column("ridge point", "number")], rows)


def _power(decade: int) -> str:
    return fewest_digits(10**decade) if decade >= -2 else f"1e{decade}"
