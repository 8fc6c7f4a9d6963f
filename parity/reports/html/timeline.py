"""Knows the conditions of a run over time: a strip per value, a column per test, in the order in which they ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from parity.model.interval import Interval
from parity.reports.html.bars import legend
from parity.reports.html.markup import clean, el, percent
from parity.reports.html.page import fold
from parity.reports.html.tables import Column, table
from parity.units import fewest_digits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.interval import Series, WatchedDevice
    from parity.model.run import RunTest
    from parity.reports.html.markup import Html

MOST_COLUMNS = 160  # beyond, neighbouring tests share a column
MOST_DEVICES = 8
STATES = {"disturbed": ("bad", "disturbed"), "unknown": ("doubt", "not fully known"), "clean": ("good", "clean")}
HEIGHT, STATE_HEIGHT = 56, 16  # px


@dataclass(frozen=True)
class Value:
    """One value that is drawn.

    Attributes:
        names: series that tell it, the first that is there counts.
        title, unit: how it is told.
        limit: setting or series with which it is compared; empty: none.
        limit_name: the limit in words.
    """

    names: tuple[str, ...]
    title: str
    unit: str
    limit: str = ""
    limit_name: str = ""


VALUES = (
    Value(
        ("clock_busy_mhz", "clock_sm_mhz", "clock_graphics_mhz"), "core clock", "MHz", "clock_max_mhz", "maximum clock"
    ),
    Value(("power_draw_w",), "power draw", "W", "power_limit_w", "power limit"),
    Value(("temperature_c",), "temperature", "C"),
)


@dataclass(frozen=True)
class Watched:
    """What one column of the picture stands for: one test, or neighbours that share it."""

    tests: tuple[RunTest, ...]
    state: str
    device: tuple[WatchedDevice, ...]

    @property
    def name(self) -> str:
        """Return the test, and how many more share the column."""
        more = len(self.tests) - 1
        return clean(self.tests[0].nodeid, limit=160) + (f" and {more} more" if more else "")

    def range_of(self, value: Value) -> tuple[float, float, float] | None:
        """Return (least, mean, most) over the column's tests, None when no test has it."""
        found = [one for one in (_series(device, value) for device in self.device) if one is not None]
        if not found:
            return None
        mean = sum(one.mean for one in found) / len(found)
        return min(one.min for one in found), mean, max(one.max for one in found)


def timeline(tests: Sequence[RunTest]) -> list[Html]:
    """Return the picture of each watched device with the table behind it; empty when nothing was watched.

    Conditions that another version wrote and that cannot be read are left out of the picture.
    """
    seen = [(test, interval) for test in tests if (interval := _interval(test.conditions)) is not None]
    labels = list(dict.fromkeys(device.label for _, interval in seen for device in interval.devices))
    drawn = [_device(label, seen) for label in labels[:MOST_DEVICES]]
    if not drawn:
        return []
    more = len(labels) - MOST_DEVICES
    rest = [el("p", f"and {more} more devices", class_="dim")] if more > 0 else []
    others = [fold(label, one) for label, one in zip(labels[1:], drawn[1:], strict=False)]
    first = [el("h3", labels[0])] if len(labels) > 1 else []
    return [*first, drawn[0], *others, *rest]


def columns_of(label: str, seen: Sequence[tuple[RunTest, Interval]]) -> list[Watched]:
    """Return the columns of one device: neighbours share one where there are too many tests for the picture."""
    size = -(-len(seen) // MOST_COLUMNS)
    made = []
    for start in range(0, len(seen), size):
        group = seen[start : start + size]
        states = [test.conditions_state for test, _ in group]
        worst = next((state for state in STATES if state in states), "unknown")
        devices = tuple(device for _, interval in group for device in interval.devices if device.label == label)
        made.append(Watched(tuple(test for test, _ in group), worst, devices))
    return made


def _device(label: str, seen: Sequence[tuple[RunTest, Interval]]) -> Html:
    columns = columns_of(label, seen)
    told = [value for value in VALUES if any(column.range_of(value) for column in columns)]
    counts = {state: sum(column.state == state for column in columns) for state in STATES}
    words = ", ".join(f"{count} {STATES[state][1]}" for state, count in counts.items() if count)
    unit = "tests" if len(columns) == len(seen) else f"columns of {-(-len(seen) // len(columns))} tests"
    figure = el(
        "figure",
        el("figcaption", f"One column a test, in the order in which they ran: {words} {unit}"),
        _states(columns, f"{label}: {words}"),
        legend([(f"f-{tone}", word) for state, (tone, word) in STATES.items() if counts[state]]),
        *(_strip(value, columns) for value in told),
    )
    heads = [Column("test", "head"), Column("state"), Column("throttled by", "text")]
    heads += [Column(f"{value.title}, {value.unit}", "number") for value in told]
    rows = [
        (column.name, STATES[column.state][1], _causes(column), *(_range(column, value) for value in told))
        for column in columns
    ]
    caption = f"{label}: least, mean and most of each value"
    return el("div", figure, fold("The numbers behind the picture", table(caption, heads, rows)))


def _states(columns: Sequence[Watched], words: str) -> Html:
    drawn = [
        el(
            "rect",
            el("title", f"{column.name}: {STATES[column.state][1]}"),
            **_place(number, len(columns)),
            height=STATE_HEIGHT,
            class_=f"f-{STATES[column.state][0]}",
        )
        for number, column in enumerate(columns)
    ]
    return el("svg", *drawn, class_="strip", height=STATE_HEIGHT, role="img", aria_label=words)


def _strip(value: Value, columns: Sequence[Watched]) -> Html:
    ranges = [column.range_of(value) for column in columns]
    known = [one for one in ranges if one is not None]
    limit = _limit(value, columns)
    low, high = min(one[0] for one in known), max(one[2] for one in known)
    top = max(high, limit or high)
    # Not from zero: the pieces are ranges, and what moves within a few percent must be seen.
    span = max(top - low, 0.05 * abs(top), 1e-9)

    def y(number: float) -> float:
        return round(HEIGHT * (0.06 + 0.86 * (top - number) / span), 1)

    drawn = []
    for number, (column, found) in enumerate(zip(columns, ranges, strict=True)):
        if found is None:
            continue
        least, mean, most = found
        place = _place(number, len(columns))
        told = f"{_numbers(found)} {value.unit}"
        size = max(2.0, round(y(least) - y(most), 1))
        tone = STATES[column.state][0]
        drawn.append(el("rect", el("title", told), **place, y=y(most), height=size, class_=f"f-{tone} maybe"))
        drawn.append(el("rect", **place, y=y(mean) - 1, height=2.5, class_="f-text"))
    told = f"{value.title}: {fewest_digits(low)} to {fewest_digits(high)} {value.unit}"
    mark = []
    if limit:
        told += f"; {value.limit_name} {fewest_digits(limit)} {value.unit}"
        mark = [el("line", x1="0%", x2="100%", y1=y(limit), y2=y(limit), class_="s-dim dash")]
    ground = el("line", x1="0%", x2="100%", y1=HEIGHT, y2=HEIGHT, class_="s-line")
    picture = el("svg", ground, *mark, *drawn, class_="strip", height=HEIGHT, role="img", aria_label=told)
    return el("div", el("p", told, class_="strip-name"), picture)


def _place(number: int, count: int) -> dict[str, str]:
    gap = 0.12 if count <= 120 else 0.0
    return {"x": percent((number + gap / 2) / count), "width": percent((1 - gap) / count)}


def _limit(value: Value, columns: Sequence[Watched]) -> float | None:
    """Return the least limit that held at any test, None when nothing tells one."""
    found = []
    for device in (device for column in columns for device in column.device):
        series = device.series.get(value.limit)
        setting = series.min if series is not None else device.settings.get(value.limit)
        found += [setting] if setting else []
    return min(found, default=None)


def _series(device: WatchedDevice, value: Value) -> Series | None:
    return next((device.series[name] for name in value.names if name in device.series), None)


def _causes(column: Watched) -> str:
    causes = [
        throttle.cause for device in column.device for throttle in device.throttled if throttle.share or throttle.seen
    ]
    return ", ".join(dict.fromkeys(causes))


def _range(column: Watched, value: Value) -> str:
    found = column.range_of(value)
    return "" if found is None else _numbers(found)


def _numbers(found: tuple[float, float, float]) -> str:
    return " / ".join(fewest_digits(one) for one in found)


def _interval(conditions: dict[str, Any] | None) -> Interval | None:
    if conditions is None:
        return None
    try:
        return msgspec.convert(conditions, Interval)
    except (msgspec.ValidationError, ValueError):
        return None
