"""Knows how a node's past is told in a terminal: what changed and when, oldest first, then what the rates did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.inputs import printable
from parity.units import fewest_digits, format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.difference import Difference
    from parity.model.history import NodeHistory


def render(history: NodeHistory) -> str:
    """Return the report as text."""
    return "\n".join(_lines(history)) + "\n"


def _lines(history: NodeHistory) -> Iterator[str]:
    count = f"{history.readings} reading{'' if history.readings == 1 else 's'}"
    yield f"{printable(history.node)}: {count} from {history.first} to {history.last}"
    for step in history.steps:
        yield ""
        yield step.at
        yield from (f"  {printable(_difference(one))}" for one in step.differences)
    if history.measured:
        yield ""
        yield "measured"
    for drift in history.measured:
        before, after = fewest_digits(drift.before), fewest_digits(drift.after)
        told = f"{printable(drift.name)} {before} -> {after} {drift.unit} ({format_ratio(drift.ratio)})"
        yield f"  GPU {drift.device} {told}"
    if not history.steps and not history.measured:
        yield "nothing changed" if history.readings > 1 else "nothing to compare it with"


def _difference(one: Difference) -> str:
    ratio = f" ({format_ratio(one.ratio)})" if one.ratio is not None else ""
    a = one.a or ("unset" if one.kind == "changed" else "not told")
    b = one.b or ("unset" if one.kind == "changed" else "not told")
    return f"{one.subject} {one.name}: {a} -> {b}{ratio}"
