"""What the machine-read formats share."""

from __future__ import annotations

from issue_examples import PLACE, issue, report

from parity.reports.issues import by_gravity, fingerprints


def test_a_fingerprint_holds_the_rule_and_what_stays_and_nothing_that_changes() -> None:
    [first] = fingerprints([issue()])
    assert [first] == fingerprints([issue(message="other numbers", place=None, severity="note")])
    assert [first] != fingerprints([issue(identity="j")])
    assert [first] != fingerprints([issue(rule="b-rule")])


def test_equal_ones_are_numbered_in_order() -> None:
    assert len(set(fingerprints([issue()] * 5))) == 5
    assert fingerprints([issue()] * 2) == fingerprints([issue()] * 3)[:2]


def test_names_that_are_no_text_have_a_fingerprint() -> None:
    assert len(fingerprints([issue(identity="a\udcff")])[0]) == 32


def test_gravest_first_and_questions_last() -> None:
    mixed = [issue(is_open=True), issue(severity="note"), issue(severity="error"), issue(severity="warning")]
    assert [(one.severity, one.is_open) for one in by_gravity(mixed)] == [
        ("error", False), ("warning", False), ("note", False), ("error", True),
    ]  # fmt: skip


def test_what_is_told_is_one_line_and_names_its_subject_once() -> None:
    assert issue(subject="GPU 0", message="a\nb").told == "GPU 0: a b"
    assert issue(subject="GPU 0", message="GPU 0 is b").told == "GPU 0 is b"


def test_a_report_counts_what_stands_and_what_has_no_place() -> None:
    told = report(issue(), issue(suppressed="r"), issue(place=None))
    assert (len(told.standing), told.unplaced) == (2, 1)
    assert told.standing[0].place == PLACE
