"""Knows how a project's waivers of lint rules cover findings, and which of them have ended.

A waiver's ``subject`` is a glob over the finding's path, as in ``exclude``; without one it covers every file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from parity.lint.scan import excluded
from parity.model.lint import LintFinding

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from parity.model.finding import Waiver
    from parity.model.lint import LintCard

EXPIRED = "lint-waiver-expired"


def waived(findings: Iterable[LintFinding], waivers: Iterable[Waiver], today: dt.date) -> list[LintFinding]:
    """Return the findings, those that a waiver in force covers silenced with its reason, owner and last day."""
    in_force = [one for one in waivers if today <= one.until]
    return [_silenced(finding, in_force) for finding in findings]


def _silenced(finding: LintFinding, waivers: list[Waiver]) -> LintFinding:
    if finding.suppressed is not None:
        return finding
    for one in waivers:
        if one.rule == finding.rule and (not one.subject or excluded(finding.path, (one.subject,))):
            told = f"{one.reason} ({one.owner}, until {one.until.isoformat()})"
            return msgspec.structs.replace(finding, suppressed=told, waived=True)
    return finding


def expired(
    waivers: Iterable[Waiver], today: dt.date, *, card: LintCard, path: str, text: str
) -> Iterator[LintFinding]:
    """Yield a finding for each waiver whose last day has passed, at that day in the project file.

    Args:
        waivers: the project's, of lint rules.
        today: the present day.
        card: of the rule ``lint-waiver-expired``.
        path: of the project file, as findings tell it.
        text: the project file.
    """
    lines = text.split("\n")
    taken: set[int] = set()
    for one in waivers:
        if today <= one.until:
            continue
        day = one.until.isoformat()
        number = next((n for n, line in enumerate(lines) if n not in taken and day in line), None)
        line, column = (1, 1) if number is None else (number + 1, lines[number].index(day) + 1)
        taken.add(-1 if number is None else number)
        yield LintFinding(
            rule=card.id,
            severity=card.severity,
            path=path,
            line=line,
            column=column,
            end_line=line,
            end_column=column + (0 if number is None else len(day)),
            message=f"the waiver of {one.rule} ({_short(one.reason)}) ended on {day}",
            mend=f"Ask {one.owner} to renew it with a new date, or remove it.",
        )


def _short(reason: str) -> str:
    return re.sub(r"\s+", " ", reason)[:120]
