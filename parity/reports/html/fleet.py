"""Knows the page of ``parity fleet``: how many nodes are alike, which are not, and what tells them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.fleet_rows import by_urgency, conclusion, passed_over_line, versions_line
from parity.reports.fleet_sections import sections
from parity.reports.html.bars import counts_bar, ratio_bar, scale_of
from parity.reports.html.markup import el
from parity.reports.html.page import chip, code, document_title, facts, fold, hero, items, page, section
from parity.reports.html.tables import Column, table
from parity.units import format_ratio, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.difference import Difference
    from parity.model.fleet import Fleet, Group, NodeVerdict
    from parity.reports.fleet_sections import Section
    from parity.reports.html.markup import Content, Html

MOST_KINDS = 100
MOST_NAMES = 200
MOST_ROWS = 500
TONES = {"match": "good", "mismatch": "bad", "unknown": "doubt"}


def render(fleet: Fleet) -> str:
    """Return the fleet as one HTML page."""
    outcome, word = _outcome(fleet)
    told = [
        ("against", fleet.target or "each other", None),
        ("nodes", str(fleet.nodes), None),
        ("kinds", str(len(fleet.groups)), None),
        ("measured", f"{fleet.measured} of {fleet.nodes}", None),
    ]
    told += [("read by", versions_line(fleet).partition(": ")[2], None)] if len(fleet.versions) > 1 else []
    told += [("passed over", passed_over_line(fleet).partition(": ")[2], None)] if fleet.passed_over else []
    drawn = [
        section("kinds", "Kinds of node", _bar(fleet), _kinds(fleet)) if fleet.groups else None,
        section("odd", "What tells them apart", *_odd(fleet)) if len(fleet.groups) > 1 else None,
        *(section(one.id, _sentence(one.title), _drawn(one)) for one in sections(fleet)),
    ]
    foot = f"Written by parity from parity.fleet/1; exit status {fleet.exit_status}."
    headline = conclusion(fleet).partition(": ")[2]
    top = hero(outcome, word, _sentence(headline), facts(told))
    return page("fleet", document_title(word.upper(), headline, "parity fleet"), top, drawn, foot)


def _outcome(fleet: Fleet) -> tuple[str, str]:
    if fleet.exit_status == 3:  # nothing was judged
        return "unknown", "unknown"
    return ("match", "passed") if fleet.passed else ("mismatch", "not passed")


def _bar(fleet: Fleet) -> Html | None:
    """Return the nodes of the largest kind beside those that fail and those that are merely unlike it."""
    first, *others = fleet.groups
    failing = [group for group in others if _tone(group) == "bad"]
    bad = sum(group.count for group in failing)
    rest = sum(group.count for group in others) - bad
    parts = [(first.count, _tone(first), "of the largest kind"), (bad, "bad", "of other kinds, not the target")]
    parts.append((rest, "doubt", "of other kinds"))
    return counts_bar([part for part in parts if part[0]])


def _tone(group: Group) -> str:
    if group.verdict is not None:
        return TONES[group.verdict.outcome] if group.verdict.passed else "bad"
    return "doubt" if group.like else "good"


def _kinds(fleet: Fleet) -> Html:
    columns = [Column("kind", "number"), Column("nodes", "number"), Column("what it is", "head")]
    columns += [Column("verdict", "chip")] if fleet.target else []
    columns += [Column("names", "text")]
    rows: list[Sequence[Content]] = []
    for number, group in enumerate(by_urgency(fleet)):
        verdict = [_verdict(group.verdict)] if fleet.target else []
        rows.append([str(number + 1), str(group.count), group.title, *verdict, _names(group)])
    return table("Kinds of node: the largest, those that fail, the others", columns, rows, limit=MOST_KINDS)


def _verdict(verdict: NodeVerdict | None) -> Content:
    if verdict is None:
        return "not judged"
    tone = TONES[verdict.outcome] if verdict.passed else "bad"
    told = chip(f"{verdict.outcome} ({verdict.level}){'' if verdict.passed else ', not passed'}", tone)
    return told if verdict.passed else el("span", told, f" {verdict.headline}")


def _names(group: Group) -> Content:
    shown = ", ".join(group.nodes[:3])
    if group.count <= 3:
        return shown
    return fold(f"{shown} ...", listed(group.nodes, MOST_NAMES), count=f"{group.count} names")


def _odd(fleet: Fleet) -> list[Html]:
    numbers = {group.id: number + 1 for number, group in enumerate(by_urgency(fleet))}
    told = []
    for group in by_urgency(fleet)[:MOST_KINDS]:
        if group.like:
            caption = f"Kind {numbers[group.id]} ({_counted(group)}) beside kind {numbers[group.like]}"
            columns = [
                Column("subject"),
                Column("value", "head"),
                Column("here"),
                Column("there"),
                Column("ratio", "number"),
            ]
            told.append(table(caption, columns, [_row(one) for one in group.differences], limit=MOST_ROWS))
    return told


def _counted(group: Group) -> str:
    return group.nodes[0] if group.count == 1 else f"{group.count} nodes"


def _row(one: Difference) -> list[Content]:
    most, here = one.sides
    return [one.subject, code(one.name), here, most, format_ratio(one.ratio)]


def _drawn(one: Section) -> Html | None:
    """Return a section's table, with a bar for each ratio; where it has none its lines."""
    if not one.rows:
        more = len(one.lines) - MOST_NAMES
        return items([*one.lines[:MOST_NAMES], *([f"and {more} more"] if more > 0 else [])])
    columns = [Column(heading.name, heading.kind) for heading in one.headings]
    rows: list[list[Content]] = [list(row) for row in one.rows]
    if one.ratios:
        scale = scale_of(one.ratios)
        columns.append(Column("of its like", "bar"))
        rows = [[*row, ratio_bar(ratio, "bad", scale)] for row, ratio in zip(rows, one.ratios, strict=True)]
    return table(one.caption, columns, rows, limit=MOST_ROWS)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
