"""Knows the JSON report of a pytest run: the run itself, schema parity.run/1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from parity.model.run import Run


def render(run: Run) -> str:
    """Return the run as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(run), indent=2).decode() + "\n"
