"""Knows how a fleet is told in Markdown: one table of kinds, one of what tells them apart, one of slow devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.markdown_report import cell
from parity.units import fewest_digits, format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    yield f"{fleet.nodes} nodes, {len(fleet.groups)} kinds, {len(fleet.unreadable)} inputs not understood."
    yield from _table("| nodes | kind | verdict | names |\n|---:|---|---|---|", [_group(one) for one in fleet.groups])
    odd = [
        f"| {group.count}: {cell(_names(group.nodes))} | {cell(one.subject)} | {cell(one.name)} "
        f"| {cell(one.b) or '-'} | {cell(one.a) or '-'} |"
        for group in fleet.groups
        for one in group.differences
    ]
    yield from _table("| nodes | subject | value | here | most |\n|---|---|---|---|---|", odd)
    slow = [
        f"| {cell(one.node)} | GPU {one.device} | {cell(one.name)} | {fewest_digits(one.value)} {cell(one.unit)} "
        f"| {fewest_digits(one.median)} | {format_ratio(one.ratio)} |"
        for one in fleet.slow
    ]
    yield from _table(
        "| slow node | device | measurement | value | median | ratio |\n|---|---|---|---:|---:|---:|", slow
    )
    changes = [
        f"| {cell(change.node)} | {change.kind} | {cell(what)} |"
        for change in fleet.changes or ()
        for what in [
            f"{one.subject} {one.name}: {one.a or 'unset'} -> {one.b or 'unset'}" for one in change.differences
        ]
        or [""]
    ]
    yield from _table("| node | since the baseline | what |\n|---|---|---|", changes)
    yield from _table(
        "| not understood | why |\n|---|---|", [f"| {cell(one.where)} | {cell(one.why)} |" for one in fleet.unreadable]
    )


def _group(group: Group) -> str:
    verdict = group.verdict
    said = "-" if verdict is None else f"{verdict.outcome} ({verdict.level}){'' if verdict.passed else ', not passed'}"
    return f"| {group.count} | {cell(group.title)} | {said} | {cell(_names(group.nodes))} |"


def _names(nodes: tuple[str, ...]) -> str:
    more = len(nodes) - MAX_NAMES
    return ", ".join(nodes[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _table(head: str, rows: list[str]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield head
    yield from rows[:MAX_ROWS]
    if len(rows) > MAX_ROWS:
        yield ""
        yield f"{len(rows) - MAX_ROWS} more."
