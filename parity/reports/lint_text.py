"""Knows the linter's text report: place and message, the line with carets, and the mend."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from parity.inputs import printable
from parity.reports import lint_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.model.lint import LintFinding, LintReport

_COLOURS = {"error": "31", "warning": "33", "note": "36"}


def render(
    report: LintReport,
    texts: Mapping[str, str],
    *,
    verbose: bool = False,
    width: int = 100,
    colour: bool = False,
    statistics: bool = False,
) -> str:
    """Return the report.

    Args:
        report: what was found.
        texts: path -> text, for snippets.
        verbose: also silenced findings and unsettled values.
        width: of the terminal, for wrapping the mend.
        colour: whether to colour severities.
        statistics: counts per rule in place of the findings.
    """
    lines: list[str] = []
    if statistics:
        lines += _statistics(report)
    else:
        for finding in report.findings:
            if finding.suppressed is None or verbose:
                lines += _finding(finding, texts.get(finding.path), width, colour)
    if verbose:
        lines += [
            f"{_path(one.path)}:{one.line}: unknown: {printable(one.what)} ({one.why})" for one in report.unknowns
        ]
    return "\n".join([*lines, *lint_rows.summary(report)]) + "\n"


def _finding(finding: LintFinding, text: str | None, width: int, colour: bool) -> list[str]:  # noqa: FBT001
    severity = f"\x1b[{_COLOURS[finding.severity]}m{finding.severity}\x1b[0m" if colour else finding.severity
    place = f"{_path(finding.path)}:{finding.line}:{finding.column}"
    lines = [f"{place}: {severity}[{finding.rule}] {printable(finding.message)}"]
    shown = lint_rows.snippet(finding, text)
    if shown is not None and shown[0].strip():
        number = str(finding.line)
        lines += [f"  {number} | {shown[0]}", f"  {' ' * len(number)} | {shown[1]}"]
    if finding.suppressed is not None:
        lines.append(f"  silenced: {printable(finding.suppressed)}")
    else:
        told = textwrap.wrap(f"mend: {printable(finding.mend)}", max(width - 2, 40), break_on_hyphens=False)
        lines += [f"  {line}" if n == 0 else f"    {line}" for n, line in enumerate(told)]
    return [*lines, ""]


def _path(path: str) -> str:
    """Return a path that no CI runner takes for a command at the start of a line."""
    return printable(f"./{path}" if path.startswith((":", "#")) else path)


def _statistics(report: LintReport) -> list[str]:
    counts: dict[tuple[str, str], int] = {}
    for finding in lint_rows.standing(report):
        key = (finding.rule, finding.severity)
        counts[key] = counts.get(key, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"{count:>6}  {severity:<8} {rule}" for (rule, severity), count in ordered]
