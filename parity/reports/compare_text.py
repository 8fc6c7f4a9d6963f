"""Knows the text of ``parity compare``: who is ahead where, the figures, what a result carries over, and why."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from parity.compare.quantities import times_text
from parity.reports.compare_rows import ALIKE, format_word, sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.compare import Comparison, Inference, Part, Place
    from parity.reports.compare_rows import Line

MIN_WIDTH, MAX_WIDTH = 72, 160
STANDING = (
    ("higher", "ahead"), ("lower", "behind"), ("same", "level"), ("unclear", "undecided"), ("gained", "has alone"),
    ("lacked", "has none"), ("unknown", "unknown"),
)  # fmt: skip
WORDS = {"higher": "faster", "lower": "slower", "same": "alike", "unclear": "undecided"}
BY_PEAK = "By peak: other code, or other wires, run there and may reach another share of it."
SHOWN_FLIPS = ("bf16", "fp8")
SHOWN_FACTORS = ("memory_bandwidth_gbps", "tflops_bf16")
MAX_TITLE = 28
MOST_TOLD = 5  # columns of which what carries over is told unasked
CONTINUED = ", continued"


def render(comparison: Comparison, *, verbose: bool = False, width: int = 80, ascii_only: bool = False) -> str:
    """Return the comparison as text; nothing of it depends on colour.

    Args:
        comparison: what to tell.
        verbose: add rows nobody knows, all formats, the source of every figure and why one is unknown.
        width: columns.
        ascii_only: for streams that cannot carry anything else; other characters become question marks.
    """
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    lines = [*_head(comparison, width), ""]
    for place in comparison.places:
        lines += [*_place(comparison, place, width, verbose=verbose), ""]
    for heading, rows in sections(comparison, every_row=verbose):
        lines += [*_table(heading, rows, comparison.parts, width), ""]
    if verbose or len(comparison.parts) <= MOST_TOLD:
        for about in range(1, len(comparison.parts)):
            lines += [*_inferences(comparison, about, width), ""]
            lines += [*_flips(comparison, about, width, verbose=verbose)]
            lines += [*_factors(comparison, about, verbose=verbose)]
    else:
        lines += [*_wrapped(f"what a result on {comparison.parts[0].label} says about each: -v", width, 0), ""]
    if verbose:
        lines += [*_sources(comparison, width), ""]
    lines += _wrapped(BY_PEAK, width, 0)
    for note in comparison.notes:
        lines += _wrapped(note, width, 0)
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return text.encode("ascii", "replace").decode() if ascii_only else text


def _wrapped(text: str, width: int, indent: int, *, hang: int = 2) -> list[str]:
    pad = " " * indent
    return textwrap.wrap(text, width, initial_indent=pad, subsequent_indent=pad + " " * hang, break_long_words=True)


def _head(comparison: Comparison, width: int) -> Iterator[str]:
    first = comparison.parts[0].label
    yield from _wrapped(f"each ratio is that column over {first}", width, 0)
    label = max(len(part.label) for part in comparison.parts)
    for part in comparison.parts:
        yield from _wrapped(f"{part.label:<{label}}  {_described(part)}", width, 2, hang=label + 2)
        for note in part.notes:
            yield from _wrapped(f"! {note}", width, label + 4)


def _described(part: Part) -> str:
    count = f"{part.count}x " if part.count is not None and part.count != 1 else ""
    kinds = [part.texts.get("arch", ""), part.texts.get("memory_type", "")]
    dialect = part.texts.get("fp8_dialect", "")
    kinds.append({"": "", "none": "no FP8"}.get(dialect, f"FP8 {dialect}"))
    return ", ".join([count + part.name, *(kind for kind in kinds if kind)])


def _place(comparison: Comparison, place: Place, width: int, *, verbose: bool) -> Iterator[str]:
    rows = {row.name: row for row in (*comparison.raw, *comparison.normalised)}
    yield f"{comparison.parts[place.part].label} over {comparison.parts[0].label}"
    if _only_level(place):
        yield "  level      every row that is known of both"
    for name, word in STANDING:
        names: tuple[str, ...] = getattr(place, name)
        if not names or (name == "same" and _only_level(place)):
            continue
        if name == "unknown" and not verbose:
            yield f"  {word:<9}  {len(names)} rows (-v)"
            continue
        told = []
        for each in names:
            row = rows[each]
            found, title = row.over_first[place.part], row.title.removesuffix(", dense")
            if each == ALIKE[0] and row.over_first[place.part] == rows[ALIKE[1]].over_first[place.part]:
                continue
            told.append(title if found.value is None or name == "same" else f"{title} {times_text(found)}")
        yield from _wrapped(f"{word:<9}  {'; '.join(told)}", width, 2, hang=11)


def _only_level(place: Place) -> bool:
    return bool(place.same) and not (place.higher or place.lower or place.unclear or place.gained or place.lacked)


def _table(heading: str, rows: Sequence[Line], parts: Sequence[Part], width: int) -> Iterator[str]:
    """Yield a table; where the columns do not fit, several, each with the first column again."""
    labels = [part.label for part in parts]
    values = [max(len(labels[n]) if n == 0 else 0, *(len(row.values[n]) for row in rows)) for n in range(len(parts))]
    ratios = [max(len(row.ratios[n]) for row in rows) for n in range(len(parts))]
    values = [max(values[n], len(labels[n]) - ratios[n] - 1) for n in range(len(parts))]
    title = max(len(row.title) for row in rows)
    if title + sum(values) + sum(ratios) + 3 * len(values) > width:  # several tables: leave room for their columns
        widest = max(value + over for value, over in zip(values[1:], ratios[1:], strict=True))
        room = width - values[0] - widest - 7
        title = max(min(title, MAX_TITLE, room), len(heading + CONTINUED) - 2)
    for block in _blocks(title + values[0] + 4, values, ratios, width):
        yield f"{heading:<{title + 2}}  {labels[0]:>{values[0]}}" + "".join(
            f"  {labels[n]:>{values[n] + (ratios[n] + 1 if ratios[n] else 0)}}" for n in block
        )
        for row in rows:
            first, *rest = textwrap.wrap(row.title, title, subsequent_indent="  ")
            cells = [f"{row.values[0]:>{values[0]}}"]
            cells += [f"{row.values[n]:>{values[n]}} {row.ratios[n]:>{ratios[n]}}" for n in block]
            yield f"  {first:<{title}}  {'  '.join(cells)}"
            yield from (f"  {more}" for more in rest)
        heading = heading if heading.endswith(CONTINUED) else heading + CONTINUED


def _blocks(taken: int, values: list[int], ratios: list[int], width: int) -> Iterator[list[int]]:
    block: list[int] = []
    room = width - taken
    for column in range(1, len(values)):
        needed = values[column] + ratios[column] + 3
        if block and needed > room:
            yield block
            block, room = [], width - taken
        block.append(column)
        room -= needed
    yield block


def _inferences(comparison: Comparison, about: int, width: int) -> Iterator[str]:
    first, other = comparison.parts[0].label, comparison.parts[about].label
    yield from _wrapped(f"what a result on {first} says about {other}", width, 0)
    told = [item for item in comparison.inferences if item.about == about]
    name = max(len(_work(item)) for item in told)
    for item in told:
        yield from _wrapped(f"{_work(item):<{name}}  {_said(item)}", width, 2, hang=name + 2)
        for caveat in item.caveats:
            yield from _wrapped(f"! {caveat}", width, name + 4)


def _work(item: Inference) -> str:
    return f"{format_word(item.dtype)} {item.workload}-bound".strip()


def _said(item: Inference) -> str:
    if item.workload in ("latency", "capacity"):
        return f"{item.arithmetic}: {item.says}" if item.arithmetic and item.workload == "capacity" else item.says
    if item.ratio.value is None:
        return item.says
    by = "" if item.carries == "scaled" else " by peak"
    return f"{item.arithmetic}, {WORDS[item.ratio.standing]}{by}"


def _flips(comparison: Comparison, about: int, width: int, *, verbose: bool) -> Iterator[str]:
    told = [flip for flip in comparison.flips if flip.other == about and (verbose or flip.dtype in SHOWN_FLIPS)]
    if told:
        yield "where the bound flips"
        for flip in told:
            yield from _wrapped(f"{format_word(flip.dtype)}: {flip.says}", width, 2, hang=4)
        yield ""


def _factors(comparison: Comparison, about: int, *, verbose: bool) -> Iterator[str]:
    told = [
        factor
        for factor in comparison.factors
        if factor.other == about and factor.arithmetic and (verbose or factor.quantity in SHOWN_FACTORS)
    ]
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
            yield from _wrapped(f"{row.name} {part.label}: {said}", width, 2)
    for row in comparison.normalised:
        yield from _wrapped(f"{row.name} = {row.formula}", width, 2)
    for part in comparison.parts:
        if part.catalog_note:
            yield from _wrapped(f"{part.label}: {part.catalog_note}", width, 2)
