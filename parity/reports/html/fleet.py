"""Knows the page of ``parity fleet``: how many nodes are alike, which are not, and what tells them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.fleet_rows import (
    ailing_lines,
    apart_line,
    by_urgency,
    conclusion,
    drift_line,
    passed_over_line,
    peak_line,
    slow_rows,
    spread_lines,
    undecided_lines,
    versions_line,
)
from parity.reports.html.bars import counts_bar, ratio_bar, scale_of
from parity.reports.html.markup import el
from parity.reports.html.page import chip, code, document_title, facts, fold, hero, items, page, section
from parity.reports.html.tables import Column, table
from parity.units import fewest_digits, format_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.difference import Difference
    from parity.model.fleet import Fleet, Group, NodeVerdict
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
    doubts = [*map(peak_line, fleet.below_peak), *undecided_lines(fleet.undecided)]
    told += [("read by", versions_line(fleet).partition(": ")[2], None)] if len(fleet.versions) > 1 else []
    told += [("passed over", passed_over_line(fleet).partition(": ")[2], None)] if fleet.passed_over else []
    sections = [
        section("kinds", "Kinds of node", _bar(fleet), _kinds(fleet)) if fleet.groups else None,
        section("odd", "What tells them apart", *_odd(fleet)) if len(fleet.groups) > 1 else None,
        section("values", "Values, the rarest first", items(_cut(spread_lines(fleet))))
        if spread_lines(fleet)
        else None,
        section("slow", "Slower than their like", _slow(fleet)) if fleet.slow else None,
        section("missing", "Missing", items(_cut(list(fleet.missing)))) if fleet.missing else None,
        section("ailing", "Ailing devices", items(_cut(list(ailing_lines(fleet.ailing))))) if fleet.ailing else None,
        section("undecided", "Doubts about what was measured", items(doubts)) if doubts else None,
        section("changes", "Since the baseline", _changes(fleet)) if fleet.changes is not None else None,
        section("unreadable", "Not understood", _unreadable(fleet)) if fleet.unreadable else None,
        section("apart", "Read more than a day apart", items(_cut([apart_line(one) for one in fleet.apart])))
        if fleet.apart
        else None,
        section("repeated", "Named more than once", items(_cut(list(fleet.repeated)))) if fleet.repeated else None,
    ]
    foot = f"Written by parity from parity.fleet/1; exit status {fleet.exit_status}."
    headline = conclusion(fleet).partition(": ")[2]
    top = hero(outcome, word, headline[:1].upper() + headline[1:], facts(told))
    return page("fleet", document_title(word.upper(), headline, "parity fleet"), top, sections, foot)


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
    more = f" and {group.count - MOST_NAMES} more" if group.count > MOST_NAMES else ""
    return fold(f"{shown} ...", ", ".join(group.nodes[:MOST_NAMES]) + more, count=f"{group.count} names")


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


def _slow(fleet: Fleet) -> Html:
    columns = [
        Column("node", "head"), Column("devices"), Column("measurement"), Column("slowest", "number"),
        Column("median", "number"), Column("ratio", "number"), Column("of its like", "bar"),
    ]  # fmt: skip
    slow = slow_rows(fleet.slow)
    scale = scale_of(one.ratio for one in slow)
    rows = [
        [
            one.node, one.devices, one.name, f"{fewest_digits(one.value)} {one.unit}",
            fewest_digits(one.median), format_ratio(one.ratio), ratio_bar(one.ratio, "bad", scale),
        ]
        for one in slow
    ]  # fmt: skip
    caption = "Devices more than 5 % and 3.5 robust standard deviations behind the median of their like"
    return table(caption, columns, rows, limit=MOST_ROWS)


def _cut(told: list[str]) -> list[str]:
    more = len(told) - MOST_NAMES
    return told[:MOST_NAMES] + ([f"and {more} more"] if more > 0 else [])


def _changes(fleet: Fleet) -> Html | None:
    changes = fleet.changes or ()
    if not changes and not fleet.drifts:
        return el("p", "Nothing changed.")
    columns = [Column("node", "head"), Column("became", "chip"), Column("what", "text")]
    rows: list[Sequence[Content]] = [["all", "measured", drift_line(one)] for one in fleet.drifts]
    rows += [[one.node, one.kind, items([_moved(item) for item in one.differences[:20]])] for one in changes]
    return table("What became of each node", columns, rows, limit=MOST_ROWS)


def _moved(one: Difference) -> str:
    return f"{one.subject} {one.name}: {' -> '.join(one.sides)}"


def _unreadable(fleet: Fleet) -> Html:
    columns = [Column("where", "name"), Column("why", "text")]
    return table(
        "Inputs that gave no node", columns, [[one.where, one.why] for one in fleet.unreadable], limit=MOST_ROWS
    )
