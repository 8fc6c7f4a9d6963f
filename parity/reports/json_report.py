"""Knows the JSON report: the verdict itself, schema parity.verdict/1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from parity.model.verdict import Verdict


def render(verdict: Verdict) -> str:
    """Return the verdict as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(verdict), indent=2).decode() + "\n"
