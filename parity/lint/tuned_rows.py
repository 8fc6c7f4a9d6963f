"""Knows tuned tables in CSV: rows keyed by gfx target and CU count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.binaries.tuned_tables import read_table
from parity.lint.facts import Facts

if TYPE_CHECKING:
    from parity.lint.source import Source


def scan(source: Source) -> Facts:
    """Return the rows of a table; a file that is none has none."""
    facts = Facts(source, "tuned-rows")
    facts.tuned = tuple(read_table(source.path, source.text.encode(errors="replace")).entries)
    return facts
