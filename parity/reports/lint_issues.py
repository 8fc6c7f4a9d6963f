"""Knows how the linter's findings become issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.place import Place
from parity.model.rule import SEVERITIES, Severity
from parity.reports import lint_rows
from parity.reports.issues import Issue, IssueReport, IssueRule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from parity.model.lint import LintCard, LintFinding, LintReport


def issues_of(
    report: LintReport,
    texts: Mapping[str, str],
    cards: Sequence[LintCard],
    *,
    fail_on: Severity,
    placed: Callable[[str], str | None],
) -> IssueReport:
    """Return a lint run as issues.

    Args:
        report: what was found.
        texts: path -> text, so that a finding is known again when lines move.
        cards: of every rule.
        fail_on: the least severity that fails the run.
        placed: a path as told -> the path from the top of the repository, None outside it.
    """
    used = {finding.rule for finding in report.findings}
    least = SEVERITIES.index(fail_on)
    return IssueReport(
        command="parity lint",
        category=f"parity-lint/{report.target}" if report.target else "parity-lint",
        version=report.tool.get("version", "0"),
        title=lint_rows.tally(report),
        passed=report.exit_status == 0,
        issues=tuple(_issue(one, texts.get(one.path), least, placed(one.path)) for one in report.findings),
        rules=tuple(_rule(card) for card in cards if card.id in used),
        closing=tuple(lint_rows.summary(report)),
    )


def _rule(card: LintCard) -> IssueRule:
    why, mend = " ".join(card.why.split()), " ".join(card.mend.split())
    return IssueRule(id=card.id, summary=card.summary, why=why, mend=mend, severity=card.severity)


def _issue(finding: LintFinding, text: str | None, least: int, path: str | None) -> Issue:
    place = None
    if path is not None:
        place = Place(
            path=path, line=finding.line, column=finding.column,
            end_line=max(finding.end_line, finding.line), end_column=finding.end_column,
        )  # fmt: skip
    return Issue(
        rule=finding.rule,
        severity=finding.severity,
        message=finding.message,
        mend=finding.mend,
        place=place,
        identity=f"{path or finding.path}\0{_line_of(finding, text)}",
        fails=finding.suppressed is None and SEVERITIES.index(finding.severity) <= least,
        suppressed=finding.suppressed,
        suppressed_in="external" if finding.waived else "inSource",
        fix=finding.fix,
    )


def _line_of(finding: LintFinding, text: str | None) -> str:
    """Return the finding's line without its indentation; its message when the text is not at hand."""
    lines = (text or "").split("\n")
    return lines[finding.line - 1].strip() if text and finding.line <= len(lines) else finding.message
