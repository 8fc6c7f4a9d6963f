"""Knows the page of ``parity doctor``: is this machine the target, what carries over, what differs and by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Reading
from parity.model.spec import FACTS
from parity.reports.html import verdict as told
from parity.reports.html.markup import el
from parity.reports.html.page import document_title, hero, items, page, section
from parity.reports.rows import devices_text, headline, wanted_text
from parity.reports.text_report import next_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.model.spec import FactValue
    from parity.model.target import Target
    from parity.model.verdict import Verdict

WORDS = {"match": "match", "mismatch": "mismatch", "unknown": "unknown"}


def facts_of(target: Target) -> dict[str, FactValue]:
    """Return the known facts of a target; of a slice, its own."""
    known = {name: target.fact(name) for name in FACTS}
    return {name: one.value for name, one in known.items() if isinstance(one, Reading)}


def render(verdict: Verdict, wanted: Mapping[str, FactValue] | None = None) -> str:
    """Return the verdict as one HTML page.

    Args:
        verdict: what to tell.
        wanted: the target's facts (``facts_of``), for the bars of what no rule complains of and for the roofline.
    """
    facts = wanted or {}
    word = word_of(verdict)
    steps = items(next_steps(verdict))
    top = hero(
        "mismatch" if verdict.outcome == "match" and not verdict.passed else verdict.outcome,
        word,
        headline(verdict, limit=400),
        told.sides(verdict),
        told.ladder(verdict),
    )
    bars = told.ratios(verdict, facts)
    roof = told.roofs(verdict, facts)
    found = told.findings(verdict)
    sections = [
        section(
            "carries",
            "What carries over",
            told.carries(verdict),
            lead="What a result of this machine says of the target.",
        ),
        section("ratios", "Here against the target", *bars) if bars else None,
        section("next", "What to do next", steps) if steps and not verdict.passed else None,
        section("roofline", "Roofline", roof) if roof else None,
        section("findings", "What differs", *found) if found else None,
        told.detail("evidence", verdict),
    ]
    foot = [
        f"Written by {verdict.tool.name} {verdict.tool.version} from parity.verdict/1. Target ",
        el("code", verdict.target.label),
        f", from {verdict.target.source}; exit status {verdict.exit_status}.",
    ]
    title = document_title(word.upper(), f"{devices_text(verdict)} against {wanted_text(verdict)}", "parity doctor")
    return page("doctor", title, top, sections, foot)


def word_of(verdict: Verdict) -> str:
    """Return the outcome, and whether it was accepted where that does not follow from it."""
    if verdict.outcome == "match":
        return "match" if verdict.passed else "match, not passed"
    return f"{verdict.outcome}, passed by waiver" if verdict.passed else verdict.outcome
