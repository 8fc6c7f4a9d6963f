"""Knows the linter's Markdown report: a table for job summaries and merge request notes, kept small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports import lint_rows

if TYPE_CHECKING:
    from parity.model.lint import LintFinding, LintReport

MAX_ROWS = 200


def render(report: LintReport) -> str:
    """Return a headline, a table of findings and, folded, what was left out."""
    found = lint_rows.standing(report)
    lines = [f"### parity lint: {lint_rows.tally(report)}", ""]
    if report.target:
        lines += [f"Target: `{report.target}`", ""]
    if found:
        lines += [
            "| place | severity | rule | finding |",
            "|---|---|---|---|",
            *(_row(one) for one in found[:MAX_ROWS]),
        ]
        if len(found) > MAX_ROWS:
            lines.append(f"| | | | {len(found) - MAX_ROWS} more |")
        lines.append("")
    lines += [f"- {line}" for line in lint_rows.summary(report)[1:]]
    return "\n".join(lines).rstrip() + "\n"


def _row(finding: LintFinding) -> str:
    place, told = cell(f"{finding.path}:{finding.line}"), cell(finding.message)
    return f"| {place} | {finding.severity} | `{finding.rule}` | {told} |"


_ESCAPES = str.maketrans(
    {"<": "&lt;", ">": "&gt;", "@": "&#64;", **{character: f"\\{character}" for character in "\\`*_[]|#!"}}
)


def cell(text: str) -> str:
    """Return text as a table's cell: on one line, without markup of its own."""
    flat = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(flat.split()).translate(_ESCAPES)
