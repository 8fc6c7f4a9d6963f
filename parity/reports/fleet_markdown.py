"""Knows how a fleet is told in Markdown: the whole in a line, then tables of kinds, of what tells them apart, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.fleet_rows import by_urgency, conclusion, passed_over_line, versions_line
from parity.reports.fleet_sections import Heading, sections
from parity.reports.markdown_report import cell
from parity.units import listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.fleet import Fleet, Group

MAX_NAMES = 10
MAX_ROWS = 200


def render(fleet: Fleet) -> str:
    """Return the report as Markdown; long tables are cut and say so."""
    return "\n".join(_lines(fleet)) + "\n"


def _lines(fleet: Fleet) -> Iterator[str]:
    against = f" against {cell(fleet.target)}" if fleet.target else ""
    yield f"## Fleet{against}: {'passed' if fleet.passed else 'unknown' if fleet.exit_status == 3 else 'NOT PASSED'}"
    yield ""
    counts = f"{plural(fleet.nodes, 'node')}, {plural(len(fleet.groups), 'kind')}."
    yield f"{cell(conclusion(fleet).partition(': ')[2])}. {counts}"
    yield from (f"{cell(told)}." for told in (versions_line(fleet), passed_over_line(fleet)) if told)
    if fleet.measured < fleet.nodes:
        yield f"{fleet.measured} carry measurements; without them slow nodes cannot be told."
    yield from _table(
        "| nodes | kind | verdict | names |\n|---:|---|---|---|", [_group(one) for one in by_urgency(fleet)]
    )
    odd = [
        f"| {group.count}: {cell(listed(group.nodes, MAX_NAMES))} | {cell(one.subject)} | {cell(one.name)} "
        f"| {cell(one.sides[1])} | {cell(one.sides[0])} |"
        for group in by_urgency(fleet)
        for one in group.differences
    ]
    yield from _table("| nodes | subject | value | here | most |\n|---|---|---|---|---|", odd)
    for section in sections(fleet):
        heads = section.headings or (Heading(section.title),)
        rule = "|".join("---:" if one.kind == "number" else "---" for one in heads)
        rows = section.rows or [(line,) for line in section.lines]
        yield from _table(f"{_row([one.name for one in heads])}\n|{rule}|", [_row(row) for row in rows])


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(map(cell, texts))} |"


def _group(group: Group) -> str:
    verdict = group.verdict
    said = "-" if verdict is None else f"{verdict.outcome} ({verdict.level}){'' if verdict.passed else ', not passed'}"
    if verdict is not None and not verdict.passed:
        said += f": {cell(verdict.headline)}"
    return f"| {group.count} | {cell(group.title)} | {said} | {cell(listed(group.nodes, MAX_NAMES))} |"


def _table(head: str, rows: list[str]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield head
    yield from rows[:MAX_ROWS]
    if len(rows) > MAX_ROWS:
        yield ""
        yield f"{len(rows) - MAX_ROWS} more."
