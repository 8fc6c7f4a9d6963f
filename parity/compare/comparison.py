"""Knows a whole comparison: columns in, every row, ratio and conclusion out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.column import uniquely_labelled
from parity.compare.factors import factors
from parity.compare.flips import flips
from parity.compare.inferences import inferences
from parity.compare.rows import normalised_rows, raw_rows, ridge_rows
from parity.errors import UsageError
from parity.model.compare import Comparison, Place
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.compare.column import Column
    from parity.model.compare import Row

MAX_COLUMNS = 32
NOTES = (
    "Rates are dense peaks and bandwidths theoretical, as published.",
    "A best measured figure is of hardware and software together.",
    "A span (7672-8000) is what sources disagree on; within half a percent they count as one figure.",
    "Every figure is of one device, every ratio that column over the first.",
)
COUNTED = "Counts go into capacity, and into what is said of all devices against all; the links between them do not."
MIXED = (
    "SMs, CUs and dies of different makers are different things: figures per SM, CU or die describe, they do not rank."
)


def compare(given: Iterable[Column]) -> Comparison:
    """Return the comparison of columns, the first of which the others are held against.

    Raises:
        UsageError: there are fewer than two columns, or more than can be told apart.
    """
    columns = uniquely_labelled(list(given))
    if not 2 <= len(columns) <= MAX_COLUMNS:
        what = f"{plural(len(columns), 'device')} to compare, 2 to {MAX_COLUMNS} are needed"
        raise UsageError(what, mend="name them: `parity compare h100 mi300x`")
    raw, normalised, ridges = raw_rows(columns), normalised_rows(columns), ridge_rows(columns)
    return Comparison(
        parts=tuple(column.part for column in columns),
        raw=raw,
        normalised=normalised,
        ridges=ridges,
        places=tuple(_place((*raw, *normalised), n) for n in range(1, len(columns))),
        inferences=inferences(columns),
        flips=flips(columns),
        factors=factors(columns),
        notes=_notes(columns),
    )


def _notes(columns: Sequence[Column]) -> tuple[str, ...]:
    counted = any((column.part.count or 1) > 1 for column in columns)
    mixed = len({column.part.vendor for column in columns}) > 1
    return (*NOTES, *((COUNTED,) if counted else ()), *((MIXED,) if mixed else ()))


def _place(rows: Sequence[Row], part: int) -> Place:
    """Return where a column stands against the first, of the rows in which more is better."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.more_is_better:
            found.setdefault(_place_of(row, part), []).append(row.name)
    found.pop("", None)
    return Place(part=part, **{place: tuple(names) for place, names in found.items()})


def _place_of(row: Row, part: int) -> str:
    standing = row.over_first[part].standing
    if standing != "none":
        return standing
    states = row.cells[0].state, row.cells[part].state
    if states == ("none", "none"):
        return ""
    return "lacked" if states[1] == "none" else "gained"
