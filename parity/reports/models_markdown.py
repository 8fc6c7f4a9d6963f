"""Knows the Markdown report of models: for job summaries and notes on merge requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.issues import by_gravity
from parity.reports.markdown_report import cell

if TYPE_CHECKING:
    from parity.reports.issues import Issue, IssueReport

MAX_ROWS = 200


def render(report: IssueReport) -> str:
    """Return a headline, a line for each model, a table of findings and, folded, what is not known."""
    lines = [f"### parity model: {cell(report.title)}{'' if report.passed else ' (not passed)'}", ""]
    lines += [f"* {cell(line)}" for line in report.closing]
    found = [issue for issue in by_gravity(report.issues) if not issue.is_open]
    if found:
        lines += ["", "| severity | rule | subject | finding | mend |", "|---|---|---|---|---|"]
        lines += [_row(issue) for issue in found[:MAX_ROWS]]
        lines += [f"| | | | {len(found) - MAX_ROWS} more | |"] if len(found) > MAX_ROWS else []
    asked = [issue for issue in report.issues if issue.is_open]
    if asked:
        lines += ["", f"<details><summary>{len(asked)} not known</summary>", "", "| what | why |", "|---|---|"]
        lines += [f"| {cell(issue.subject)} | {cell(issue.message)} |" for issue in asked[:MAX_ROWS]]
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _row(issue: Issue) -> str:
    severity = "waived" if issue.suppressed else issue.severity
    mend = issue.suppressed or issue.mend
    return f"| {severity} | `{issue.rule}` | {cell(issue.subject)} | {cell(issue.message)} | {cell(mend)} |"
