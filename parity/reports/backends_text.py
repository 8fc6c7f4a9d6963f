"""Knows how the backends that packages choose are told as text: one line per choice, conditions on request."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from parity.reports.rows import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.backends import BackendAnswer, BackendRow, BackendsReport

MIN_WIDTH, MAX_WIDTH = 60, 160
MAX_CELL = 44
_MARKS = {"yes": "differs", "sometimes": "may differ", "no": "same", "unknown": "unknown"}


def render(report: BackendsReport, *, verbose: bool = False, width: int = 80) -> str:
    """Return the report as text.

    Args:
        report: what to tell.
        verbose: tell choices that are alike, the question, its source and the open conditions too.
        width: columns.
    """
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    lines = [_head(report), ""]
    for (package, version), rows in groupby(report.rows, key=lambda row: (row.package, row.version)):
        lines += [
            one_line(f"{package} {version}".strip()),
            *_package(list(rows), report, verbose=verbose, width=width),
            "",
        ]
    lines += textwrap.wrap(_foot(report), width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(report: BackendsReport) -> str:
    told = [f"{word}: {one_line(arch)}" for word, arch in (("target", report.target), ("here", report.here)) if arch]
    return "; ".join(
        [*told, f"torch built with CUDA {one_line(report.cuda)}" if report.cuda else "CUDA of torch unknown"]
    )


def _package(rows: Sequence[BackendRow], report: BackendsReport, *, verbose: bool, width: int) -> list[str]:
    shown = [row for row in rows if verbose or not _is_quiet(row, report)]
    heads = ["choice", *(["target"] if report.target else []), *(["here"] if report.here else [])]
    heads += [""] if report.target and report.here else []
    cells = [_cells(row, report) for row in shown]
    widths = [max(len(line[place]) for line in [heads, *cells]) for place in range(len(heads))]
    lines: list[str] = []
    for line, row in zip([heads, *cells] if cells else [], [None, *shown], strict=False):
        lines.append("  " + "  ".join(f"{text:<{size}}" for text, size in zip(line, widths, strict=True)))
        if row is not None:
            lines += _details(row, verbose=verbose, width=width)
    hidden = len(rows) - len(shown)
    if hidden:
        lines.append(f"  {hidden} {'alike' if report.target and report.here else 'not available'} (-v)")
    return lines


def _is_quiet(row: BackendRow, report: BackendsReport) -> bool:
    """Return whether a row says nothing that matters: alike on both, or nothing to choose on the one asked about."""
    if report.target and report.here:
        return row.differs == "no"
    answer = row.target or row.here
    return answer is not None and [one.choice for one in answer.outcomes] in (["no"], ["none"])


def _cells(row: BackendRow, report: BackendsReport) -> list[str]:
    told = [one_line(row.topic)]
    told += [_cell(row.target)] if report.target else []
    told += [_cell(row.here)] if report.here else []
    return [*told, _MARKS[row.differs]] if report.target and report.here else told


def _cell(answer: BackendAnswer | None) -> str:
    if answer is None:
        return "-"
    if answer.unknown:
        return "unknown"
    text = " or ".join(dict.fromkeys(one_line(one.choice) for one in answer.outcomes))
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 3] + "..."


def _details(row: BackendRow, *, verbose: bool, width: int) -> Iterator[str]:
    texts = [f"{row.asked}: {row.source}"] if verbose else []
    reasons = dict.fromkeys(
        answer.unknown for answer in (row.target, row.here) if answer is not None and answer.unknown
    )
    texts += list(reasons)
    for answer in (row.target, row.here):
        if answer is not None and len(answer.outcomes) > 1:
            for one in answer.outcomes if verbose else ():
                texts.append(f"{answer.arch}: {one.choice} when {' and '.join(one.when) or 'otherwise'}")
    for text in texts:
        yield from textwrap.wrap(one_line(text), width, initial_indent="      ", subsequent_indent="        ")


def _foot(report: BackendsReport) -> str:
    total = len(report.rows)
    if not (report.target and report.here):
        unknown = sum(bool(answer and answer.unknown) for answer in (row.target or row.here for row in report.rows))
        return f"{total} choices, {unknown} unknown; with --here, those of this machine are set beside them"
    counts = {mark: sum(row.differs == mark for row in report.rows) for mark in _MARKS}
    return (
        f"of {total} choices {counts['yes']} differ between {report.here} and {report.target}, "
        f"{counts['sometimes']} may, {counts['no']} are alike, {counts['unknown']} are unknown"
    )
