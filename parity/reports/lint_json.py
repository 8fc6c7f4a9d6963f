"""Knows the linter's JSON report, schema parity.lint/1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from parity.model.lint import LintReport


def render(report: LintReport) -> str:
    """Return the report as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
