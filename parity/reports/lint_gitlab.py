"""Knows the linter's GitLab Code Quality report: an array of issues, each with a fingerprint of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.reports import lint_rows
from parity.reports.lint_sarif import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.model.lint import LintReport

_SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def render(report: LintReport, texts: Mapping[str, str]) -> str:
    """Return the report as indented JSON with a final newline."""
    seen: dict[str, int] = {}
    issues = []
    for finding in lint_rows.standing(report):
        value = fingerprint(finding, texts.get(finding.path))
        seen[value] = seen.get(value, 0) + 1
        issues.append(
            {
                "description": f"{finding.message}. {finding.mend}",
                "check_name": finding.rule,
                "fingerprint": f"{value}{seen[value]:x}",
                "severity": _SEVERITIES[finding.severity],
                "location": {
                    "path": finding.path.removeprefix("./"),
                    "lines": {"begin": finding.line, "end": max(finding.end_line, finding.line)},
                },
            }
        )
    return msgspec.json.format(msgspec.json.encode(issues), indent=2).decode() + "\n"
