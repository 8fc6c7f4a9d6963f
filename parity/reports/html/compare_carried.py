"""Knows what a result carries over and who is ahead where, on the page of ``parity compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.quantities import times_text
from parity.reports.compare_rows import format_word, line, repeats
from parity.reports.html.bars import versus_bar, versus_scale
from parity.reports.html.markup import el
from parity.reports.html.page import chip, code, fold
from parity.reports.html.tables import Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.compare import Comparison, Inference, Part, Row
    from parity.reports.html.markup import Html

MOST_ROWS = 400
STANDINGS = {
    "higher": ("ahead", "good"),
    "lower": ("behind", "bad"),
    "same": ("level", ""),
    "unclear": ("undecided", ""),
}
CARRIES = {
    "scaled": ("scales", "good"),
    "bound": ("a limit", "doubt"),
    "no": ("says nothing", "bad"),
    "unknown": ("unknown", "doubt"),
}
WORDS_OF_PARTS = {"unclear": "undecided", "lacked": "has none", "gained": "only here", "unknown": "unknown"}


def carried_of(comparison: Comparison, about: int) -> list[Html]:
    """Return what a result on the first column says about another."""
    found = [one for one in comparison.inferences if one.about == about]
    if not found:
        return []
    first, other = comparison.parts[0].label, comparison.parts[about].label
    columns = [
        Column("bound by", "head"), Column("a result", "chip"), Column(f"speed, {other} over {first}", "number"),
        Column("because", "text"), Column("but", "text"),
    ]  # fmt: skip
    rows = [
        (
            _workload(one),
            chip(*CARRIES[one.carries]),
            el("b", times_text(one.ratio)) if one.carries in ("scaled", "bound") else "",
            el(
                "span", one.says, el("br") if one.arithmetic else None, code(one.arithmetic) if one.arithmetic else None
            ),
            "; ".join(one.caveats),
        )
        for one in found
    ]
    title = f"What a result on {first} says about {other}"
    return [el("h3", title), table("By what binds the work", columns, rows, limit=MOST_ROWS)]


def _workload(one: Inference) -> str:
    if one.workload == "compute":
        return f"{format_word(one.dtype)} compute"
    return "memory size" if one.workload == "capacity" else one.workload


def ahead_of(comparison: Comparison, about: int) -> list[Html]:
    """Return who is ahead by how much, the facts and then the quotients, as bars to both sides."""
    first, other = comparison.parts[0].label, comparison.parts[about].label
    place = next((one for one in comparison.places if one.part == about), None)
    drawn = []
    for title, rows in (("Facts", comparison.raw), ("Per watt, unit, GB/s, transistor and die", comparison.normalised)):
        kept = [row for row in _one_of_twins(rows, about) if row.more_is_better and row.over_first[about].value]
        if kept:
            drawn.append(
                _versus(f"{title}: {other} over {first}, of which more is better", kept, comparison.parts, about)
            )
    rest = []
    if place is not None:
        by_name = {row.name: row for row in (*comparison.raw, *comparison.normalised)}
        for name, words in WORDS_OF_PARTS.items():
            told = [by_name[each].title for each in getattr(place, name) if each in by_name]
            if told and name != "unclear":
                rest.append(el("p", el("b", f"{words}: "), "; ".join(told)))
    more = [fold("What only one has, and what is not known", *rest)] if rest else []
    heading = [el("h3", f"Where {other} is ahead of {first}, and where behind")] if drawn else []
    return [*heading, *drawn, *more]


def _one_of_twins(rows: Sequence[Row], about: int) -> list[Row]:
    """Return the rows without the second of FP16 and BF16 where both say the same."""
    by_name = {row.name: row for row in rows}
    return [row for row in rows if not repeats(row, by_name, about)]


def _versus(caption: str, rows: Sequence[Row], parts: Sequence[Part], about: int) -> Html:
    scale = versus_scale(row.over_first[about].value for row in rows)
    columns = [
        Column("of", "head"), Column(parts[0].label, "number"), Column(parts[about].label, "number"),
        Column("ratio", "number"), Column("standing", "chip"), Column("behind, ahead", "bar"),
    ]  # fmt: skip
    cells = []
    for row in rows:
        told, found = line(row), row.over_first[about]
        word, tone = STANDINGS.get(found.standing, (found.standing, ""))
        bar = versus_bar(found.low, found.value, found.high, tone or "dim", scale)
        ratio = el("span", told.ratios[about], class_="ratio")
        cells.append((told.title, told.values[0], told.values[about], ratio, chip(word, tone), bar))
    return table(caption, columns, cells, class_="ratios", limit=MOST_ROWS)
