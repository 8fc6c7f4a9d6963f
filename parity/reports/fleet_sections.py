"""Knows what a report of a fleet tells beside its kinds of node, section by section; renderers only draw them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from parity.reports.fleet_rows import (
    ailing_lines,
    apart_line,
    drift_line,
    moved_line,
    peak_line,
    slow_rows,
    spread_lines,
    undecided_lines,
)
from parity.units import fewest_digits, format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.fleet import Change, Fleet, Unreadable
    from parity.reports.fleet_rows import SlowRow


class Heading(NamedTuple):
    """The head of a column."""

    name: str
    kind: Literal["head", "text", "number"] = "text"


class Section(NamedTuple):
    """One thing that is told of a fleet, in lines, and where there is more to a line than a text, as a table.

    Attributes:
        id: the same in every report.
        title: in small letters.
        lines: never empty.
        caption: of the table.
        headings: empty where lines are all there is.
        rows: one text for each heading.
        ratios: one for each row, where its likes are at 1.
    """

    id: str
    title: str
    lines: tuple[str, ...]
    caption: str = ""
    headings: tuple[Heading, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    ratios: tuple[float, ...] = ()


def sections(fleet: Fleet) -> Iterator[Section]:
    """Yield the sections that have anything to tell, in the order in which every report tells them."""
    slow = slow_rows(fleet.slow)
    hint = "" if fleet.superseded else " (--latest counts the newest alone)"
    told = (
        _plain("values", "values, the rarest first", spread_lines(fleet)),
        _slow(slow),
        _plain("ailing", "ailing", list(ailing_lines(fleet.ailing))),
        _plain("below-peak", "slow as a whole", [peak_line(one) for one in fleet.below_peak]),
        _plain("undecided", "slow ones cannot be told by", list(undecided_lines(fleet.undecided))),
        _changes(fleet),
        _unreadable(fleet.unreadable),
        _plain("missing", "missing", fleet.missing),
        _plain("apart", "read more than a day apart", [apart_line(one) for one in fleet.apart]),
        _plain("repeated", f"named more than once{hint}", fleet.repeated),
    )
    yield from (one for one in told if one.lines)


def _plain(name: str, title: str, lines: Sequence[str]) -> Section:
    return Section(name, title, tuple(lines))


def _slow(slow: Sequence[SlowRow]) -> Section:
    by_node: dict[str, dict[str, list[str]]] = {}
    for one in slow:
        told = f"{one.name} {fewest_digits(one.value)} {one.unit} ({format_ratio(one.ratio)})"
        by_node.setdefault(one.node, {}).setdefault(one.devices, []).append(told)
    return Section(
        "slow",
        "slow, and by how much of the median of their like",
        tuple(
            f"{node}  " + "; ".join(f"{devices}: {', '.join(told)}" for devices, told in parts.items())
            for node, parts in by_node.items()
        ),
        "Devices more than 5 % and 3.5 robust standard deviations behind the median of their like",
        (
            Heading("slow node", "head"), Heading("devices"), Heading("measurement"), Heading("slowest", "number"),
            Heading("median", "number"), Heading("ratio", "number"),
        ),
        tuple(
            (
                one.node, one.devices, one.name, f"{fewest_digits(one.value)} {one.unit}", fewest_digits(one.median),
                format_ratio(one.ratio),
            )
            for one in slow
        ),
        tuple(one.ratio for one in slow),
    )  # fmt: skip


def _changes(fleet: Fleet) -> Section:
    """Return what became of the nodes; without a baseline nothing, and not that nothing changed."""
    rows = [("all", "measured", drift_line(one)) for one in fleet.drifts]
    rows += [row for change in fleet.changes or () for row in _became(change)]
    lines = [what if node == "all" else f"{node}: {what or kind}" for node, kind, what in rows]
    if not lines and fleet.changes is not None:
        lines = ["nothing changed"]
    headings = (Heading("node", "head"), Heading("since the baseline"), Heading("what"))
    return Section("changes", "since the baseline", tuple(lines), "What became of each node", headings, tuple(rows))


def _became(change: Change) -> list[tuple[str, str, str]]:
    told = [moved_line(one) for one in change.differences]
    return [(change.node, change.kind, what) for what in told or [""]]


def _unreadable(found: Sequence[Unreadable]) -> Section:
    return Section(
        "unreadable",
        "not understood",
        tuple(f"{one.where}: {one.why}" for one in found),
        "Inputs that gave no node",
        (Heading("not understood", "head"), Heading("why")),
        tuple((one.where, one.why) for one in found),
    )
