"""Run reports in every format: golden files, and names that try to break out."""

from __future__ import annotations

import json
import re
from typing import Any

import golden
import jsonschema
import msgspec
import pytest
import runs
from html_page import HOSTILE, checked, cut
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.cli import generate
from parity.reports import run_json, run_markdown, run_sarif
from parity.reports.html import run as run_html
from parity.reports.run_files import FORMATS, run_of
from parity.reports.run_rows import SAVED_NOTE


@pytest.mark.parametrize("case", runs.CASES)
@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_the_report(case: str, suffix: str) -> None:
    told = FORMATS[suffix](runs.case(case))
    golden.agrees(f"run-{case}{suffix}", cut(told) if suffix == ".html" else told)


def everywhere(text: str) -> dict[str, object]:
    """Return a run in which every text that others choose is this one."""
    found = {"rule": text, "severity": text, "subject": text, "message": text, "mend": text}
    seen = {**runs.conditions("disturbed", found), "state": text}
    one = runs.off_target("x", nodeid=text, path=text, headline=text, target=text, worker=text, conditions=seen)
    return runs.data_of(one, folder=text, problem=text)


UNESCAPED_PIPE = re.compile(r"(?<!\\)\|")


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_keeps_hostile_text_in_its_cell(text: str) -> None:
    told = run_markdown.render(run_of(everywhere(text)))
    plain = run_markdown.render(run_of(everywhere("plain")))
    assert len(told.splitlines()) == len(plain.splitlines())
    rows = [line for line in told.splitlines() if line.startswith("|")]
    assert {len(UNESCAPED_PIPE.findall(row)) for row in rows} == {6}
    assert "<script" not in told
    assert "<img" not in told
    assert "](" not in told
    assert all(one.isprintable() for one in told if one != "\n")


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.encode(errors="replace").decode() == text])
def test_json_gives_hostile_text_back(text: str) -> None:
    told = json.loads(run_json.render(run_of(everywhere(text))))
    assert told["tests"][0]["nodeid"] == text


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40))
def test_no_text_breaks_a_report(text: str) -> None:
    run = run_of(everywhere(text))
    checked(run_html.render(run))
    json.loads(run_sarif.render(run))
    json.loads(run_json.render(run))
    assert all(one.isprintable() for one in run_markdown.render(run) if one != "\n")


@pytest.mark.parametrize("case", runs.CASES)
def test_json_fits_its_schema(case: str) -> None:
    # As written: on Python 3.10 msgspec cannot make it; that the file is fresh is checked on newer ones.
    schema = jsonschema.Draft202012Validator(json.loads((generate.PACKAGE / "schemas" / "run-1.json").read_text()))
    assert [error.message for error in schema.iter_errors(json.loads(run_json.render(runs.case(case))))] == []


def test_what_needs_a_look_comes_first() -> None:
    told = run_markdown.render(runs.case("disturbed"))
    order = [line.split("::")[1].split(" ")[0] for line in told.splitlines() if "::" in line]
    assert order == ["test_hot", "test_quiet", "test_unseen", "test_wrong"]


@pytest.mark.parametrize("changes", [{}, {"outcome": "match", "level": "identical", "blocks": True}])
def test_a_saved_fingerprint_is_marked_in_every_headline(changes: dict[str, Any]) -> None:
    data = runs.data_of(runs.perf_test("a"))
    judged = [{**data["judgements"][0], **changes, "saved": True}]
    verdicts = [msgspec.to_builtins(golden.verdict("production"))]
    made = runs.run(runs.perf_test("a"), judgements=judged, verdicts=verdicts)
    word = "match (not passed, saved fingerprint)" if changes else "match (saved fingerprint)"
    assert run_markdown.render(made).startswith(f"## parity: {word}\n")
    assert "* target `h100-sxm5-80gb`, of a saved fingerprint: **match" in run_markdown.render(made)
    page = run_html.render(made)
    assert f">{word}</span>" in page
    assert f'<p class="doubt">{SAVED_NOTE}</p>' in page
    assert "What a result of 8x NVIDIA H100 80GB HBM3 (saved fingerprint) says of" in page
    [told] = json.loads(run_sarif.render(made))["runs"][0]["invocations"]
    assert told["exitCodeDescription"] == word
    assert told["toolExecutionNotifications"] == [{"level": "warning", "message": {"text": SAVED_NOTE}}]


def test_a_time_above_the_roof_is_marked_and_counted() -> None:
    beyond = runs.perf_test("test_beyond", rooflines=[runs.measure(above_roof=True)])
    told = run_markdown.render(runs.run(runs.perf_test("test_sound"), beyond))
    assert "2 perf tests: 2 ran, 1 above the roof." in told
    rows = [line for line in told.splitlines() if "::" in line]
    assert "test_beyond | ran, above the roof | passed |" in rows[0]
    assert "test_sound | ran | passed |" in rows[1]


def test_a_long_table_ends_with_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_markdown, "MAX_ROWS", 2)
    told = run_markdown.render(runs.run(*(runs.perf_test(f"test_{number}") for number in range(5))))
    assert told.count("::test_") == 2
    assert "\nand 3 more perf tests\n" in told
