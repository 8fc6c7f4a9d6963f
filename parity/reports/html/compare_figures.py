"""Knows the tables of figures of the page of ``parity compare``, and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.compare_rows import sections
from parity.reports.html.page import fold
from parity.reports.html.tables import Column, table
from parity.units import fewest_digits, plural

if TYPE_CHECKING:
    from parity.model.compare import Comparison, Quantity, Row
    from parity.reports.html.markup import Html

MOST_ROWS = 400


def figures_of(comparison: Comparison) -> list[Html]:
    """Return all rows of all columns, folded, and what each source says."""
    columns = [Column("figure", "head")]
    for number, part in enumerate(comparison.parts):
        columns.append(Column(part.label, "number"))
        columns += [Column(f"over {comparison.parts[0].label}", "number")] if number else []
    told = []
    for heading, lines in sections(comparison, every_row=True):
        rows = []
        for one in lines:
            cells = [one.values[0]]
            for number in range(1, len(comparison.parts)):
                cells += [one.values[number], one.ratios[number]]
            rows.append([one.title, *cells])
        name = heading.capitalize()
        told.append(fold(name, table(name, columns, rows, limit=MOST_ROWS), count=plural(len(rows), "row")))
    return [*told, *sources_of(comparison)]


def sources_of(comparison: Comparison) -> list[Html]:
    """Return every figure with what each of its sources says, folded away."""
    rows = []
    for row in comparison.raw:
        for part, cell in zip(comparison.parts, row.cells, strict=True):
            rows += [(row.title, part.label, *told) for told in _told(row, cell)]
    if not rows:
        return []
    columns = [Column("figure", "head"), Column("of"), Column("value", "number"), Column("source", "text")]
    return [
        fold(
            "Sources",
            table("What each source says", columns, rows, limit=2 * MOST_ROWS),
            count=plural(len(rows), "value"),
        )
    ]


def _told(row: Row, cell: Quantity) -> list[tuple[str, str]]:
    if cell.state != "known":
        return [(cell.state, cell.why)] if cell.why else []
    return [(f"{fewest_digits(one.value)} {row.unit}".strip(), one.source) for one in cell.told]
