"""The Markdown report of models stays small, and tells a waiver as such."""

from __future__ import annotations

from issue_examples import issue, report

from parity.reports import models_markdown


def test_no_more_rows_than_a_summary_takes() -> None:
    text = models_markdown.render(report(*[issue(identity=str(n)) for n in range(250)]))
    assert text.count("| error |") == models_markdown.MAX_ROWS
    assert "| | | | 50 more | |" in text


def test_a_waived_finding_tells_its_waiver() -> None:
    text = models_markdown.render(report(issue(suppressed="waived until tomorrow"), passed=True))
    assert "| waived | `a-rule` |  | it differs | waived until tomorrow |" in text


def test_questions_are_folded_below() -> None:
    text = models_markdown.render(report(issue(is_open=True, subject="s", message="why")))
    assert "| error |" not in text
    assert "<details><summary>1 not known</summary>" in text
    assert "| s | why |" in text
