"""Knows the whole text of ``parity compare``: every row, every format, the source of every figure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from parity.compare.quantities import times_text
from parity.reports.compare_lines import BY_PEAK, carried, head, table, wrapped
from parity.reports.compare_rows import format_word, repeats, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.compare import Comparison, Place

STANDING = (
    ("higher", "ahead"), ("lower", "behind"), ("same", "level"), ("unclear", "undecided"), ("gained", "has alone"),
    ("lacked", "has none"), ("unknown", "unknown"),
)  # fmt: skip


def lines(comparison: Comparison, width: int) -> Iterator[str]:
    """Yield the text, line by line."""
    yield from (*head(comparison, width), "")
    for about in range(1, len(comparison.parts)):
        told = [item for item in comparison.inferences if item.about == about]
        yield from (*carried(comparison, about, told, width), "")
    for place in comparison.places:
        yield from (*_place(comparison, place, width), "")
    for heading, rows in sections(comparison, every_row=True):
        yield from (*table(heading, rows, comparison.parts, width), "")
    for about in range(1, len(comparison.parts)):
        yield from _flips(comparison, about, width)
        yield from _factors(comparison, about)
    yield from (*_sources(comparison, width), "")
    for note in (BY_PEAK, *comparison.notes):
        yield from wrapped(note, width, 0)


def _place(comparison: Comparison, place: Place, width: int) -> Iterator[str]:
    rows = {row.name: row for row in (*comparison.raw, *comparison.normalised)}
    yield f"{comparison.parts[place.part].label} over {comparison.parts[0].label}"
    if _only_level(place):
        yield "  level      every row that is known of both"
    for name, word in STANDING:
        names: tuple[str, ...] = getattr(place, name)
        if not names or (name == "same" and _only_level(place)):
            continue
        told = []
        for each in names:
            row = rows[each]
            found, title = row.over_first[place.part], row.title.removesuffix(", dense")
            if repeats(row, rows, place.part):
                continue
            told.append(title if found.value is None or name == "same" else f"{title} {times_text(found)}")
        yield from wrapped(f"{word:<9}  {'; '.join(told)}", width, 2, hang=11)


def _only_level(place: Place) -> bool:
    return bool(place.same) and not (place.higher or place.lower or place.unclear or place.gained or place.lacked)


def _flips(comparison: Comparison, about: int, width: int) -> Iterator[str]:
    told = [flip for flip in comparison.flips if flip.other == about]
    if told:
        yield "where the bound flips"
        for flip in told:
            yield from wrapped(f"{format_word(flip.dtype)}: {flip.says}", width, 2, hang=4)
        yield ""


def _factors(comparison: Comparison, about: int) -> Iterator[str]:
    told = [factor for factor in comparison.factors if factor.other == about and factor.arithmetic]
    if not told:
        return
    titles = {row.name: row.title for row in comparison.raw}
    yield f"size and efficiency: {comparison.parts[about].label} over {comparison.parts[0].label}"
    for quantity, group in groupby(told, key=lambda factor: factor.quantity):
        factors = list(group)
        yield f"  {titles[quantity]} {times_text(factors[0].total)}"
        yield from (f"    = {factor.arithmetic.partition(' = ')[2]}" for factor in factors)
    yield ""


def _sources(comparison: Comparison, width: int) -> Iterator[str]:
    yield "sources"
    for row in comparison.raw:
        for part, cell in zip(comparison.parts, row.cells, strict=True):
            said = "; ".join(f"{one.value:g} {one.source}" for one in cell.told) or f"{cell.state}: {cell.why}"
            yield from wrapped(f"{row.name} {part.label}: {said}", width, 2)
    for row in comparison.normalised:
        yield from wrapped(f"{row.name} = {row.formula}", width, 2)
    for part in comparison.parts:
        if part.catalog_note:
            yield from wrapped(f"{part.label}: {part.catalog_note}", width, 2)
