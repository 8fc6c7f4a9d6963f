"""Knows how a model's report is judged by a project: waivers cover findings, the policy says what fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.model.rule import SEVERITIES
from parity.verdict.waivers import covering, expired

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from parity.model.finding import Waiver
    from parity.model.policy import Policy
    from parity.model.workload import ModelReport


def gated(report: ModelReport, waivers: Sequence[Waiver], policy: Policy, *, today: dt.date) -> ModelReport:
    """Return the report with its findings waived where the project says so, and the exit status of its policy.

    Args:
        report: with the exit status of the cards alone: 3 when something that is demanded is not known.
        waivers: of the project; a waiver's subject may name the model's file or the finding's subject.
        policy: what fails.
        today: a waiver holds until its last day.
    """
    findings = tuple(
        msgspec.structs.replace(
            finding,
            waived=covering(
                waivers, rule=finding.rule, subject=f"{report.model.source} {finding.subject}", today=today
            ),
        )
        for finding in report.findings
    )
    level = SEVERITIES.index(policy.fail_on)
    failed = any(one.waived is None and SEVERITIES.index(one.severity) <= level for one in findings)
    open_question = report.undecided and policy.unknown != "report"
    strict = bool(report.unknowns) and policy.unknown == "strict"
    status = 1 if failed else 3 if open_question or strict else 0
    return msgspec.structs.replace(report, findings=findings, exit_status=status)


def ended(waivers: Sequence[Waiver], rules: Sequence[str], *, today: dt.date) -> tuple[str, ...]:
    """Return a sentence for each waiver of these rules whose last day has passed."""
    mine = [waiver for waiver in waivers if waiver.rule in rules]
    return tuple(f"{mismatch.message}; {mismatch.mend}" for mismatch in expired(mine, today))


def together(statuses: Sequence[int], *, expired_waivers: bool) -> int:
    """Return the worst of several: 1 before 3 before 0; no model is nothing judged, an expired waiver is a finding."""
    if not statuses:
        return 3
    return 1 if 1 in statuses or expired_waivers else 3 if 3 in statuses else 0
