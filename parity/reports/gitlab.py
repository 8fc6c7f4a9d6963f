"""Knows GitLab's Code Quality report: an array of issues, each with a fingerprint of its own and a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.reports.issues import fingerprints

if TYPE_CHECKING:
    from parity.reports.issues import IssueReport

_SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def render(report: IssueReport) -> str:
    """Return the report as indented JSON with a final newline; what has no place and no stand-in is left out."""
    issues = []
    for issue, fingerprint in zip(report.standing, fingerprints(report.standing), strict=True):
        place = report.place_of(issue)
        if place is None:
            continue
        issues.append(
            {
                "description": f"{'unknown: ' if issue.is_open else ''}{issue.told}"
                + (f". {issue.mend}" if issue.mend else ""),
                "check_name": issue.rule,
                "fingerprint": fingerprint,
                "severity": "info" if issue.is_open and not issue.fails else _SEVERITIES[issue.severity],
                "location": {
                    "path": place.path,
                    "lines": {"begin": place.line, "end": max(place.end_line, place.line)},
                },
            }
        )
    return msgspec.json.format(msgspec.json.encode(issues), indent=2).decode() + "\n"
