"""Knows the page of ``parity watch``: per device which unit was busy, its conditions over time, its roofs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports import watch_rows
from parity.reports.html.bars import legend
from parity.reports.html.markup import clean, el
from parity.reports.html.page import chip, document_title, facts, fold, hero, items, page, section
from parity.reports.html.strips import Strip, strip
from parity.reports.html.tables import Column, table
from parity.units import fewest_digits, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from parity.model.interval import WatchedDevice
    from parity.model.watch import RecordedDevice, WatchReport
    from parity.reports.html.markup import Html

    Pair: TypeAlias = tuple[RecordedDevice, WatchedDevice]

OUTCOMES = {"clean": "match", "disturbed": "mismatch", "unknown": "unknown"}
TONES = {"error": "bad", "warning": "doubt", "note": ""}
MOST_DEVICES = 16
# Values that are drawn, in order, with the factor that brings them to the unit told; shares are drawn from 0 to 100 %.
DRAWN: tuple[tuple[str, str, str, float], ...] = (
    *((name, title, "%", 100.0) for name, title in watch_rows.UNITS.items() if name.endswith(("_active", "_activity"))),
    *((name, title, "GB/s", 2**20 / 1e9) for name, title in watch_rows.UNITS.items() if name.endswith("_mib_s")),
    ("utilization_percent", "a kernel ran", "%", 1.0),
    ("utilization_memory_percent", "memory was touched", "%", 1.0),
    ("clock_sm_mhz", "core clock", "MHz", 1.0),
    ("clock_graphics_mhz", "core clock", "MHz", 1.0),
    ("clock_memory_mhz", "memory clock", "MHz", 1.0),
    ("power_draw_w", "power draw", "W", 1.0),
    ("temperature_c", "temperature", "C", 1.0),
    ("temperature_memory_c", "memory temperature", "C", 1.0),
    ("memory_used_bytes", "memory held", "GiB", 2.0**-30),
    ("other_processes", "other processes", "", 1.0),
)
_LIMITS = {"clock_sm_mhz": "clock_max_mhz", "clock_graphics_mhz": "clock_max_mhz", "power_draw_w": "power_limit_w"}
THROTTLED = "throttled."


def render(report: WatchReport) -> str:
    """Return the recording as one HTML page."""
    pairs = list(zip(report.devices, report.interval.devices, strict=True))
    state = report.interval.state
    headline = f"{watch_rows.command_of(report) or 'No command'}: {watch_rows.ending_of(report)}"
    top = hero(
        OUTCOMES[state],
        state,
        clean(headline, limit=200),
        el("p", f"The watch was lost: {report.lost}") if report.lost else None,
        facts(_facts(report)),
    )
    sections = [
        section("findings", "What happened", _findings(report)) if report.interval.findings else None,
        section("roofs", "What bound it", *_folded(pairs, lambda pair: _roofs(pair[0]))) if pairs else None,
        section("units", "Which unit was busy", *_folded(pairs, lambda pair: _units(pair[0]))) if pairs else None,
        section("timeline", "Over time", *_timelines(pairs)) if pairs else None,
        section("conditions", "Conditions", *_folded(pairs, lambda pair: _conditions(pair[1]))) if pairs else None,
        section("gaps", "Not read", _gaps(report)),
        section("cost", "What watching cost", el("p", watch_rows.overhead_of(report))),
    ]
    foot = f"Written by parity from parity.watch/1; begun {report.started}."
    return page("watch", document_title(state.upper(), headline, "parity watch"), top, sections, foot)


def _facts(report: WatchReport) -> Iterator[tuple[str, str, str | None]]:
    every = report.interval.sampled_every_s
    yield "took", f"{fewest_digits(round(report.seconds, 2))} s", None
    told = plural(report.interval.samples, "sample")
    yield "watched", told, None if every is None else f"at most every {every:g} s"
    yield "devices", str(len(report.devices)), None
    if report.target:
        yield "target", report.target, None


def _findings(report: WatchReport) -> Html:
    columns = [Column("severity", "chip"), Column("rule", "name"), Column("subject", "head"), Column("what", "text"),
               Column("mend", "text")]  # fmt: skip
    rows = [
        [chip(one.severity, TONES[one.severity]), one.rule, one.subject, one.message, one.mend]
        for one in report.interval.findings
    ]
    return table("What the rules for a test's conditions say of the whole time", columns, rows)


def _roofs(device: RecordedDevice) -> Html:
    columns = [Column("what", "head"), Column("answer", "text")]
    return table(device.label, columns, list(watch_rows.roofs_of(device.bound)))


def _units(device: RecordedDevice) -> Html:
    columns = [
        Column("unit", "head"),
        Column("mean", "number"),
        Column("max", "number"),
        Column("while busy", "number"),
    ]
    rows = [
        [title, *(watch_rows.amount(name, one) for one in (use.mean, use.max, use.busy))]
        for title, use, name in watch_rows.units_of(device)
    ]
    busy = "" if device.busy_share is None else f": busy {watch_rows.share(device.busy_share)} of the time"
    return table(f"{device.label}{busy}", columns, rows)


def _conditions(watched: WatchedDevice) -> Html:
    return table(
        watched.label, [Column("what", "head"), Column("value", "text")], list(watch_rows.conditions_of(watched))
    )


def _timelines(pairs: Sequence[Pair]) -> list[Html]:
    if not any(device.timeline.at for device, _ in pairs):
        return [el("p", "No sample was taken.")]
    return [
        legend([("f-here maybe", "least to most"), ("f-text", "mean"), ("f-bad maybe", "throttled")]),
        el("h3", pairs[0][0].label),
        *_folded(pairs, lambda pair: _timeline(*pair)),
    ]


def _folded(pairs: Sequence[Pair], draw: Callable[[Pair], Html]) -> list[Html]:
    """Return what is told of each device; all but the first folded away, and of more than a page bears their number."""
    shown = [draw(pair) for pair in pairs[:MOST_DEVICES]]
    more = len(pairs) - MOST_DEVICES
    return [
        *shown[:1],
        *(fold(pair[0].label, one) for pair, one in zip(pairs[1:], shown[1:], strict=False)),
        *([el("p", f"and {more} more devices; `--format json` has all of them", class_="dim")] if more > 0 else []),
    ]


def _timeline(device: RecordedDevice, watched: WatchedDevice) -> Html:
    line, drawn = device.timeline, []
    end = fewest_digits(round(line.at[-1], 2)) if line.at else "0"
    for name, title, unit, factor in DRAWN:
        if name in line.lines and device.use[name].max > 0:
            whole = 100.0 if unit == "%" else None
            one = Strip(title, unit, factor, top=whole, limit=_limit(watched, name), floor=0.0 if whole else None)
            drawn.append(strip(one, line.at, line.lines[name]))
    for name in line.lines:
        if name.startswith(THROTTLED) and device.use[name].max > 0:
            cause = Strip(f"throttled by {name.removeprefix(THROTTLED)}", "%", 100.0, top=100.0, floor=0.0, tone="bad")
            drawn.append(strip(cause, line.at, line.lines[name]))
    points = "" if line.samples_per_point == 1 else f", {line.samples_per_point} samples a point"
    caption = f"From 0 to {end} s, {plural(len(line.at), 'point')}{points}; what stayed at nothing is left out"
    return el(
        "div", el("figure", el("figcaption", caption), *drawn), fold("The numbers behind the picture", _numbers(device))
    )


def _numbers(device: RecordedDevice) -> Html:
    columns = [Column("value", "name"), Column("mean", "number"), Column("most", "number")]
    rows = [[name, fewest_digits(use.mean), fewest_digits(use.max)] for name, use in device.use.items()]
    return table(f"{device.label}: each value by its own name, in the unit of it", columns, rows)


def _limit(watched: WatchedDevice, name: str) -> float | None:
    wanted = _LIMITS.get(name, "")
    return watched.series[wanted].min if wanted in watched.series else watched.settings.get(wanted)


def _gaps(report: WatchReport) -> Html:
    gaps = [*report.interval.unknowns, *(gap for device in report.interval.devices for gap in device.unknowns)]
    told = items(f"{gap.what}: {gap.why.replace('_', ' ')}{f' ({gap.detail})' if gap.detail else ''}" for gap in gaps)
    return told or el("p", "Everything that was asked was read.")
