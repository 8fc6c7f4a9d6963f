"""GitLab Code Quality: what the merge request widget needs of each issue."""

from __future__ import annotations

import json
import re

import golden
import pytest
from issue_examples import PLACE, issue, report

from parity.reports import doctor_issues, gitlab


@pytest.mark.parametrize("case", golden.CASES)
def test_every_verdict_has_what_the_widget_needs(case: str) -> None:
    verdict = golden.verdict(case)
    issues = json.loads(gitlab.render(doctor_issues.issues_of(verdict, fail_on="error", place=PLACE)))
    for one in issues:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert one["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert re.fullmatch(r"[0-9a-f]{32}", one["fingerprint"])
        assert one["location"] == {"path": "parity.yaml", "lines": {"begin": 5, "end": 5}}
    prints = [one["fingerprint"] for one in issues]
    assert len(set(prints)) == len(prints)
    assert any(one["severity"] == "major" for one in issues) == (not verdict.passed)


def test_without_a_place_or_silenced_there_is_no_issue() -> None:
    assert json.loads(gitlab.render(report(issue(place=None), issue(suppressed="r")))) == []


def test_the_stand_in_for_a_place_is_taken() -> None:
    text = gitlab.render(report(issue(place=None), nowhere=PLACE))
    assert json.loads(text) == json.loads(gitlab.render(report(issue()))) != []


def test_an_open_question_is_info() -> None:
    [one] = json.loads(gitlab.render(report(issue(is_open=True, subject="GPU 0"))))
    assert (one["severity"], one["description"]) == ("info", "unknown: GPU 0: it differs. mend it")
