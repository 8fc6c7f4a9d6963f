"""Knows how the reports of models become issues: each told where the project declares the model, or at its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import __version__
from parity.catalog import store
from parity.model.rule import SEVERITIES, Severity
from parity.reports.issues import Issue, IssueReport, IssueRule
from parity.reports.model_rows import WORDS
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.place import Place
    from parity.model.workload import ModelFinding, ModelReport, Unknown

NOT_DECIDED = IssueRule(
    id="model-not-decided",
    summary="Whether the model holds on its target is not known",
    why="What is not known is no pass: a file, a fact of the catalog or a size that would decide it is missing.",
    mend="`parity model -v` tells what is missing; give the whole config.json, a folder with the weights, or the "
    "options that it names.",
    severity="error",
)


def issues_of(
    reports: Sequence[ModelReport],
    places: Sequence[Place | None],
    *,
    fail_on: Severity,
    exit_status: int,
    expired: Sequence[str] = (),
    project: Place | None = None,
) -> IssueReport:
    """Return what was told of models as issues.

    Args:
        reports: one of each model.
        places: of each model, where it is declared; None: in no file of the repository.
        fail_on: the least severity that fails the run.
        exit_status: of all of them together.
        expired: waivers whose last day has passed, one sentence each.
        project: the file with the waivers.
    """
    least = SEVERITIES.index(fail_on)
    issues = [_expired(text, project) for text in expired]
    for report, place in zip(reports, places, strict=True):
        issues += [_found(report, finding, least, place) for finding in report.findings]
        decided = [_undecided(report, place)] if report.exit_status == 3 else []
        issues += [*decided, *(_open(report, unknown, place) for unknown in report.unknowns)]
    targets = dict.fromkeys(report.target for report in reports)
    return IssueReport(
        command="parity model",
        category=f"parity-model/{'+'.join(targets)}" if len(targets) == 1 else "parity-model",
        version=__version__,
        title=_title(reports),
        passed=exit_status == 0,
        issues=tuple(issues),
        rules=tuple(_rule(name) for name in dict.fromkeys(issue.rule for issue in issues)),
        closing=tuple(_line(report) for report in reports),
    )


def _title(reports: Sequence[ModelReport]) -> str:
    failed = sum(one.exit_status == 1 for one in reports)
    open_ = sum(one.exit_status not in (0, 1) for one in reports)
    return f"{plural(len(reports), 'model')}: {failed} failed, {open_} not known"


def _line(report: ModelReport) -> str:
    place = report.footprint.target
    return f"{report.model.source} on {place.count}x {place.device}: {WORDS[place.fits].lower()}, {place.why}"


def _found(report: ModelReport, finding: ModelFinding, least: int, place: Place | None) -> Issue:
    waiver = finding.waived
    return Issue(
        rule=finding.rule,
        severity=finding.severity,
        subject=f"{report.model.source}: {finding.subject}",
        message=finding.message,
        mend=finding.mend,
        place=place,
        identity=_identity(report, finding.subject),
        fails=waiver is None and SEVERITIES.index(finding.severity) <= least,
        suppressed=waiver.told if waiver else None,
        suppressed_in="external",
    )


def _undecided(report: ModelReport, place: Place | None) -> Issue:
    return Issue(
        rule=NOT_DECIDED.id,
        severity="error",
        message=_line(report),
        mend=NOT_DECIDED.mend,
        place=place,
        identity=_identity(report, "not decided"),
        fails=True,
    )


def _open(report: ModelReport, unknown: Unknown, place: Place | None) -> Issue:
    return Issue(
        rule=NOT_DECIDED.id,
        severity="note",
        subject=f"{report.model.source}: {unknown.what}",
        message=unknown.why,
        mend="",
        place=place,
        identity=_identity(report, f"open {unknown.what}"),
        is_open=True,
    )


def _expired(text: str, place: Place | None) -> Issue:
    return Issue(rule="waiver-expired", severity="error", message=text, mend="", place=place, identity=text, fails=True)


def _identity(report: ModelReport, what: str) -> str:
    return f"{report.model.source}\0{report.target}\0{what}"


def _rule(name: str) -> IssueRule:
    if name == NOT_DECIDED.id:
        return NOT_DECIDED
    card = store.model_cards().get(name) or store.card(name)
    why, mend = " ".join(card.why.split()), " ".join(card.mend.split())
    return IssueRule(id=card.id, summary=card.summary, why=why, mend=mend, severity=card.severity)
