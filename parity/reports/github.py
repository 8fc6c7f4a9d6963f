"""Knows GitHub's annotations: workflow commands, escaped, and no more of them than a step may show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.issues import by_gravity
from parity.reports.rows import one_line

if TYPE_CHECKING:
    from parity.model.place import Place
    from parity.reports.issues import Issue, IssueReport

MAX_PER_LEVEL = 8
"""The runner shows ten of a level per step and drops the rest silently. A composite action is one step: one of ten
goes to the machine's verdict, one to the runner's own "process completed with exit code 1"."""
MAX_MESSAGE = 4000  # characters; the runner cuts at 4,096
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: IssueReport, *, limit: int = MAX_PER_LEVEL) -> str:
    """Return one command per issue, the gravest first; what finds no room is folded into one command per level.

    Args:
        report: what was found.
        limit: commands per level.
    """
    lines: list[str] = []
    issues = by_gravity(report.standing)
    for severity, command in _COMMANDS.items():
        mine = [issue for issue in issues if _level(issue) == severity]
        room = len(mine) if len(mine) <= limit else limit - 1
        lines += [_annotation(command, issue) for issue in mine[:room]]
        if mine[room:]:
            lines.append(_folded(command, report, mine[room:], is_rest=room > 0))
    return "\n".join([*lines, *(said(line) for line in report.closing)]) + "\n"


def _level(issue: Issue) -> str:
    return "note" if issue.is_open and not issue.fails else issue.severity


def _annotation(command: str, issue: Issue) -> str:
    told = _told(issue) + (f"\nmend: {issue.mend}" if issue.mend else "")
    return _command(command, issue.place, f"parity: {issue.rule}", told)


def _told(issue: Issue) -> str:
    return f"unknown: {issue.told}" if issue.is_open else issue.told


def _folded(command: str, report: IssueReport, issues: list[Issue], *, is_rest: bool) -> str:
    """Return one command for many issues; it stands at their place when they have one in common."""
    places = {issue.place for issue in issues}
    place = places.pop() if len(places) == 1 else None
    lines = [f"{len(issues)} more:"] if is_rest else []
    for issue in issues:
        where = f"{issue.place.path}:{issue.place.line}: " if issue.place is not None and place is None else ""
        lines.append(one_line(f"{where}{issue.rule}: {_told(issue)}"))
    mends = dict.fromkeys(one_line(issue.mend) for issue in issues if issue.mend and issue.severity == "error")
    lines += [f"mend: {mend}" for mend in mends] if not is_rest else []
    return _command(command, place, f"{report.command}: {report.title}", _fitted(lines))


def _fitted(lines: list[str]) -> str:
    """Return as many lines as a message holds, and how many are left."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > MAX_MESSAGE - 40:
            return "\n".join([*lines[:number], f"and {len(lines) - number} more; the report has them all"])
    return "\n".join(lines)


def _command(command: str, place: Place | None, title: str, text: str) -> str:
    fields: list[tuple[str, str]] = []
    if place is not None:
        fields += [("file", place.path), ("line", str(place.line))]
        if place.end_line == place.line:  # the runner drops columns that span lines
            fields += [("col", str(place.column)), ("endColumn", str(max(place.end_column, place.column)))]
        else:
            fields.append(("endLine", str(place.end_line)))
    fields.append(("title", title))
    return f"::{command} {','.join(f'{name}={property_(value)}' for name, value in fields)}::{message(text)}"


def said(line: str) -> str:
    """Return a line for the log that no runner takes for a command."""
    return one_line(line).replace("::", ": :").replace("##[", "## [")


def message(text: str) -> str:
    """Return text as a command's message."""
    return text[:MAX_MESSAGE].replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def property_(text: str) -> str:
    """Return text as a command's property."""
    return message(text).replace(":", "%3A").replace(",", "%2C")
