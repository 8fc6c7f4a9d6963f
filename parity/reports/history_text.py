"""Knows how a node's past is told in a terminal: what changed and when, oldest first, then what the rates did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.fleet.diff import devices_together
from parity.inputs import printable
from parity.reports.fleet_rows import moved_line
from parity.units import fewest_digits, format_ratio, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.history import Drift, NodeHistory


def render(history: NodeHistory) -> str:
    """Return the report as text."""
    return "\n".join(_lines(history)) + "\n"


def _lines(history: NodeHistory) -> Iterator[str]:
    count = plural(history.readings, "reading")
    yield f"{printable(history.node)}: {count} from {history.first} to {history.last}"
    told: dict[str, list[str]] = {}
    for step in history.steps:
        told.setdefault(step.at, []).extend(printable(moved_line(one)) for one in step.differences)
    for at in dict.fromkeys(drift.at for drift in history.measured):
        told.setdefault(at, []).extend(_drifts([drift for drift in history.measured if drift.at == at]))
    for at in sorted(told):
        yield ""
        yield at
        yield from (f"  {line}" for line in told[at])
    if not told:
        yield "nothing changed" if history.readings > 1 else "nothing to compare it with"


def _drifts(drifts: Sequence[Drift]) -> Iterator[str]:
    """Yield one line for each measurement: how far it moved, on which devices; those that fell apart from others."""
    together: dict[tuple[str, str, bool], list[Drift]] = {}
    for one in drifts:
        together.setdefault((one.name, one.unit, one.after < one.before), []).append(one)
    for (name, unit, _), moved in together.items():
        worst = max(moved, key=lambda one: abs(one.ratio - 1))
        before, after = fewest_digits(worst.before), fewest_digits(worst.after)
        most = " at most" if len(moved) > 1 else ""
        peers = f" to GPU {worst.peer}" if worst.peer is not None and len(moved) == 1 else ""
        where = devices_together(one.device for one in moved) + peers
        yield f"{where} {printable(name)} {before} -> {after} {unit} ({format_ratio(worst.ratio)}){most}"
