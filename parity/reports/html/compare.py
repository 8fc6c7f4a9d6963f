"""Knows the page of ``parity compare``: what a result on one device says about another, who is ahead where, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.quantities import times_text
from parity.reports.compare_lines import BY_PEAK
from parity.reports.html.compare_bounds import factors_of, roofs_of
from parity.reports.html.compare_carried import ahead_of, carried_of
from parity.reports.html.compare_figures import figures_of
from parity.reports.html.page import document_title, facts, fold, hero, items, page, section

if TYPE_CHECKING:
    from parity.model.compare import Comparison
    from parity.reports.html.markup import Html

MOST_PARTS = 12  # told one by one against the first
KEY_ROWS = {"memory_bandwidth_gbps": "bandwidth", "tflops_bf16": "BF16", "memory_bytes": "memory"}


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
        roofs_of(comparison),
        section("figures", "Every figure", *figures_of(comparison), _notes(comparison)),
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
    told = [*carried_of(comparison, about), *ahead_of(comparison, about), *factors_of(comparison, about)]
    return section(f"part-{about}", f"{other} over {first}", *told) if told else None


def _notes(comparison: Comparison) -> Html | None:
    told = items([f"{part.label}: {part.catalog_note}" for part in comparison.parts if part.catalog_note])
    return fold("Notes on the parts", told) if told else None
