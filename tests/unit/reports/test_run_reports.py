"""Run reports in every format: golden files, and names that try to break out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import golden
import jsonschema
import pytest
import runs
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.cli import generate
from parity.reports import run_html, run_json, run_markdown, run_sarif
from parity.reports.run_files import FORMATS, run_of

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "x|y",
    "line\nbreak\r| fake | row |",
    "esc\x1b[31mred\x07",
    "`code` ![image](https://example.invalid/x.png)",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "größe-\N{SNOWMAN}-\U0001f600",
    "back\\slash\\|",
    "&lt;b&gt;",
)
VOID = {"meta", "br"}


@pytest.mark.parametrize("case", runs.CASES)
@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_the_report(case: str, suffix: str) -> None:
    golden.agrees(f"run-{case}{suffix}", FORMATS[suffix](runs.case(case)))


class Page(HTMLParser):
    """What an HTML page is made of; unclosed or crossed tags fail."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def everywhere(text: str) -> dict[str, object]:
    """Return a run in which every text that others choose is this one."""
    found = {"rule": text, "severity": text, "subject": text, "message": text, "mend": text}
    seen = {**runs.conditions("disturbed", found), "state": text}
    one = runs.off_target("x", nodeid=text, path=text, headline=text, target=text, worker=text, conditions=seen)
    return runs.data_of(one, folder=text, problem=text)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_hostile_text_as_text(text: str) -> None:
    page = Page(run_html.render(run_of(everywhere(text))))
    plain = Page(run_html.render(run_of(everywhere("plain"))))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    assert all(one.isprintable() or one == "\n" for one in page.text)


@pytest.mark.parametrize("case", runs.CASES)
def test_html_needs_nothing_from_outside_and_runs_nothing(case: str) -> None:
    page = Page(run_html.render(runs.case(case)))
    assert {"script", "link", "img", "iframe", "a"}.isdisjoint(page.tags)
    assert {"src", "href", "style", "onclick"}.isdisjoint(name for name, _ in page.attributes)
    policies = [value or "" for name, value in page.attributes if name == "content"]
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")


def test_the_policy_allows_the_style_that_is_there() -> None:
    text = run_html.render(runs.case("empty"))
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in text


def test_the_picture_is_green_only_for_what_measured_the_target_undisturbed() -> None:
    def picture(*tests: dict[str, Any]) -> str:
        [label] = [value for name, value in Page(run_html.render(runs.run(*tests))).attributes if name == "aria-label"]
        return label or ""

    seen = [runs.perf_test("x", conditions=runs.conditions(state)) for state in ("clean", "disturbed", "unknown")]
    assert picture(runs.perf_test("a"), *seen, runs.off_target("b"), runs.off_target("c", state="ran")) == (
        "1 not measured, 1 measured off target, 1 measured under disturbed conditions, "
        "1 measured under unknown conditions, 2 measured"
    )


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


@pytest.mark.parametrize("text", HOSTILE)
def test_json_gives_hostile_text_back(text: str) -> None:
    told = json.loads(run_json.render(run_of(everywhere(text))))
    assert told["tests"][0]["nodeid"] == text


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40))
def test_no_text_breaks_a_report(text: str) -> None:
    run = run_of(everywhere(text))
    Page(run_html.render(run))
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


def test_a_long_table_ends_with_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_markdown, "MAX_ROWS", 2)
    told = run_markdown.render(runs.run(*(runs.perf_test(f"test_{number}") for number in range(5))))
    assert told.count("::test_") == 2
    assert "\nand 3 more perf tests\n" in told
