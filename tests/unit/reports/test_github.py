"""GitHub annotations: capped, folded, escaped, and never a command that somebody else wrote."""

from __future__ import annotations

import re

import golden
import pytest
from issue_examples import PLACE, issue, report

from parity.model.place import Place
from parity.reports import doctor_issues, github


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("::")]


def unescaped(line: str) -> str:
    message = line.split("::", 2)[2]
    return message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")


def test_one_command_says_place_rule_message_and_mend() -> None:
    [line] = commands(github.render(report(issue())))
    head = "::error file=parity.yaml,line=5,col=5,endColumn=27,title=parity%3A a-rule::"
    assert line == head + "it differs%0Amend: mend it"


def test_a_stretch_of_several_lines_has_no_columns() -> None:
    place = Place(path="a", line=2, column=3, end_line=4, end_column=1)
    assert "file=a,line=2,endLine=4,title" in github.render(report(issue(place=place)))


@pytest.mark.parametrize("case", golden.CASES)
def test_a_verdict_is_at_most_one_annotation_per_level(case: str) -> None:
    verdict = golden.verdict(case)
    text = github.render(doctor_issues.issues_of(verdict, fail_on="error", place=PLACE), limit=1)
    levels = [line[2:].split(" ")[0] for line in commands(text)]
    assert sorted(set(levels)) == sorted(levels)
    assert ("error" in levels) == (not verdict.passed)
    assert all("file=parity.yaml,line=5," in line for line in commands(text))


def test_what_is_folded_is_all_there() -> None:
    many = [issue(message=f"number {n}", identity=str(n)) for n in range(11)]
    told = commands(github.render(report(*many)))
    assert len(told) == github.MAX_PER_LEVEL
    assert unescaped(told[-1]).split("\n") == ["4 more:", *(f"a-rule: number {n}" for n in range(7, 11))]
    assert "\n".join(unescaped(line) for line in told).count("number") == 11


def test_a_fold_of_all_says_each_mend_once() -> None:
    several = [issue(identity=str(n), mend="do this" if n else "do that") for n in range(3)]
    [line] = commands(github.render(report(*several), limit=1))
    assert unescaped(line).split("\n")[-2:] == ["mend: do that", "mend: do this"]


def test_a_fold_over_the_limit_says_how_many_are_left() -> None:
    many = [issue(message="x" * 300, identity=str(n), mend="") for n in range(30)]
    [line] = commands(github.render(report(*many), limit=1))
    text = unescaped(line)
    assert len(text) < 4096
    shown = text.count("x" * 300)
    assert text.endswith(f"and {30 - shown} more; the report has them all")


def test_an_open_question_is_a_notice() -> None:
    [line] = commands(github.render(report(issue(is_open=True))))
    assert line.startswith("::notice ")
    assert "::unknown: it differs" in line


def test_what_is_silenced_is_not_shown() -> None:
    assert commands(github.render(report(issue(suppressed="reason")))) == []


def test_nothing_breaks_out_of_a_command() -> None:
    hostile = "a\n::error::x\r\n::stop-commands::y%0A::set-output name=a::b,c:d"
    text = github.render(
        report(
            issue(message=hostile, subject=hostile, mend=hostile, place=Place(path=hostile)),
            closing=(hostile, "##[error]x"), title=hostile,
        )
    )  # fmt: skip
    assert len(commands(text)) == 1
    assert "\r" not in text
    assert not re.search(r"^\s*(##\[|::(?!error file=))", text, re.MULTILINE)
    properties = text.split("::")[1]
    assert properties.count(",") == 4  # file, line, col, endColumn, title: no comma of the text's own
