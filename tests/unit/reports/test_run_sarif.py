"""The SARIF report: what code scanning asks of a file, and what is left out of it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
import runs

from parity.catalog import store
from parity.reports import run_sarif
from parity.reports.run_rows import Disturbance


def log(*tests: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the only run of the report."""
    told = json.loads(run_sarif.render(runs.run(*tests, **changes)))
    assert (told["version"], set(told)) == ("2.1.0", {"$schema", "version", "runs"})
    [one] = told["runs"]
    return dict(one)


def texts(value: object) -> list[str]:
    """Return every text in a value, at any depth."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("case", runs.CASES)
def test_what_code_scanning_requires_is_there(case: str) -> None:
    [run] = json.loads(run_sarif.render(runs.case(case)))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        for text in (rule["shortDescription"], rule["fullDescription"], rule["help"]):
            assert 0 < len(text["text"]) <= 1024
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
        assert "security-severity" not in rule["properties"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        [location] = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert uri
        assert not uri.startswith(("/", ".."))
        assert ":" not in uri
    assert "" not in texts(run["tool"]) + texts(run["results"])


def test_a_blocked_test_is_an_error_at_its_line() -> None:
    [result] = log(runs.off_target("test_decode"))["results"]
    assert (result["ruleId"], result["level"]) == ("perf-test-not-measured", "error")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "tests/perf/test_gemm.py"},
        "region": {"startLine": 12},
    }
    assert result["message"]["text"] == f"tests/perf/test_gemm.py::test_decode was not measured: {runs.HEADLINE}"


@pytest.mark.parametrize(
    ("changes", "rule", "level"),
    [
        ({"state": "skipped"}, "perf-test-not-measured", "warning"),
        ({"state": "xfailed"}, "perf-test-not-measured", "warning"),
        ({"state": "ran"}, "perf-test-ran-off-target", "warning"),
    ],
)
def test_the_level_follows_what_became_of_the_test(changes: dict[str, Any], rule: str, level: str) -> None:
    [result] = log(runs.off_target("x", **changes))["results"]
    assert (result["ruleId"], result["level"]) == (rule, level)


def test_a_test_on_the_target_and_one_that_was_not_run_are_no_results() -> None:
    run = log(runs.perf_test("fine"), runs.off_target("slow", state="not run"))
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


def test_disturbed_conditions_are_results() -> None:
    seen = runs.conditions("disturbed", runs.THROTTLED, {"rule": "odd"}, "no finding")  # type: ignore[arg-type]
    results = log(runs.perf_test("hot", conditions=seen))["results"]
    assert [(one["ruleId"], one["level"]) for one in results] == [
        ("throttled-during-test", "error"),
        ("odd", "warning"),
    ]
    assert "throttled by power for 0.31 s of 1.2 s (26 %) (GPU 0)" in results[0]["message"]["text"]


def test_a_rule_with_a_card_speaks_by_its_card() -> None:
    card = store.card("throttled-now")
    rule = run_sarif.rule_of(Disturbance(rule=card.id, severity="note", subject="", message="m", mend="x"))
    assert (rule.summary, rule.severity) == (card.summary, card.severity)
    assert rule.why.split() == card.why.split()


@pytest.mark.parametrize(
    ("path", "folder", "uri"),
    [
        ("test_a.py", "", "test_a.py"),
        ("tests/test_a.py", "python/package", "python/package/tests/test_a.py"),
        ("../shared/test_a.py", "python", "shared/test_a.py"),
        ("with space/größe#1.py", "", "with%20space/gr%C3%B6%C3%9Fe%231.py"),
        ("../test_a.py", "", None),
        ("/abs/test_a.py", "x", None),
        ("C:/abs/test_a.py", "", None),
        ("", "x", None),
        (".", "", None),
    ],
)
def test_a_path_is_told_from_the_top_of_the_repository(path: str, folder: str, uri: str | None) -> None:
    run = runs.run(runs.off_target("x", path=path), folder=folder)
    place = run_sarif.place_of(run, run.tests[0])
    assert (None if place is None else place.uri) == uri
    told = log(runs.off_target("x", path=path), folder=folder)
    assert len(told["results"]) == (uri is not None)
    assert told["properties"]["parity"]["resultsWithoutLocation"] == (uri is None)
    if uri is not None and not folder:
        assert unquote(uri) == path


def test_no_line_is_invented() -> None:
    [result] = log(runs.off_target("x", line=None))["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]


def test_a_result_keeps_its_fingerprint_while_numbers_change() -> None:
    def fingerprint(**changes: Any) -> str:
        [result] = log(runs.off_target(**{"name": "x", **changes}))["results"]
        return str(result["partialFingerprints"]["parityTest/v1"])

    assert fingerprint() == fingerprint(headline=runs.HEADLINE.replace("0.30x", "0.31x"), line=99)
    assert fingerprint() != fingerprint(name="y")


def test_results_over_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_sarif, "MAX_RESULTS", 2)
    run = log(*(runs.off_target(f"test_{number}") for number in range(5)))
    assert len(run["results"]) == 2
    assert run["properties"]["parity"]["resultsOverLimit"] == 3


def test_a_run_that_was_not_judged_says_so() -> None:
    [told] = log(runs.off_target("x"), problem="the engine died")["invocations"]
    assert told["executionSuccessful"] is False
    assert told["toolExecutionNotifications"][0]["message"]["text"] == "not judged: the engine died"
