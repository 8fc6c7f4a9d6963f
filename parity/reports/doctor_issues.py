"""Knows how a verdict becomes issues: told where the target is declared, like findings of several devices once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog import store
from parity.errors import UnknownNameError
from parity.model.place import Place
from parity.model.rule import SEVERITIES, Severity
from parity.reports.issues import Issue, IssueReport, IssueRule
from parity.reports.rows import headline, questions, rows, subjects_text, tally, wanted_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.model.verdict import Verdict
    from parity.reports.rows import Question, Row

NOTHING_JUDGED = 3
# A machine is in no file. Where no file names the target either, it is told where the target would be declared: the
# same place in every run, so that an alert stays the same one. The file need not be there.
NOWHERE = Place(path="parity.yaml")
NOT_CONFIRMED = IssueRule(
    id="target-not-confirmed",
    summary="This machine could not be shown to be the target",
    why="What could not be read is unknown, which is not the same as equal: a number taken here may say nothing about "
    "production.",
    mend="Run where the GPU can be read; `parity doctor -v` lists each open question with its reason.",
    severity="error",
)


def issues_of(verdict: Verdict, *, fail_on: Severity, place: Place | None) -> IssueReport:
    """Return a verdict as issues.

    Args:
        verdict: the judgement.
        fail_on: the least severity that fails the run.
        place: where the target is declared; None: in no file of the repository.
    """
    least = SEVERITIES.index(fail_on)
    found = [_found(row, verdict, least, place) for row in rows(verdict)]
    if not verdict.passed and not any(issue.fails for issue in found):
        found.insert(0, _unconfirmed(verdict, place))
    found += [
        _asked(question, rule, verdict, place) for question in questions(verdict.unknowns) for rule in question.rules
    ]
    return IssueReport(
        command="parity doctor",
        category=f"parity-doctor/{wanted_text(verdict).replace(' ', '')}",
        version=verdict.tool.version,
        title=headline(verdict),
        passed=verdict.passed,
        issues=tuple(found),
        rules=tuple(_rules(dict.fromkeys(issue.rule for issue in found))),
        closing=(f"{verdict.outcome}: {headline(verdict)}", tally(verdict)),
        nowhere=NOWHERE,
        judged=verdict.exit_status != NOTHING_JUDGED,
    )


def _found(row: Row, verdict: Verdict, least: int, place: Place | None) -> Issue:
    finding = row.finding
    stands = finding.waived is None
    severity: Severity = finding.severity
    if verdict.passed and severity == "error":  # what the required level allows is no error of a run that passed
        severity = "warning"
    waiver = finding.waived
    return Issue(
        rule=finding.rule,
        severity=severity,
        subject=subjects_text(row.subjects),
        message=finding.message,
        mend=finding.mend,
        place=place,
        identity=_identity(verdict, row.subjects),
        fails=not verdict.passed and stands and SEVERITIES.index(severity) <= least,
        suppressed=waiver.told if waiver else None,
        suppressed_in="external",
    )


def _unconfirmed(verdict: Verdict, place: Place | None) -> Issue:
    return Issue(
        rule=NOT_CONFIRMED.id,
        severity="error",
        message=headline(verdict, limit=400),
        mend=NOT_CONFIRMED.mend,
        place=place,
        identity=verdict.target.id,
        fails=True,
    )


def _asked(question: Question, rule: str, verdict: Verdict, place: Place | None) -> Issue:
    card = _card(rule)
    return Issue(
        rule=rule,
        severity=card.severity,
        subject=subjects_text(question.subjects),
        message=f"{question.why_text}: {question.detail}" if question.detail else question.why_text,
        mend="",
        place=place,
        # The same as the finding's would be: an alert that is open stays open while nobody can say otherwise.
        identity=_identity(verdict, question.subjects),
        is_open=True,
    )


def _identity(verdict: Verdict, subjects: Iterable[str]) -> str:
    """Return what stays the same from host to host: the target, and subjects that are no device's number and name."""
    kinds = dict.fromkeys("GPU" if subject.startswith("GPU ") else subject for subject in subjects)
    return "\0".join((verdict.target.id, *kinds))


def _rules(names: Iterable[str]) -> Iterator[IssueRule]:
    return (_card(name) for name in names)


def _card(name: str) -> IssueRule:
    """Return what a rule's card says; what can be said without one for a rule that has none."""
    if name == NOT_CONFIRMED.id:
        return NOT_CONFIRMED
    try:
        card = store.card(name)
    except UnknownNameError:
        words = name.replace("-", " ").capitalize()
        return IssueRule(id=name, summary=words, why=words, mend="See `parity doctor -v`.", severity="warning")
    return IssueRule(
        id=card.id,
        summary=card.summary,
        why=" ".join(card.why.split()),
        mend=" ".join(card.mend.split()),
        severity=card.severity,
    )
