"""SARIF of every command against the OASIS schema and GitHub's ingestion rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import golden
import msgspec
import pytest
import runs
import sarif_rules as rules
from issue_examples import PLACE, issue, report

from parity.model.lint import Edit
from parity.model.place import Place
from parity.reports import doctor_issues, run_sarif, sarif

if TYPE_CHECKING:
    from parity.reports.issues import IssueReport


def results(told: IssueReport) -> list[dict[str, Any]]:
    text = sarif.render(told)
    assert rules.problems(text) == []
    found: list[dict[str, Any]] = json.loads(text)["runs"][0]["results"]
    return found


@pytest.mark.parametrize("case", golden.CASES)
def test_every_verdict_is_taken_in(case: str) -> None:
    verdict = golden.verdict(case)
    text = sarif.render(doctor_issues.issues_of(verdict, fail_on="error", place=PLACE))
    assert rules.problems(text) == []
    [run] = json.loads(text)["runs"]
    assert bool(run["results"]) or verdict.passed
    assert any(one["level"] == "error" for one in run["results"]) == (not verdict.passed)


@pytest.mark.parametrize("case", runs.CASES)
def test_every_pytest_run_is_taken_in(case: str) -> None:
    assert rules.problems(run_sarif.render(runs.case(case))) == []


def test_the_check_itself_refuses_what_github_refuses() -> None:
    good = json.loads(sarif.render(report(issue())))
    assert rules.problems(json.dumps(good)) == []

    def broken(change: Any) -> list[str]:
        log = json.loads(json.dumps(good))
        change(log["runs"][0])
        return rules.problems(json.dumps(log))

    assert broken(lambda run: run["results"][0].pop("locations")) == ["a-rule: no location"]
    assert broken(lambda run: run["results"][0].update(level="grave"))[0].startswith(
        "schema: $.runs[0].results[0].level"
    )
    assert broken(lambda run: run["results"][0]["message"].update(text=""))[0].startswith("empty text at ")
    where = ("locations", 0, "physicalLocation", "artifactLocation")

    def moved(uri: str) -> list[str]:
        def change(run: Any) -> None:
            place = run["results"][0]
            for key in where:
                place = place[key]
            place["uri"] = uri

        return broken(change)

    assert moved("a b") == ["a-rule: 'a b' is no URI"]
    for uri in ("/abs", "../up", "file:///x", "no:file"):
        assert moved(uri) == [f"a-rule: {uri!r} is not below the top of the repository"], uri


def test_an_issue_without_a_file_is_left_out_and_counted() -> None:
    text = sarif.render(report(issue(), issue(place=None), issue(place=None)))
    assert rules.problems(text) == []
    [run] = json.loads(text)["runs"]
    assert len(run["results"]) == 1
    [note] = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "2 results left out: in no file of the repository"


def test_an_issue_without_a_file_is_told_at_the_stand_in() -> None:
    [found] = results(report(issue(place=None), nowhere=PLACE))
    assert found == results(report(issue()))[0]


def test_an_open_question_is_of_kind_open_and_level_none() -> None:
    [found] = results(report(issue(is_open=True)))
    assert (found["kind"], found["level"]) == ("open", "none")


def test_what_is_waived_is_suppressed_with_its_reason() -> None:
    [found] = results(report(issue(suppressed="until Easter", suppressed_in="external")))
    assert found["suppressions"] == [{"kind": "external", "justification": "until Easter"}]
    [found] = results(report(issue(suppressed="")))
    assert found["suppressions"] == [{"kind": "inSource"}]


def test_equal_issues_stay_apart_and_keep_their_names() -> None:
    twice = results(report(issue(), issue()))
    assert len({one["partialFingerprints"]["primaryLocationLineHash"] for one in twice}) == 2
    moved = results(report(issue(place=msgspec.structs.replace(PLACE, line=9, end_line=9), message="0.3 GB/s")))
    assert moved[0]["partialFingerprints"] == twice[0]["partialFingerprints"]


@pytest.mark.parametrize(
    "path", ["a b.py", "x:y.py", "a%20b", "wéird/ü.yaml", "q?x#y", "a\udcffb", 'quote".py', "[x].py"]
)
def test_odd_file_names_become_uris(path: str) -> None:
    [found] = results(report(issue(place=Place(path=path))))
    assert found["locations"][0]["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 1}


def test_hostile_text_is_on_one_line_and_no_longer_than_allowed() -> None:
    [found] = results(report(issue(message="a\x1b[31m\n::error::" + "x" * 5000)))
    assert len(found["message"]["text"]) == 1024
    assert found["message"]["text"].startswith("a?[31m ::error::")


def test_more_results_than_are_kept_leaves_out_silenced_ones_first() -> None:
    many = [issue(identity=str(number), suppressed="r") for number in range(sarif.MAX_RESULTS)]
    found = results(report(*many, issue(identity="last")))
    assert len(found) == sarif.MAX_RESULTS
    assert sum("suppressions" not in one for one in found) == 1


def test_a_fix_replaces_its_stretch() -> None:
    fix = Edit(line=2, column=3, end_line=2, end_column=5, text="9.0")
    [found] = results(report(issue(fix=fix)))
    [change] = found["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 5},
            "insertedContent": {"text": "9.0"},
        }
    ]


def test_each_target_is_a_category_of_its_own() -> None:
    ids = []
    for case in ("workstation", "slice"):
        told = doctor_issues.issues_of(golden.verdict(case), fail_on="error", place=PLACE)
        ids.append(json.loads(sarif.render(told))["runs"][0]["automationDetails"]["id"])
    assert ids == ["parity-doctor/h100-sxm5-80gb/", "parity-doctor/a100-sxm4-40gb/"]
