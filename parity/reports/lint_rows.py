"""Knows what every lint report shares: which findings stand, how severities are told, and a finding's snippet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.units import plural

if TYPE_CHECKING:
    from parity.model.lint import LintFinding, LintReport

MAX_SNIPPET = 160


def standing(report: LintReport) -> list[LintFinding]:
    """Return the findings that no inline comment silences."""
    return [finding for finding in report.findings if finding.suppressed is None]


def snippet(finding: LintFinding, text: str | None) -> tuple[str, str] | None:
    """Return a finding's source line and the carets below it, None when the text is not at hand.

    A long line is cut around the finding; tabs and control characters take one column each.
    """
    lines = (text or "").split("\n")
    if text is None or finding.line > len(lines):
        return None
    line = lines[finding.line - 1].rstrip("\r")
    start = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(line)
    first = max(0, min(start - 20, len(line) - MAX_SNIPPET)) if len(line) > MAX_SNIPPET else 0
    shown = "".join(character if character.isprintable() else " " for character in line[first : first + MAX_SNIPPET])
    width = max(min(end, first + MAX_SNIPPET) - start, 1)
    return shown, " " * (start - first) + "^" * min(width, max(len(shown) - (start - first), 1))


def tally(report: LintReport) -> str:
    """Return the counts in words: ``2 errors, 1 warning in 12 files``."""
    found = standing(report)
    counts = [
        plural(sum(1 for finding in found if finding.severity == severity), severity)
        for severity in ("error", "warning", "note")
        if any(finding.severity == severity for finding in found)
    ]
    return f"{', '.join(counts) or 'no findings'} in {plural(report.files, 'file')}"


def summary(report: LintReport) -> list[str]:
    """Return the lines below the findings: counts, what was left out, and what did not run."""
    lines = [tally(report)]
    silenced = [finding for finding in report.findings if finding.suppressed is not None]
    waived = sum(finding.waived for finding in silenced)
    if len(silenced) > waived:
        lines.append(f"{plural(len(silenced) - waived, 'finding')} silenced by inline comments")
    if waived:
        lines.append(f"{plural(waived, 'finding')} waived by the project")
    if report.baselined:
        lines.append(f"{plural(report.baselined, 'finding')} held by the baseline")
    if report.unknowns:
        lines.append(f"{plural(len(report.unknowns), 'value')} not settled by the files (-v lists them)")
    if report.skipped_rules:
        what = plural(len(report.skipped_rules), "rule")
        lines.append(f"{what} did not run: no target (give --target, or default_target in parity.yaml)")
    if report.preview_rules:
        what = plural(len(report.preview_rules), "rule")
        lines.append(f"{what} did not run: in preview (--preview runs them)")
    return lines
