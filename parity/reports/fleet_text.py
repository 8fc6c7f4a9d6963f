"""Knows how a fleet is told in a terminal: the whole in a line, what most nodes are, then who is odd, slow or old."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from parity.inputs import escaped, printable
from parity.reports.fleet_rows import by_urgency, conclusion, passed_over_line, versions_line
from parity.reports.fleet_sections import sections
from parity.units import format_ratio, listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.difference import Difference
    from parity.model.fleet import Fleet, Group

MAX_NAMES = 6
MAX_GROUPS = 20
MAX_DIFFERENCES = 8
MAX_LINES = 20
_INDENT = 4


def render(fleet: Fleet, *, verbose: bool = False, width: int = 80) -> str:
    """Return the report as text.

    Args:
        fleet: what to tell.
        verbose: every group, name and difference.
        width: of the terminal, in cells.
    """
    lines = []
    for line in _lines(fleet, verbose=verbose):
        indent = " " * (len(line) - len(line.lstrip()) + _INDENT)
        lines += textwrap.wrap(line, max(width, 40), subsequent_indent=indent, break_on_hyphens=False) or [""]
    return "\n".join(lines) + "\n"


def _lines(fleet: Fleet, *, verbose: bool) -> Iterator[str]:
    yield conclusion(fleet)
    yield from _head(fleet)
    known = {group.id: group for group in fleet.groups}
    shown = len(fleet.groups) if verbose else MAX_GROUPS
    for group in by_urgency(fleet)[:shown]:
        yield ""
        yield from _group(group, known, verbose=verbose)
    if len(fleet.groups) > shown:
        yield ""
        yield f"{len(fleet.groups) - shown} more kinds (-v, or --format json)"
    for section in sections(fleet):
        yield from _section(section.title, section.lines, verbose=verbose)


def _head(fleet: Fleet) -> Iterator[str]:
    target = f" against {fleet.target}" if fleet.target else ""
    if not fleet.groups:
        yield f"no node was understood{target}: give reports of `parity capture`, or of `parity fleet collect`"
        return
    kinds = f"{len(fleet.groups)} kinds" if len(fleet.groups) > 1 else "all alike"
    older = f", {plural(fleet.superseded, 'older reading')} left out" if fleet.superseded else ""
    ignored = f", {', '.join(map(printable, fleet.ignored))} ignored" if fleet.ignored else ""
    yield f"{plural(fleet.nodes, 'node')}{target}: {kinds}{older}{ignored}"
    yield from filter(None, (versions_line(fleet), passed_over_line(fleet)))
    if fleet.measured < fleet.nodes:
        which = "none carries" if not fleet.measured else f"only {fleet.measured} carry"
        yield f"{which} measurements: without them slow nodes cannot be told (parity fleet collect --measure)"


def _group(group: Group, known: dict[str, Group], *, verbose: bool) -> Iterator[str]:
    verdict = group.verdict
    said = "" if verdict is None else f": {verdict.outcome} ({verdict.level}){'' if verdict.passed else ', NOT PASSED'}"
    told = listed(group.nodes, group.count if verbose else MAX_NAMES)
    like = known.get(group.like)
    if like is None:
        yield f"{plural(group.count, 'node')}  {group.title}{said}"
        yield " " * _INDENT + told
    else:
        yield f"{plural(group.count, 'node')}  {told}{said}"
        if group.title != like.title:
            yield " " * _INDENT + group.title
    if verdict is not None and not verdict.passed:
        yield " " * _INDENT + verdict.headline
    if like is not None:
        beside = f"the {like.count} like {like.nodes[0]}" if like.count > 1 else like.nodes[0]
        if not group.differences:
            yield " " * _INDENT + f"tells the same as {beside}; what is ignored or not told decides"
            return
        yield " " * _INDENT + f"unlike {beside}:"
        yield from _differences(group.differences, verbose=verbose)


def _differences(found: tuple[Difference, ...], *, verbose: bool) -> Iterator[str]:
    shown = len(found) if verbose else MAX_DIFFERENCES
    for one in found[:shown]:
        yield " " * (_INDENT + 2) + printable(_difference(one))
    if len(found) > shown:
        yield " " * (_INDENT + 2) + f"{len(found) - shown} more (-v)"


def _difference(one: Difference) -> str:
    ratio = format_ratio(one.ratio)
    there, here = one.sides
    return f"{one.subject} {one.name}: {here} here, {there} there" + (f" ({ratio})" if ratio else "")


def _section(title: str, told: Sequence[str], *, verbose: bool) -> Iterator[str]:
    shown = len(told) if verbose else MAX_LINES
    yield ""
    yield title
    yield from (" " * _INDENT + escaped(line) for line in told[:shown])
    if len(told) > shown:
        yield " " * _INDENT + f"{len(told) - shown} more (-v, or --format json)"
