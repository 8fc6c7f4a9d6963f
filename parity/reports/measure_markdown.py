"""Knows how measurements are told in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.markdown_report import cell
from parity.reports.measure_rows import HEAD, missing, rows_of, summary, without_devices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.measurement import MeasureReport


def render(report: MeasureReport) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: MeasureReport) -> Iterator[str]:
    yield f"## parity measure: {summary(report)}"
    for device in report.devices:
        rows = rows_of(report, device)
        if rows:
            yield from ("", f"### {cell(device.label)}", "", f"| {' | '.join(HEAD)} |", "|---|---:|---:|---|---|---|")
            yield from (f"| {' | '.join(cell(text) for text in row)} |" for row in rows)
    told = list(without_devices(report))
    if told:
        yield ""
        yield from (f"* {label}: {words if label == 'next' else cell(words)}" for label, words in told)
        return
    gaps = list(missing(report))
    if gaps:
        yield from ("", "Not measured:", "")
        yield from (f"* {cell(gap)}" for gap in gaps)
