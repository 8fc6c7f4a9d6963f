"""Knows bars as inline SVG: a ratio against its target, sizes stacked against a capacity, counts of a whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.reports.html.markup import el, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.reports.html.markup import Html

MOST = 2.0  # ratios beyond are drawn as an arrow
MOST_VERSUS = 8.0  # the same, of bars to both sides
LEAST = 0.004  # of the width; thinner bars are not seen


@dataclass(frozen=True)
class Part:
    """One part of a stacked bar.

    Attributes:
        name: what it is, in the legend.
        class_: colour: ``part-a`` to ``part-d``, or ``f-good`` and so on.
        low: its least size, drawn full.
        high: its greatest, drawn faint beyond ``low``.
    """

    name: str
    class_: str
    low: float
    high: float


def scale_of(ratios: Iterable[float | None]) -> float:
    """Return what the full width of ratio bars that stand below each other means: 1 or more, at most ``MOST``.

    >>> scale_of([0.3, 0.17]), scale_of([0.3, 1.57]), scale_of([9.0, None])
    (1.0, 1.57, 2.0)
    """
    return max(1.0, min(MOST, max((one for one in ratios if one is not None and math.isfinite(one)), default=1.0)))


def ratio_bar(ratio: float | None, tone: str, scale: float) -> Html | None:
    """Return here / target as a bar with a mark where the target is, None without a ratio.

    The table cell beside it says the same as text.
    """
    if ratio is None or not math.isfinite(ratio):
        return None
    drawn = max(LEAST, min(ratio, scale) / scale)
    mark = percent(1 / scale)
    over = el("text", "»", x="99%", y=14, text_anchor="end", class_="strong t-text halo") if ratio > scale else None
    return el(
        "svg",
        el("rect", width="100%", height="100%", rx=3, class_="f-track"),
        el("rect", width=percent(drawn), height="100%", rx=3, class_=f"f-{tone}"),
        el("line", x1=mark, x2=mark, y1=-3, y2="120%", class_="s-mark"),
        over,
        class_="bar",
        aria_hidden="true",
        focusable="false",
    )


def versus_scale(ratios: Iterable[float | None]) -> float:
    """Return what each half of bars to both sides means: a ratio of 2 or more, at most ``MOST_VERSUS``.

    >>> versus_scale([1.1]), versus_scale([0.25, 1.5]), versus_scale([100.0])
    (2.0, 4.0, 8.0)
    """
    known = [one for one in ratios if one is not None and math.isfinite(one) and one > 0]
    return max(2.0, min(MOST_VERSUS, max((max(one, 1 / one) for one in known), default=2.0)))


def versus_bar(low: float | None, ratio: float | None, high: float | None, tone: str, scale: float) -> Html | None:
    """Return a ratio as a bar from the middle, which is 1: ahead to the right, behind to the left, logarithmic.

    Args:
        low: the least that the ratio may be.
        ratio: None: no bar.
        high: the most; between the two the bar is faint.
        tone: its colour.
        scale: the ratio at the right edge.
    """
    if ratio is None or not math.isfinite(ratio) or ratio <= 0:
        return None
    least, most = (_place(one or ratio, scale) for one in (low, high))
    start, sure, end = (0.5, max(least, 0.5), most) if ratio > 1 else (least, min(most, 0.5), 0.5)
    solid = (start, sure) if ratio > 1 else (sure, end)
    beyond = "»" if ratio > scale else "«" if ratio < 1 / scale else ""
    edge = {"x": "99%", "text_anchor": "end"} if ratio > 1 else {"x": "1%", "text_anchor": "start"}
    return el(
        "svg",
        el("rect", width="100%", height="100%", rx=3, class_="f-track"),
        el("rect", x=percent(start), width=percent(max(0.0, end - start)), height="100%", class_=f"f-{tone} maybe"),
        el("rect", x=percent(solid[0]), width=percent(solid[1] - solid[0]), height="100%", class_=f"f-{tone}"),
        el("line", x1="50%", x2="50%", y1=-3, y2="120%", class_="s-mark"),
        el("text", beyond, **edge, y=14, class_="strong t-text halo") if beyond else None,
        class_="bar",
        aria_hidden="true",
        focusable="false",
    )


def _place(ratio: float, scale: float) -> float:
    """Return where a ratio stands from the left, 0 to 1."""
    return min(1.0, max(0.0, 0.5 + math.log(ratio) / math.log(scale) / 2))


def stacked_bar(parts: Sequence[Part], capacity: float | None, scale: float, told: str) -> Html:
    """Return sizes one after the other, least sizes full and what may come on top faint, and a mark at the capacity.

    Args:
        parts: from left to right; what each may need beyond its least stands after all the least ones.
        capacity: where the mark is; None: not known.
        scale: size of the full width, the same for all bars of one picture.
        told: the same in words, for who does not see it.
    """
    start = 0.0
    drawn: list[Html] = []
    for name, class_, size in [(one.name, one.class_, one.low) for one in parts] + [
        (f"{one.name}, at most", f"{one.class_} maybe", one.high - one.low) for one in parts
    ]:
        if size > 0:
            place = {"x": percent(start / scale), "width": percent(size / scale)}
            drawn.append(el("rect", el("title", name), **place, y=0, height="100%", class_=class_))
            start += size
    room = el(
        "rect",
        width=percent(min(1.0, (scale if capacity is None else capacity) / scale)),
        height="100%",
        class_="f-track",
    )
    return el("svg", room, *drawn, *_limit(capacity, start, scale), class_="bar stack-bar", role="img", aria_label=told)


def counts_bar(parts: Sequence[tuple[int, str, str]]) -> Html | None:
    """Return (count, tone, name) as parts of a whole, with the same in words below; None when there is nothing."""
    whole = sum(count for count, _, _ in parts)
    if not whole:
        return None
    words = ", ".join(f"{count} {name}" for count, _, name in parts if count)
    start, drawn = 0, []
    for count, tone, name in parts:
        if count:
            place = {"x": percent(start / whole), "width": percent(count / whole)}
            drawn.append(el("rect", el("title", f"{count} {name}"), **place, height="100%", class_=f"f-{tone}"))
        start += count
    picture = el("svg", *drawn, class_="bar", role="img", aria_label=words)
    return el("figure", picture, legend([(f"f-{tone}", f"{count} {name}") for count, tone, name in parts if count]))


def legend(entries: Iterable[tuple[str, str]]) -> Html:
    """Return (class, name) of each colour as a list."""
    return el(
        "ul",
        *(
            el("li", el("svg", el("rect", width="100%", height="100%", class_=class_), aria_hidden="true"), name)
            for class_, name in entries
        ),
        class_="legend",
    )


def _limit(capacity: float | None, need: float, scale: float) -> list[Html]:
    """Return the mark at the capacity, and a line under what goes beyond it."""
    if capacity is None:
        return []
    at = percent(min(1.0, capacity / scale))
    mark = el("line", x1=at, x2=at, y1=-5, y2="114%", class_="s-mark")
    if need <= capacity:
        return [mark]
    return [el("line", x1=at, x2=percent(min(1.0, need / scale)), y1="100%", y2="100%", class_="over"), mark]
