"""Knows the linter's GitHub annotations: workflow commands, escaped, and no more of them than a step may show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports import lint_rows

if TYPE_CHECKING:
    from parity.model.lint import LintFinding, LintReport

MAX_PER_LEVEL = 10  # the runner drops the rest of a step's, silently
MAX_MESSAGE = 4000
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: LintReport) -> str:
    """Return one command per finding, the worst first; what finds no room is folded into one command per level."""
    found = sorted(lint_rows.standing(report), key=lambda one: ("error", "warning", "note").index(one.severity))
    lines: list[str] = []
    for severity, command in _COMMANDS.items():
        mine = [finding for finding in found if finding.severity == severity]
        folded = mine[MAX_PER_LEVEL - 1 :] if len(mine) > MAX_PER_LEVEL else []
        lines += [_annotation(command, finding) for finding in mine[: len(mine) - len(folded)]]
        if folded:
            lines.append(f"::{command} title=parity lint::{message(_fold(folded))}")
    return "\n".join([*lines, *(line.replace("::", ": :") for line in lint_rows.summary(report))]) + "\n"


def _annotation(command: str, finding: LintFinding) -> str:
    fields = [("file", finding.path), ("line", str(finding.line))]
    if finding.end_line == finding.line:  # the runner drops columns that span lines
        fields += [("col", str(finding.column)), ("endColumn", str(max(finding.end_column, finding.column)))]
    else:
        fields.append(("endLine", str(finding.end_line)))
    fields.append(("title", f"parity: {finding.rule}"))
    told = ",".join(f"{name}={property_(value)}" for name, value in fields)
    return f"::{command} {told}::{message(f'{finding.message}' + chr(10) + f'mend: {finding.mend}')}"


def _fold(findings: list[LintFinding]) -> str:
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
    told = ", ".join(f"{count} x {rule}" for rule, count in sorted(counts.items(), key=lambda item: -item[1]))
    return f"{len(findings)} more: {told}; the report has them all"


def message(text: str) -> str:
    """Return text as a command's message."""
    return text[:MAX_MESSAGE].replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def property_(text: str) -> str:
    """Return text as a command's property."""
    return message(text).replace(":", "%3A").replace(",", "%2C")
