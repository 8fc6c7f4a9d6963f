"""Knows the text of ``parity diff``: both machines named once, then a row for each value that differs."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from parity.fleet.diff import GATED
from parity.inputs import printable
from parity.units import format_ratio, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.fleet.diff import MachineDiff
    from parity.model.difference import Difference

SECTION_WORDS = {
    "identity": "hardware",
    "stack": "software",
    "environment": "environment variables",
    "conditions": "state",
    "host": "host",
}
MIN_VALUE = 12  # columns of a value at least, however narrow the terminal
_RATIO = 8  # two blanks, and a ratio up to 999.99x
_UNSET = "unset"


def render(comparison: MachineDiff, *, verbose: bool = False, width: int = 80) -> str:
    """Return the comparison as text.

    Args:
        comparison: what to tell.
        verbose: also show the values that only one side tells, which are counted otherwise.
        width: columns; a value that does not fit beside the other one gets a line of its own, and is never cut.
    """
    changed = [item for item in comparison.differences if item.kind == "changed"]
    untold = [item for item in comparison.differences if item.kind != "changed"]
    lines = list(_legend(comparison)) if changed or untold else []
    for section, word in SECTION_WORDS.items():
        rows = [item for item in changed if item.section == section]
        if rows:
            lines += ["", *_table(f"{word}{'' if section in GATED else ' (not gated)'}", rows, width)]
    if lines:
        lines.append("")
    verb = "differs" if len(changed) == 1 else "differ"
    lines.append(f"{plural(len(changed), 'value')} {verb}" if changed else "nothing differs that both sides tell")
    if untold:
        verb = "is" if len(untold) == 1 else "are"
        lines.append(f"{plural(len(untold), 'value')} {verb} told by one side only" + ("" if verbose else " (-v)"))
    if verbose:
        for item in untold:
            told = f"{item.subject}  {item.name}: {printable(item.a or item.b)}, told by {_side(item)}"
            lines += textwrap.wrap(told, width, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def _legend(comparison: MachineDiff) -> Iterator[str]:
    """Yield what A and B stand for: the names of the files, or their paths where the names are the same."""
    sides = comparison.a, comparison.b
    names = [Path(side).name or side for side in sides]
    for letter, name in zip("AB", sides if names[0] == names[1] else names, strict=True):
        yield f"{letter}  {printable(name)}"


def _side(item: Difference) -> str:
    return "A" if item.kind == "only-a" else "B"


def _table(heading: str, rows: Sequence[Difference], width: int) -> Iterator[str]:
    subject = max(len(item.subject) for item in rows)
    name = max(len(item.name) for item in rows)
    start = 2 + subject + 2 + name + 2
    room = max(MIN_VALUE, (width - start - 2 - _RATIO) // 2)
    values = [tuple(printable(value) or _UNSET for value in (item.a, item.b)) for item in rows]
    short = [pair for pair in values if max(map(len, pair)) <= room]
    a, b = (max((len(pair[side]) for pair in short), default=1) for side in (0, 1))
    head = f"{heading:<{start}}{'A':>{a}}  {'B':>{b}}" if short else heading
    yield head
    for item, (left, right) in zip(rows, values, strict=True):
        place = f"  {item.subject:<{subject}}  {item.name:<{name}}  "
        if (left, right) in short:
            yield f"{place}{left:>{a}}  {right:>{b}}  {format_ratio(item.ratio)}".rstrip()
            continue
        yield from _line(f"{place}A ", left, start, width)
        yield from _line(" " * start + "B ", right, start, width)


def _line(place: str, value: str, start: int, width: int) -> list[str]:
    """Return one side's value on lines of its own; words are never cut."""
    parts = textwrap.wrap(value, max(width - start - 2, MIN_VALUE), break_long_words=False, break_on_hyphens=False) or [
        value
    ]
    return [place + parts[0], *(" " * (start + 2) + part for part in parts[1:])]
