"""Knows the text of ``parity compare``: one screen of what decides, or everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports import compare_full, compare_short

if TYPE_CHECKING:
    from parity.model.compare import Comparison

MIN_WIDTH, MAX_WIDTH = 72, 160


def render(comparison: Comparison, *, verbose: bool = False, width: int = 80, ascii_only: bool = False) -> str:
    """Return the comparison as text; nothing of it depends on colour.

    Args:
        comparison: what to tell.
        verbose: every row, those nobody knows too, all formats, the source of every figure and why one is unknown.
        width: columns.
        ascii_only: for streams that cannot carry anything else; other characters become question marks.
    """
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    lines = (compare_full if verbose else compare_short).lines(comparison, width)
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return text.encode("ascii", "replace").decode() if ascii_only else text
