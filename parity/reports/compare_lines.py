"""Knows what all texts of ``parity compare`` are made of: folded lines, the head, tables, one inference."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from parity.reports.compare_rows import format_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from parity.model.compare import Comparison, Inference, Part
    from parity.reports.compare_rows import Line

BY_PEAK = "By peak: other code, or other wires, run there and may reach another share of it."
WORDS = {"higher": "faster", "lower": "slower", "same": "alike", "unclear": "undecided"}
MAX_TITLE = 28
CONTINUED = ", continued"


def wrapped(text: str, width: int, indent: int, *, hang: int = 2) -> list[str]:
    """Return a text folded to the width; lines after the first are indented ``hang`` further."""
    pad = " " * indent
    return textwrap.wrap(text, width, initial_indent=pad, subsequent_indent=pad + " " * hang, break_long_words=True)


def head(comparison: Comparison, width: int) -> Iterator[str]:
    """Yield what each column is, and what must be known of it."""
    first = comparison.parts[0].label
    counted = any((part.count or 1) > 1 for part in comparison.parts)
    of_one = ", of one device each unless it says otherwise" if counted else ""
    yield from wrapped(f"each ratio is that column over {first}{of_one}", width, 0)
    label = max(len(part.label) for part in comparison.parts)
    for part in comparison.parts:
        yield from wrapped(f"{part.label:<{label}}  {_described(part)}", width, 2, hang=label + 2)
        for note in part.notes:
            yield from wrapped(f"! {note}", width, label + 4)


def _described(part: Part) -> str:
    count = f"{part.count}x " if part.count is not None and part.count != 1 else ""
    kinds = [part.texts.get("arch", ""), part.texts.get("memory_type", "")]
    dialect = part.texts.get("fp8_dialect", "")
    kinds.append({"": "", "none": "no FP8"}.get(dialect, f"FP8 {dialect}"))
    return ", ".join([count + part.name, *(kind for kind in kinds if kind)])


def table(heading: str, rows: Sequence[Line], parts: Sequence[Part], width: int) -> Iterator[str]:
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


def carried(comparison: Comparison, about: int, told: Iterable[Inference], width: int) -> Iterator[str]:
    """Yield what a result on the first column says about another one, with what stands against each figure."""
    first, other = comparison.parts[0].label, comparison.parts[about].label
    yield from wrapped(f"what a result on {first} says about {other}", width, 0)
    told = list(told)
    name = max(len(work(item)) for item in told)
    for item in told:
        yield from wrapped(f"{work(item):<{name}}  {said(item)}", width, 2, hang=name + 2)
        for caveat in item.caveats:
            yield from wrapped(f"! {caveat}", width, name + 4)


def work(item: Inference) -> str:
    """Return the class of workload: ``BF16 compute-bound``."""
    return f"{format_word(item.dtype)} {item.workload}-bound".strip()


def said(item: Inference) -> str:
    """Return the arithmetic and what it comes to, or why there is no figure."""
    if item.workload in ("latency", "capacity"):
        return f"{item.arithmetic}: {item.says}" if item.arithmetic and item.workload == "capacity" else item.says
    if item.ratio.value is None:
        return item.says
    by = "" if item.carries == "scaled" else " by peak"
    return f"{item.arithmetic}, {WORDS[item.ratio.standing]}{by}"
