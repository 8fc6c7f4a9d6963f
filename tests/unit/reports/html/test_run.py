"""The page of a pytest run: what was measured and what not, hostile names as text, any size."""

from __future__ import annotations

import json
from typing import Any

import golden
import msgspec
import pytest
import runs
from html_page import HOSTILE, Page, checked
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.reports.html.run import render
from parity.reports.run_files import run_of
from parity.reports.run_rows import counts_text


def everywhere(text: str) -> dict[str, object]:
    """Return a run in which every text that others choose is this one."""
    found = {"rule": text, "severity": text, "subject": text, "message": text, "mend": text}
    seen = {**runs.conditions("disturbed", found), "state": text}
    one = runs.off_target("x", nodeid=text, path=text, headline=text, target=text, worker=text, conditions=seen)
    return runs.data_of(one, folder=text, problem=text)


@pytest.mark.parametrize("case", runs.CASES)
def test_every_page_is_sound(case: str) -> None:
    checked(render(runs.case(case)))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    page, plain = (checked(render(run_of(everywhere(one)))) for one in (text, "plain"))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_no_text_breaks_a_page(text: str) -> None:
    checked(render(run_of(everywhere(text))))


def test_the_picture_is_green_only_for_what_measured_the_target_undisturbed() -> None:
    def picture(*tests: dict[str, Any]) -> str:
        page = Page(render(runs.run(*tests)))
        label = next(one["aria-label"] for one in page.all("svg") if one.get("role") == "img")
        return label or ""

    seen = [runs.perf_test("x", conditions=runs.conditions(state)) for state in ("clean", "disturbed", "unknown")]
    beyond = runs.perf_test("x", rooflines=[runs.measure(above_roof=True)])
    assert picture(beyond) == "1 timed above the roof"
    assert picture(runs.perf_test("a"), *seen, runs.off_target("b"), runs.off_target("c", state="ran")) == (
        "1 not measured, 1 measured off target, 1 measured under disturbed conditions, "
        "1 measured under unknown conditions, 2 measured"
    )


def test_what_needs_a_look_stands_open_and_the_rest_is_folded() -> None:
    clean = [runs.perf_test(f"test_{number}", conditions=runs.conditions("clean")) for number in range(20)]
    hot = runs.perf_test("test_hot", conditions=runs.conditions("disturbed", runs.THROTTLED))
    page = checked(render(runs.run(*clean, hot, runs.perf_test("test_wrong", result="failed"))))
    looked = page.tables["Perf tests that need a look"][1:]
    assert [row[0].split("::")[1] for row in looked] == ["test_hot", "test_wrong"]
    assert len(page.tables["Perf tests"]) == 21
    assert "Measured on the target, undisturbed 20 tests" in page.texts["summary"]
    [cause] = page.tables["Causes and mends"][1:]
    assert cause == ["throttled-during-test", "1", runs.THROTTLED["message"], runs.THROTTLED["mend"]]


def test_a_run_that_was_not_judged_says_why_on_top() -> None:
    page = checked(render(runs.case("not-judged")))
    assert "the engine gave no answer within 60 s" in page.texts["h1"][0]


def test_each_verdict_of_the_run_is_told() -> None:
    verdicts = [msgspec.to_builtins(golden.verdict(case)) for case in ("production", "workstation")]
    page = checked(render(runs.run(runs.perf_test("t"), verdicts=json.loads(json.dumps(verdicts)))))
    assert page.texts["h2"][-2:] == [
        "8x NVIDIA H100 80GB HBM3 (saved fingerprint) against 8x h100-sxm5-80gb",
        "1x NVIDIA GeForce RTX 4090 (saved fingerprint) against h100-sxm5-80gb",
    ]


def test_ten_thousand_tests_stay_a_page() -> None:
    source = render(runs.run(*(runs.off_target(f"test_{number}_{'x' * 900}") for number in range(10_000))))
    page = checked(source)
    assert len(source) < 4_000_000
    assert "10000 not measured" in page.text
    assert "and 9500 more; `--format json` has all of them" in page.text


@pytest.mark.parametrize(
    ("tests", "tone"),
    [
        ([runs.perf_test("a"), runs.perf_test("b", conditions=runs.conditions("clean"))], "good"),
        ([runs.perf_test("a"), runs.perf_test("b", conditions=runs.conditions("disturbed"))], "doubt"),
        ([runs.perf_test("a"), runs.perf_test("b", conditions=runs.conditions("unknown"))], "doubt"),
        ([runs.perf_test("a"), runs.off_target("b", state="ran")], "doubt"),
        ([runs.perf_test("a", rooflines=[runs.measure(above_roof=True)])], "doubt"),
        ([runs.off_target("b")], "doubt"),
        ([], "doubt"),
    ],
)
def test_the_counts_are_green_only_where_all_was_measured_undisturbed(tests: list[dict[str, Any]], tone: str) -> None:
    made = runs.run(*tests)
    assert f'<p class="{tone}">{counts_text(made.counts)}</p>' in render(made)
