"""Knows the Markdown report: for job summaries and merge-request notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.rows import (
    carried,
    configured_text,
    headline,
    here_text,
    identity_text,
    one_line,
    questions,
    rows,
    subjects_text,
    tally,
)
from parity.units import format_ratio

if TYPE_CHECKING:
    from parity.model.verdict import Verdict

OUTCOME_WORDS = {"match": "match", "mismatch": "MISMATCH", "unknown": "UNKNOWN"}
# A backslash before a pipe would end the cell.
_SAFE = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "`": "'", "\\": "&#92;", "*": "\\*"})


def render(verdict: Verdict) -> str:
    """Return the verdict as GitHub-flavoured Markdown."""
    tail = "" if verdict.outcome == "match" else " (passed by waiver)"
    lines = [
        f"## parity: {OUTCOME_WORDS[verdict.outcome]}{tail if verdict.passed else ' (not passed)'}",
        "",
        cell(headline(verdict, limit=400)),
        "",
        f"* **here** {cell(here_text(verdict))}",
        f"* **target** {cell(verdict.target.name)} (`{verdict.target.label}`, from {cell(verdict.target.source)})",
        f"* **level** `{verdict.level}`, required `{verdict.target.require}`",
        *([f"* **rules** {cell(configured_text(verdict))}"] if verdict.configured else []),
        "",
        "| carries over | |",
        "|---|---|",
    ]
    for answer in ("yes", "no", "unknown"):
        told = carried(verdict, answer)
        if told:
            lines.append(f"| {answer} | {', '.join(told)} |")
    lines += _findings(verdict) + _questions(verdict) + _devices(verdict)
    return "\n".join(lines) + "\n"


def _findings(verdict: Verdict) -> list[str]:
    found = rows(verdict)
    if not found:
        return []
    lines = ["", "| severity | rule | subject | here | target | ratio |", "|---|---|---|---:|---:|---:|"]
    for row in found:
        finding = row.finding
        severity = "waived" if finding.waived else finding.severity
        lines.append(
            f"| {severity} | `{finding.rule}` | {cell(subjects_text(row.subjects))} | {cell(finding.here)} "
            f"| {cell(finding.wanted)} | {format_ratio(finding.ratio)} |"
        )
    graver = [row.finding for row in found if row.finding.severity == "error" and not row.finding.waived]
    mends = dict.fromkeys(finding.mend for finding in graver)
    return [*lines, *([""] if mends else []), *(f"* {cell(mend)}" for mend in mends)]


def _questions(verdict: Verdict) -> list[str]:
    asked = questions(verdict.unknowns)
    if not asked:
        return []
    lines = ["", f"<details><summary>{tally(verdict)}</summary>", "", "| unknown | why |", "|---|---|"]
    for question in asked:
        rules = ", ".join(f"`{rule}`" for rule in question.rules)
        lines.append(f"| {rules} | {question.why_text}: {cell(question.detail)} |")
    return [*lines, "", "</details>"]


def _devices(verdict: Verdict) -> list[str]:
    told: dict[str, list[str]] = {}
    for device in verdict.devices:
        told.setdefault(cell(identity_text(device)), []).append(f"GPU {device.index}")
    return ["", *(f"* {subjects_text(subjects)}: {text}" for text, subjects in told.items())] if told else []


def cell(text: str) -> str:
    r"""Return text that cannot break out of a table cell or become markup.

    >>> print(cell("a|b <c>"))
    a\|b &lt;c&gt;
    """
    return " ".join(one_line(text).translate(_SAFE).split()).replace("](", "]&#40;")  # no link, no image
