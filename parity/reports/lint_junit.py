"""Knows the linter's JUnit report: a suite per file, a case per rule and place; only errors and warnings fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from parity.reports import lint_rows

if TYPE_CHECKING:
    from parity.model.lint import LintFinding, LintReport

# What XML 1.0 cannot carry, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: LintReport) -> str:
    """Return the report as JUnit XML with a final newline."""
    found = lint_rows.standing(report)
    by_path: dict[str, list[LintFinding]] = {}
    for finding in found:
        by_path.setdefault(finding.path, []).append(finding)
    failures = sum(1 for finding in found if finding.severity != "note")
    lines = ['<?xml version="1.0" encoding="utf-8"?>']
    total = len(found) or 1
    lines.append(f'<testsuites name="parity lint" tests="{total}" failures="{failures}">')
    if not found:
        lines.append('  <testsuite name="parity lint" tests="1" failures="0">')
        lines += [
            f'    <testcase name={_attribute(lint_rows.tally(report))} classname="parity.lint"/>',
            "  </testsuite>",
        ]
    for path, mine in by_path.items():
        failed = sum(1 for finding in mine if finding.severity != "note")
        lines.append(f'  <testsuite name={_attribute(path)} tests="{len(mine)}" failures="{failed}">')
        for finding in mine:
            lines += _case(finding)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _case(finding: LintFinding) -> list[str]:
    name = _attribute(f"{finding.rule} {finding.line}:{finding.column}")
    place = f'file={_attribute(finding.path)} line="{finding.line}"'
    told = _text(f"{finding.path}:{finding.line}:{finding.column}: {finding.message}\nmend: {finding.mend}")
    head = f'    <testcase name={name} classname="parity.lint" {place}>'
    if finding.severity == "note":
        return [head, f"      <system-out>{told}</system-out>", "    </testcase>"]
    failure = f'      <failure type="{finding.severity}" message={_attribute(finding.message)}>{told}</failure>'
    return [head, failure, "    </testcase>"]


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("?", text))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("?", text), {"\n": "&#10;"})
