"""Reports of models as issues: never a passing list for a model that was not shown to hold."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import models
import msgspec
import pytest
from issue_examples import PLACE

from parity.model.finding import Waiver
from parity.model.policy import Policy
from parity.reports import github, gitlab, junit, models_markdown, sarif
from parity.reports.issues import IssueReport, fingerprints
from parity.reports.model_issues import issues_of
from parity.verdict.model_gate import gated
from parity.workload.estimate import estimate

if TYPE_CHECKING:
    from parity.model.workload import ModelReport

TODAY = dt.date(2026, 11, 23)
WAIVER = Waiver(rule="footprint-beyond-target", reason="trial", owner="serving", until=dt.date(2999, 1, 1))


def report(name: str, on: str, **asked: Any) -> ModelReport:
    return estimate(models.question(name, on, **asked), source=f"{name}.json")


def unknown() -> ModelReport:
    question = models.question("llama-3.1-8b", "h100")
    shape = models.read(models.config("llama-3.1-8b", model_type="never-seen"))
    return estimate(msgspec.structs.replace(question, shape=shape), source="new.json")


def told(*reports: ModelReport, **changes: Any) -> IssueReport:
    status = 1 if any(one.exit_status == 1 for one in reports) else max(one.exit_status for one in reports)
    given: dict[str, Any] = {"fail_on": "error", "exit_status": status, **changes}
    return issues_of(reports, [PLACE] * len(reports), **given)


@pytest.mark.parametrize(
    ("reports", "fails"),
    [
        ([report("llama-3.1-8b", "h100")], False),
        ([report("llama-3.1-70b", "h100")], True),
        ([unknown()], True),
        ([report("llama-3.1-8b", "h100"), unknown()], True),
    ],
)
def test_something_fails_exactly_when_a_model_was_not_shown_to_hold(reports: list[ModelReport], fails: bool) -> None:
    found = told(*reports)
    assert any(issue.fails for issue in found.issues) == fails == (not found.passed)
    assert {issue.rule for issue in found.issues} == {rule.id for rule in found.rules}
    assert all(issue.message and issue.place == PLACE for issue in found.issues)
    assert len(found.closing) == len(reports)


def test_the_subject_names_the_model() -> None:
    found = told(report("llama-3.1-70b", "h100"), report("llama-3.1-405b", "h100"))
    assert [issue.subject for issue in found.issues if issue.fails] == [
        "llama-3.1-70b.json: 1x h100-sxm5-80gb",
        "llama-3.1-405b.json: 1x h100-sxm5-80gb",
    ]
    assert len(set(fingerprints(found.issues))) == len(found.issues)


def test_a_waived_finding_does_not_fail_and_says_why() -> None:
    waived = gated(report("llama-3.1-70b", "h100"), [WAIVER], Policy(), today=TODAY)
    (issue,) = [one for one in told(waived).issues if one.rule == WAIVER.rule]
    assert (issue.fails, issue.suppressed) == (False, "waived until 2999-01-01 by serving: trial")


def test_an_expired_waiver_fails() -> None:
    found = told(report("llama-3.1-8b", "h100"), exit_status=1, expired=("the waiver of x ended",), project=PLACE)
    first = found.issues[0]
    assert (first.rule, first.fails, first.message) == ("waiver-expired", True, "the waiver of x ended")
    assert not found.passed


@pytest.mark.parametrize("renderer", [sarif, junit, github, gitlab])
def test_every_format_tells_what_fails(renderer: Any) -> None:
    text = renderer.render(told(report("llama-3.1-70b", "h100"), unknown()))
    assert "footprint-beyond-target" in text
    assert "model-not-decided" in text


def test_markdown_tells_models_findings_and_questions() -> None:
    hostile = msgspec.structs.replace(
        unknown(), model=msgspec.structs.replace(unknown().model, source="a|b<script>.json")
    )
    text = models_markdown.render(told(report("llama-3.1-70b", "h100"), hostile))
    assert text.startswith("### parity model: 2 models: 1 failed, 1 not known (not passed)\n")
    assert "* llama-3.1-70b.json on 1x h100-sxm5-80gb: does not fit, " in text
    assert "| error | `footprint-beyond-target` | llama-3.1-70b.json: 1x h100-sxm5-80gb | " in text
    assert "<summary>" in text
    assert "<script>" not in text
    assert models_markdown.render(told(report("llama-3.1-8b", "h100"))).startswith(
        "### parity model: 1 model: 0 failed"
    )
