"""Knows the page of ``parity compare``: what a result on one device says about another, who is ahead where, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.quantities import times_text
from parity.reports.compare_lines import BY_PEAK
from parity.reports.compare_rows import ALIKE, format_word, line, sections
from parity.reports.html.bars import versus_bar, versus_scale
from parity.reports.html.markup import el
from parity.reports.html.page import chip, code, document_title, facts, fold, hero, items, page, section
from parity.reports.html.roofline import TONES, Roof, roofline
from parity.reports.html.tables import Column, table
from parity.units import fewest_digits, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.compare import Comparison, Inference, Part, Quantity, Row
    from parity.reports.html.markup import Html

MOST_PARTS = 12  # told one by one against the first
MOST_ROWS = 400
KEY_ROWS = {"memory_bandwidth_gbps": "bandwidth", "tflops_bf16": "BF16", "memory_bytes": "memory"}
RATES = ("tflops_bf16", "tflops_fp16", "tflops_fp32")  # for the roofline, the first that every column has
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


def render(comparison: Comparison) -> str:
    """Return the comparison as one HTML page."""
    parts = comparison.parts
    others = range(1, min(len(parts), MOST_PARTS + 1))
    names = [part.label for part in parts]
    top = hero(
        "plain",
        "comparison",
        f"{', '.join(names[1:]) or 'nothing'} against {names[0]}",
        facts([_fact(comparison, number) for number in range(min(len(parts), MOST_PARTS + 1))]),
        items([f"{part.label}: {note}" for part in parts for note in part.notes][:20]),
    )
    told = [
        *(_against(comparison, about) for about in others),
        _roofs(comparison),
        section("figures", "Every figure", *_figures(comparison), _notes(comparison)),
        section("notes", "How to read it", items([BY_PEAK, *comparison.notes])),
    ]
    foot = "Written by parity from parity.compare/1. Every figure is of one device."
    return page("compare", document_title(f"{' · '.join(names)}", "parity compare"), top, told, foot)


def _fact(comparison: Comparison, number: int) -> tuple[str, str, str]:
    """Return a column's name, and how it stands to the first in what people ask first."""
    part = comparison.parts[number]
    kinds = [part.texts.get("arch", ""), part.texts.get("memory_type", "")]
    told = ", ".join([part.label, *(kind for kind in kinds if kind)])
    if not number:
        return told, part.name, "the first; every ratio is over it"
    rows = {row.name: row for row in comparison.raw}
    key = [
        f"{words} {times_text(rows[name].over_first[number])}"
        for name, words in KEY_ROWS.items()
        if name in rows and rows[name].over_first[number].value is not None
    ]
    return told, part.name, ", ".join(key) or "nothing is known of both"


def _against(comparison: Comparison, about: int) -> Html | None:
    """Return all that is said of one column against the first."""
    first, other = comparison.parts[0].label, comparison.parts[about].label
    told = [*_carried(comparison, about), *_ahead(comparison, about), *_factors(comparison, about)]
    return section(f"part-{about}", f"{other} over {first}", *told) if told else None


def _carried(comparison: Comparison, about: int) -> list[Html]:
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


def _ahead(comparison: Comparison, about: int) -> list[Html]:
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
    one, other = (by_name.get(name) for name in ALIKE)
    alike = one is not None and other is not None and one.over_first[about] == other.over_first[about]
    return [row for row in rows if not (alike and row.name == ALIKE[0])]


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


def _roofs(comparison: Comparison) -> Html | None:
    rows = {row.name: row for row in comparison.raw}
    bandwidth = rows.get("memory_bandwidth_gbps")
    for name in RATES:
        rate = rows.get(name)
        if rate is None or bandwidth is None:
            continue
        numbers = [
            (part.label, tflops.value, gbps.value)
            for part, tflops, gbps in zip(comparison.parts, rate.cells, bandwidth.cells, strict=True)
        ]
        roofs = [
            Roof(label, tone, tflops, gbps)
            for tone, (label, tflops, gbps) in zip(TONES, numbers, strict=False)
            if tflops and gbps
        ]
        if len(roofs) == min(len(numbers), len(TONES)):
            more = len(numbers) - len(roofs)
            rest = el("p", f"{plural(more, 'more column')} left out of the picture", class_="dim") if more else None
            return section(
                "roofline", "Roofline", roofline(roofs, rate=format_word(name[7:])), rest, _flips(comparison)
            )
    return None


def _flips(comparison: Comparison) -> Html | None:
    columns = [Column("format", "head"), Column("between", "number"), Column("what flips", "text")]
    rows = [
        (
            format_word(one.dtype),
            ""
            if one.low is None or one.high is None
            else f"{fewest_digits(one.low)} to {fewest_digits(one.high)} FLOP/B",
            one.says,
        )
        for one in comparison.flips
    ]
    if not rows:
        return None
    return fold("Where the bound flips, by format", table("Where the bound flips", columns, rows, limit=MOST_ROWS))


def _factors(comparison: Comparison, about: int) -> list[Html]:
    """Return what of a ratio is size and power, and what is efficiency."""
    rows = {row.name: row for row in comparison.raw}
    found = [one for one in comparison.factors if one.other == about and one.total.value is not None]
    found = [one for one in found if one.arithmetic]
    if not found:
        return []
    first, other = comparison.parts[0].label, comparison.parts[about].label
    columns = [
        Column("of", "head"), Column("total", "number"), Column("size", "number"), Column("efficiency", "number"),
        Column("in full", "text"),
    ]  # fmt: skip
    cells = [
        (
            rows[one.quantity].title if one.quantity in rows else one.quantity,
            times_text(one.total),
            times_text(one.size),
            times_text(one.efficiency),
            one.arithmetic,
        )
        for one in found
    ]
    told = table(f"{other} over {first}: total = size x efficiency", columns, cells, limit=MOST_ROWS)
    return [el("h3", "What of it is size and power, and what is efficiency"), told]


def _figures(comparison: Comparison) -> list[Html]:
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
    return [*told, *_sources(comparison)]


def _notes(comparison: Comparison) -> Html | None:
    told = items([f"{part.label}: {part.catalog_note}" for part in comparison.parts if part.catalog_note])
    return fold("Notes on the parts", told) if told else None


def _sources(comparison: Comparison) -> list[Html]:
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
