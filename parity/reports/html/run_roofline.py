"""Knows the roofline of a pytest run: what tests timed, against the roofs of this device and of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from parity.reports.html.markup import el
from parity.reports.html.page import chip, code
from parity.reports.html.roofline import TONES, Dot, Roof, roofline
from parity.reports.html.tables import Column, table
from parity.reports.run_rows import seconds_text
from parity.units import fewest_digits, format_ratio, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.run import Run, RunPeaks, RunRoofline
    from parity.reports.html.markup import Content, Html

MOST_DOTS = 200
MOST_PICTURES = 6
LEAST_PEAK, MOST_PEAK = 1e-3, 1e9  # beyond, a number is no peak of a device
_UNKNOWN = "unknown"


class _Measured(NamedTuple):
    """One measure of one test, numbered through the page."""

    number: int
    nodeid: str
    one: RunRoofline


def rooflines(run: Run) -> list[Html]:
    """Return a picture with its table for each data type and pair of devices; empty when no test measured that way."""
    found = [(test.nodeid, one) for test in run.tests for one in test.rooflines]
    groups: dict[tuple[str, RunPeaks, RunPeaks], list[_Measured]] = {}
    for number, (nodeid, one) in enumerate(found, start=1):
        groups.setdefault((one.dtype, one.here, one.target), []).append(_Measured(number, nodeid, one))
    told = [part for group in list(groups.values())[:MOST_PICTURES] for part in _group(group)]
    left = sum(len(group) for group in list(groups.values())[MOST_PICTURES:])
    left += sum(test.more_rooflines for test in run.tests)
    if left:
        told.append(el("p", f"{plural(left, 'measure')} more; `--parity-report=run.json` has all that were kept"))
    return told


def _group(group: Sequence[_Measured]) -> list[Html]:
    first = group[0].one
    rows = _table(group)
    dots = [Dot(str(each.number), _name(each), *_place(each.one)) for each in group[:MOST_DOTS]]
    drawn = roofline(_roofs(first), rate=_rate(first.dtype), unit=_unit(first.dtype), dots=dots)
    title = el("h3", f"{_rate(first.dtype)}: {first.here.name} here, target {first.target.name}")
    without = sum(not dot.has_place for dot in dots) + max(0, len(group) - MOST_DOTS)
    remarks = []
    if drawn is None:
        remarks.append("no picture: neither device's peaks are known")
    elif without:
        remarks.append(f"{plural(without, 'measure')} only in the table: a dot needs bytes and operations")
    if drawn is not None and len(_roofs(first)) == 1 and first.here.name != first.target.name:
        missing = first.target.name if _roof(first.here, "here") else first.here.name
        remarks.append(f"no roof of {missing}: its peaks are not known")
    return [title, *([drawn] if drawn else []), *(el("p", one, class_="dim") for one in remarks), rows]


def _roofs(one: RunRoofline) -> list[Roof]:
    """Return the roofs of both devices as far as their peaks are known; one when they are the same."""
    same = one.here == one.target
    found = [_roof(one.target, TONES[1]), None if same else _roof(one.here, TONES[0])]
    return [roof for roof in found if roof is not None]


def _roof(peaks: RunPeaks, tone: str) -> Roof | None:
    rate, bandwidth = peaks.dense_rate or 0.0, peaks.bandwidth_gbps or 0.0
    drawable = LEAST_PEAK <= rate <= MOST_PEAK and LEAST_PEAK <= bandwidth <= MOST_PEAK
    return Roof(peaks.name, tone, rate, bandwidth) if drawable else None


def _place(one: RunRoofline) -> tuple[float, float]:
    """Return (FLOP per byte, 10^12 operations per second); 0 where there is no such number."""
    if not one.bytes > 0 or not one.seconds > 0:
        return 0.0, 0.0
    return one.flops / one.bytes, one.flops / one.seconds / 1e12


def _name(each: _Measured) -> str:
    intensity, rate = _place(each.one)
    unit = _unit(each.one.dtype)
    return f"{each.number}: {each.nodeid}, {_digits(intensity)} FLOP/B, {_digits(rate)} {unit}"


def _table(group: Sequence[_Measured]) -> Html:
    first = group[0].one
    unit = _unit(first.dtype)
    columns = [
        Column("dot", "number"), Column("perf test", "head"), Column("time", "number"), Column("FLOP/B", "number"),
        Column(unit, "number"), Column("GB/s", "number"), Column("of the peak here", "number"),
        Column("of the target's", "number"), Column("bound here, on the target"),
    ]  # fmt: skip
    rows = [_row(each) for each in group]
    return table(f"What the tests reached, {_rate(first.dtype)}", columns, rows)


def _row(each: _Measured) -> tuple[Content, ...]:
    one = each.one
    timed = one.seconds > 0
    return (
        str(each.number),
        code(each.nodeid),
        seconds_text(one.seconds),
        _digits(one.flops / one.bytes) if one.bytes > 0 else "-",
        _digits(one.flops / one.seconds / 1e12) if timed and one.flops > 0 else "-",
        _digits(one.bytes / one.seconds / 1e9) if timed and one.bytes > 0 else "-",
        _share(one, one.here),
        _share(one, one.target),
        _bounds(one),
    )


def _share(one: RunRoofline, peaks: RunPeaks) -> Content:
    times = _least_seconds(one, peaks)
    if times is None or not one.seconds > 0:
        return _UNKNOWN
    share = max(times) / one.seconds
    return chip(f"{format_ratio(share)}, above the roof", "doubt") if share > 1 else format_ratio(share)


def _bounds(one: RunRoofline) -> Content:
    here, there = _bound(one, one.here), _bound(one, one.target)
    flips = here != there and _UNKNOWN not in (here, there)
    return chip(f"{here}, {there}: flips", "doubt") if flips else here if here == there else f"{here}, {there}"


def _bound(one: RunRoofline, peaks: RunPeaks) -> str:
    times = _least_seconds(one, peaks)
    if times is None:
        return _UNKNOWN
    return "memory" if times[0] >= times[1] else "compute"


def _least_seconds(one: RunRoofline, peaks: RunPeaks) -> tuple[float, float] | None:
    """Return the least times for the bytes and for the operations; None when a peak that is needed is not known."""
    if (one.bytes and not peaks.bandwidth_gbps) or (one.flops and not peaks.dense_rate):
        return None
    memory = one.bytes / (peaks.bandwidth_gbps * 1e9) if one.bytes and peaks.bandwidth_gbps else 0.0
    return memory, one.flops / (peaks.dense_rate * 1e12) if one.flops and peaks.dense_rate else 0.0


def _digits(number: float) -> str:
    """Return a number with the fewest digits that decide, three for a small one, which two places would make 0."""
    return f"{number:.3g}" if 0 < number < 0.1 else fewest_digits(number)


def _rate(dtype: str) -> str:
    return dtype.upper().replace("_", " ")


def _unit(dtype: str) -> str:
    return "TOPS" if dtype == "int8" else "TFLOPS"
