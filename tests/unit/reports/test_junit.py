"""JUnit: the run is a case of its own, and counts agree with what is there."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import golden
import pytest
from issue_examples import PLACE, issue, report

from parity.reports import doctor_issues, junit


def counted(root: ET.Element) -> None:
    """Fail unless every count is true."""
    for element in (root, *root.iter("testsuite")):
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        assert element.get("failures") == str(sum(case.find("failure") is not None for case in cases))
        assert element.get("skipped") == str(sum(case.find("skipped") is not None for case in cases))
        assert element.get("errors") == "0"


@pytest.mark.parametrize("case", golden.CASES)
def test_failures_are_there_exactly_when_the_run_failed(case: str) -> None:
    verdict = golden.verdict(case)
    root = ET.fromstring(junit.render(doctor_issues.issues_of(verdict, fail_on="error", place=PLACE)))
    counted(root)
    assert (root.get("failures") == "0") == verdict.passed
    assert int(root.get("tests") or 0) >= 1


def test_a_case_says_place_message_and_mend() -> None:
    root = ET.fromstring(junit.render(report(issue(fails=True, subject="GPU 0"))))
    [_, suite] = root.iter("testsuite")
    [case] = suite
    assert (suite.get("name"), case.get("name")) == ("GPU 0", "a-rule GPU 0")
    assert (case.get("classname"), case.get("file"), case.get("line")) == ("parity.doctor", "parity.yaml", "5")
    failure = case.find("failure")
    assert failure is not None
    assert failure.text == "parity.yaml:5:5: GPU 0: it differs\nmend: mend it"


def test_open_and_slight_ones_fail_nothing() -> None:
    root = ET.fromstring(junit.render(report(issue(is_open=True), issue(identity="j"), passed=True)))
    counted(root)
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("3", "0", "1")


def test_what_xml_cannot_carry_becomes_a_question_mark() -> None:
    root = ET.fromstring(junit.render(report(issue(message='\x00\x1b<b>]]>&"\ud800\uffff', fails=True))))
    counted(root)
