"""Knows how a recording is told in a terminal: per device a table of units, the conditions, what bound it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from parity.inputs import printable
from parity.reports import watch_rows
from parity.units import fewest_digits, listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice
    from parity.model.watch import RecordedDevice, WatchReport

_NAME = 14
MAX_GAPS = 6


def render(report: WatchReport, *, verbose: bool = False, width: int = 100) -> str:
    """Return the report as text.

    Args:
        report: what to tell.
        verbose: all that could not be read, and every mend.
        width: of the terminal, in cells.
    """
    lines: list[str] = []
    for line in _lines(report, verbose=verbose):
        indent = " " * (len(line) - len(line.lstrip()) + (_NAME + 1 if line.startswith("  ") else 2))
        lines += textwrap.wrap(line, max(width, 40), subsequent_indent=indent, break_on_hyphens=False) or [""]
    return "\n".join(lines) + "\n"


def _lines(report: WatchReport, *, verbose: bool) -> Iterator[str]:
    what = watch_rows.command_of(report) or "no command"
    interval = report.interval
    yield f"parity watch: {what}: {watch_rows.ending_of(report)}, {fewest_digits(round(report.seconds, 2))} s"
    if report.lost and not interval.devices:
        yield f"nothing could be watched: {printable(report.lost)}"
    elif report.lost:
        told = fewest_digits(round(report.watched_until_s, 2))
        yield f"the watch was lost after {told} s, what follows is up to then: {printable(report.lost)}"
    for device, watched in zip(report.devices, interval.devices, strict=True):
        yield ""
        yield from _device(device, watched)
    if interval.devices:
        yield ""
    for finding in interval.findings:
        yield f"{finding.severity}[{finding.rule}] {finding.subject}: {finding.message}"
        if verbose:
            yield f"  mend: {finding.mend}"
    every = "" if interval.sampled_every_s is None else f" every {interval.sampled_every_s:g} s"
    yield f"conditions: {interval.state}; {plural(interval.samples, 'sample')}{every}"
    yield from _gaps(report, verbose=verbose)
    yield f"cost: {watch_rows.overhead_of(report)}"


def _device(device: RecordedDevice, watched: WatchedDevice) -> Iterator[str]:
    busy = "" if device.busy_share is None else f": busy {watch_rows.share(device.busy_share)} of the time"
    yield f"{printable(device.label)}{busy}"
    units = list(watch_rows.units_of(device))
    if units:
        yield f"  {'unit':<{_NAME}} {'mean':>10} {'max':>10} {'while busy':>11}"
    for title, use, name in units:
        told = [watch_rows.amount(name, one) for one in (use.mean, use.max, use.busy)]
        yield f"  {title:<{_NAME}} {told[0]:>10} {told[1]:>10} {told[2]:>11}"
    for name, told_of in (*watch_rows.conditions_of(watched), *watch_rows.roofs_of(device.bound)):
        yield f"  {name:<{_NAME}} {told_of}"


def _gaps(report: WatchReport, *, verbose: bool) -> Iterator[str]:
    gaps = [*report.interval.unknowns]
    for watched in report.interval.devices:
        gaps += watched.unknowns
    told = dict.fromkeys(f"{gap.what}: {gap.why.replace('_', ' ')}" for gap in gaps if gap.what != "conditions")
    if told:
        most = len(told) if verbose else MAX_GAPS
        yield f"not read: {listed(list(map(printable, told)), most)}{' (-v)' if len(told) > most else ''}"
