"""Knows how measurements are worded: one row each, the theoretical peak beside it and never in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from parity.inputs import printable
from parity.model.measurement import peak_fact
from parity.reports.rows import GPU_VISIBLE, short_reason
from parity.units import fewest_digits, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.measurement import MeasuredDevice, Measurement, MeasureReport

HEAD = ("measured", "value", "spread", "of peak", "counters", "kernel")


class Row(NamedTuple):
    """One measurement in words."""

    name: str
    value: str
    spread: str
    share: str
    conditions: str
    kernel: str


def rows_of(report: MeasureReport, device: MeasuredDevice) -> list[Row]:
    """Return a device's measurements; of a pair, those that start from it."""
    labels = {one.position: one.label for one in report.devices}
    return [_row(one, device, labels) for one in report.measured if one.device == device.position]


def _row(one: Measurement, device: MeasuredDevice, labels: dict[int, str]) -> Row:
    peak = device.peaks.get(peak_fact(one.name))
    to = "" if one.peer is None else f" to {printable(labels.get(one.peer, f'device {one.peer}').split(' (')[0])}"
    return Row(
        name=printable(one.name) + to,
        value=f"{fewest_digits(round(one.value, 2))} {one.unit}",
        spread=f"{100 * one.spread:.1f} %",
        share="" if not peak else f"{100 * one.value / peak:.0f} % of {fewest_digits(round(peak, 1))}",
        conditions=one.conditions,
        kernel=printable(one.kernel),
    )


def missing(report: MeasureReport) -> Iterator[str]:
    """Yield what was not measured, those of one device with one reason together."""
    labels = {one.position: one.label for one in report.devices}
    grouped: dict[tuple[int | None, str], list[str]] = {}
    for one in report.unmeasured:
        grouped.setdefault((one.device, one.detail), []).append(one.name)
    for (device, detail), names in grouped.items():
        where = "machine" if device is None else labels.get(device, f"device {device}")
        what = "" if names == ["all"] else f"{', '.join(dict.fromkeys(names))}: "
        yield printable(f"{where}: {what}{short_reason(detail)}")


def without_devices(report: MeasureReport) -> Iterator[tuple[str, str]]:
    """Yield (label, words): why there was nothing to measure, and what to do; nothing where there was a device."""
    if not report.devices:
        yield from (("why", printable(short_reason(one.detail))) for one in report.unmeasured)
        yield "next", GPU_VISIBLE


def summary(report: MeasureReport) -> str:
    """Return one line: how much was measured, and whether it was cut short."""
    if not report.devices:
        return "nothing to measure: no visible GPU"
    count = len(report.measured)
    told = plural(count, "measurement")
    lost = [one for one in report.unmeasured if one.why != "not_supported"]
    told += f", {len(lost)} not made" if lost else ""
    return told + (", interrupted" if report.interrupted else "")
