"""Knows how long lines are folded for a terminal: between words, below their own start; nowhere else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

HANG = 4
MAX_HANG = 24
LEAST = 40


def folded(text: str, *, width: int, hang: int = HANG, keep: int | None = None) -> str:
    """Return the text with each long line folded; what follows the first break is indented ``hang`` further.

    Words are never cut: one that is longer than the line stays whole, so that it can be copied.

    Args:
        text: lines.
        width: columns; fewer than ``LEAST`` are taken as that.
        hang: columns that continued lines are indented more than the line's own start.
        keep: lines indented by this much or more are shown as they are (code); None: all are folded.

    >>> folded("  rejected  l2: PCI id 10de:2684, not 10de:27b6", width=40).splitlines()
    ['  rejected  l2: PCI id 10de:2684, not', '      10de:27b6']
    """
    width = max(width, LEAST)
    lines: list[str] = []
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if len(line) <= width or (keep is not None and indent >= keep):
            lines.append(line)
        else:
            lines += _fold(line, indent + min(hang, MAX_HANG), width)
    return "\n".join(lines)


def _fold(line: str, start: int, width: int) -> list[str]:
    """Return one line's parts; runs of blanks inside a part stay as they are."""
    parts = []
    margin = len(line) - len(line.lstrip(" "))
    while len(line) > width:
        cut = line.rfind(" ", margin, width + 1)
        if cut <= margin:
            cut = line.find(" ", width)
        if cut < 0:
            break
        parts.append(line[:cut].rstrip())
        line, margin = " " * start + line[cut:].lstrip(), start
    return [*parts, line]


def columns_of(stream: TextIO | None) -> int | None:
    """Return the columns of a terminal, None where the stream is none: files and pipes get whole lines."""
    try:
        if stream is None or not stream.isatty():
            return None
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def for_terminal(text: str, *, hang: int = HANG, keep: int | None = None) -> str:
    """Return a report as standard output shows it."""
    width = columns_of(sys.stdout)
    return text if width is None else folded(text, width=width, hang=hang, keep=keep)


def tell(text: str) -> None:
    """Print a message to standard error, folded where a person reads it, control characters spelled out."""
    text = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    width = columns_of(sys.stderr)
    print(text if width is None else folded(text, width=width, hang=HANG - 2), file=sys.stderr)
