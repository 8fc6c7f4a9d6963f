"""Knows how a fleet is told in Markdown: the whole in a line, then tables of kinds, of what tells them apart, ..."""

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
from parity.reports.markdown_report import cell
from parity.units import fewest_digits, format_ratio, plural

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
    counts = f"{plural(fleet.nodes, 'node')}, {plural(len(fleet.groups), 'kind')}."
    yield f"{cell(conclusion(fleet).partition(': ')[2])}. {counts}"
    yield from (f"{cell(told)}." for told in (versions_line(fleet), passed_over_line(fleet)) if told)
    if fleet.measured < fleet.nodes:
        yield f"{fleet.measured} carry measurements; without them slow nodes cannot be told."
    yield from _table(
        "| nodes | kind | verdict | names |\n|---:|---|---|---|", [_group(one) for one in by_urgency(fleet)]
    )
    odd = [
        f"| {group.count}: {cell(_names(group.nodes))} | {cell(one.subject)} | {cell(one.name)} "
        f"| {cell(one.sides[1])} | {cell(one.sides[0])} |"
        for group in by_urgency(fleet)
        for one in group.differences
    ]
    yield from _table("| nodes | subject | value | here | most |\n|---|---|---|---|---|", odd)
    slow = [
        f"| {cell(one.node)} | {one.devices} | {cell(one.name)} | {fewest_digits(one.value)} {cell(one.unit)} "
        f"| {fewest_digits(one.median)} | {format_ratio(one.ratio)} |"
        for one in slow_rows(fleet.slow)
    ]
    yield from _table(
        "| slow node | devices | measurement | slowest | median | ratio |\n|---|---|---|---:|---:|---:|", slow
    )
    yield from _table("| values, the rarest first |\n|---|", [f"| {cell(line)} |" for line in spread_lines(fleet)])
    yield from _table("| missing |\n|---|", [f"| {cell(name)} |" for name in fleet.missing])
    yield from _table("| ailing |\n|---|", [f"| {cell(line)} |" for line in ailing_lines(fleet.ailing)])
    below = [f"| {cell(peak_line(one))} |" for one in fleet.below_peak]
    yield from _table("| slow as a whole |\n|---|", below)
    doubts = [f"| {cell(told)} |" for told in undecided_lines(fleet.undecided)]
    yield from _table("| slow ones cannot be told by |\n|---|", doubts)
    changes = [f"| all | measured | {cell(drift_line(one))} |" for one in fleet.drifts]
    changes += [
        f"| {cell(change.node)} | {change.kind} | {cell(what)} |"
        for change in fleet.changes or ()
        for what in [f"{one.subject} {one.name}: {' -> '.join(one.sides)}" for one in change.differences] or [""]
    ]
    yield from _table("| node | since the baseline | what |\n|---|---|---|", changes)
    yield from _table(
        "| not understood | why |\n|---|---|", [f"| {cell(one.where)} | {cell(one.why)} |" for one in fleet.unreadable]
    )
    apart = [f"| {cell(apart_line(one))} |" for one in fleet.apart]
    yield from _table("| read more than a day apart |\n|---|", apart)
    yield from _table("| named more than once |\n|---|", [f"| {cell(name)} |" for name in fleet.repeated])


def _group(group: Group) -> str:
    verdict = group.verdict
    said = "-" if verdict is None else f"{verdict.outcome} ({verdict.level}){'' if verdict.passed else ', not passed'}"
    if verdict is not None and not verdict.passed:
        said += f": {cell(verdict.headline)}"
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
