"""Knows how measurements are told in a terminal: a table per device, then what is missing and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.inputs import printable
from parity.reports.measure_rows import HEAD, missing, rows_of, summary, without_devices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.measurement import MeasureReport

_RIGHT = (1, 2)


def render(report: MeasureReport) -> str:
    """Return the report as text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: MeasureReport) -> Iterator[str]:
    for device in report.devices:
        rows = rows_of(report, device)
        if rows:
            part = f", {device.part}" if device.part else ""
            yield f"{printable(device.label)}{part}"
            yield from _table([HEAD, *rows])
            yield ""
    gaps = list(missing(report))
    if gaps and report.devices:
        yield "not measured"
        yield from (f"  {gap}" for gap in gaps)
        yield ""
    yield summary(report)
    yield from (f"  {label}: {words}" for label, words in without_devices(report))


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        cells = (
            cell.rjust(width) if column in _RIGHT else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield ("  " + "  ".join(cells)).rstrip()
