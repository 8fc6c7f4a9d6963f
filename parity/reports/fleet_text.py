"""Knows how a fleet is told in a terminal: what most nodes are, then each kind of odd one with what tells it apart."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from parity.inputs import printable
from parity.model.fleet import NO_GPU
from parity.units import fewest_digits, format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.difference import Difference
    from parity.model.fleet import Fleet, Group, SlowDevice

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
    yield from _head(fleet)
    counts = {group.id: group.count for group in fleet.groups}
    shown = len(fleet.groups) if verbose else MAX_GROUPS
    for group in fleet.groups[:shown]:
        yield ""
        yield from _group(group, counts, verbose=verbose)
    if len(fleet.groups) > shown:
        yield ""
        yield f"{len(fleet.groups) - shown} more kinds (-v, or --format json)"
    yield from _section("slow", [_slow(one) for one in fleet.slow], verbose=verbose)
    if fleet.changes is not None:
        told = [line for change in fleet.changes for line in _change(change.node, change.kind, change.differences)]
        yield from _section("since the baseline", told or ["nothing changed"], verbose=verbose)
    told = [f"{printable(one.where)}: {one.why}" for one in fleet.unreadable]
    yield from _section("not understood", told, verbose=verbose)
    yield from _section("named more than once", list(fleet.repeated), verbose=verbose)
    yield ""
    yield conclusion(fleet)


def _head(fleet: Fleet) -> Iterator[str]:
    target = f" against {fleet.target}" if fleet.target else ""
    if not fleet.groups:
        yield f"no node was understood{target}"
        return
    kinds = f"{len(fleet.groups)} kinds" if len(fleet.groups) > 1 else "all alike"
    yield f"{_nodes(fleet.nodes)}{target}: {kinds}"
    if fleet.unmeasured:
        yield "no node carries measurements, so slow ones cannot be told (parity capture --measure)"


def _group(group: Group, counts: dict[str, int], *, verbose: bool) -> Iterator[str]:
    verdict = group.verdict
    said = "" if verdict is None else f": {verdict.outcome} ({verdict.level}){'' if verdict.passed else ', NOT PASSED'}"
    yield f"{_nodes(group.count)}  {group.title}{said}"
    names = list(group.nodes if verbose else group.nodes[:MAX_NAMES])
    more = group.count - len(names)
    yield " " * _INDENT + ", ".join(names) + (f" and {more} more" if more else "")
    if verdict is not None and not verdict.passed:
        yield " " * _INDENT + verdict.headline
    if group.like:
        yield (
            " " * _INDENT
            + f"unlike the {_nodes(counts[group.like])} of the {'largest' if counts[group.like] > 1 else 'first'} kind:"
        )
        yield from _differences(group.differences, verbose=verbose)


def _differences(found: tuple[Difference, ...], *, verbose: bool) -> Iterator[str]:
    shown = len(found) if verbose else MAX_DIFFERENCES
    for one in found[:shown]:
        yield " " * (_INDENT + 2) + printable(_difference(one))
    if len(found) > shown:
        yield " " * (_INDENT + 2) + f"{len(found) - shown} more (-v)"


def _difference(one: Difference) -> str:
    if one.kind == "only-a":
        return f"{one.subject} {one.name}: not told here, {one.a} there"
    if one.kind == "only-b":
        return f"{one.subject} {one.name}: {one.b} here, not told there"
    ratio = format_ratio(one.ratio)
    return f"{one.subject} {one.name}: {one.b or 'unset'} here, {one.a or 'unset'} there" + (
        f" ({ratio})" if ratio else ""
    )


def _slow(one: SlowDevice) -> str:
    how = f"{fewest_digits(one.value)} {one.unit}, median {fewest_digits(one.median)} of {one.devices} devices"
    return f"{one.node} GPU {one.device}: {one.name} {how} ({format_ratio(one.ratio)}, {one.deviations:g} deviations)"


def _change(node: str, kind: str, found: tuple[Difference, ...]) -> Iterator[str]:
    if kind != "changed":
        yield f"{node}: {kind}"
    for one in found:
        yield f"{node}: " + printable(f"{one.subject} {one.name} {one.a or 'unset'} -> {one.b or 'unset'}")


def _section(title: str, told: list[str], *, verbose: bool) -> Iterator[str]:
    if not told:
        return
    shown = len(told) if verbose else MAX_LINES
    yield ""
    yield title
    yield from (" " * _INDENT + line for line in told[:shown])
    if len(told) > shown:
        yield " " * _INDENT + f"{len(told) - shown} more (-v, or --format json)"


def conclusion(fleet: Fleet) -> str:
    """Return the whole in one line."""
    if fleet.exit_status == 3:
        return "UNKNOWN: nothing could be judged" + (", no node has a GPU that could be read" if fleet.groups else "")
    if fleet.passed:
        return "PASSED: every node is what was asked for" if fleet.target else "PASSED: all nodes are alike"
    failed = sum(group.count for group in fleet.groups if group.verdict is not None and not group.verdict.passed)
    reasons = [
        f"{_nodes(failed)} not the target" if failed else "",
        f"{len(fleet.groups)} kinds of node" if not fleet.target and len(fleet.groups) > 1 else "",
        "nodes without a GPU that could be read"
        if any(group.title.startswith(NO_GPU) for group in fleet.groups)
        else "",
        f"{len(fleet.slow)} slow" if fleet.slow else "",
        f"{len(fleet.changes)} changed since the baseline" if fleet.changes else "",
        f"{len(fleet.unreadable)} not understood" if fleet.unreadable else "",
    ]
    return "NOT PASSED: " + ", ".join(reason for reason in reasons if reason)


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"
