"""The Markdown report: golden files, and names that try to break out of their cell."""

from __future__ import annotations

import re

import golden
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.reports.markdown_report import cell, render

HOSTILE = (
    "RTX | 4090 | x",
    "RTX\n| error | fake |",
    "<script>alert(1)</script>",
    "`code` and ```fence",
    "back\\|slash",
    "[link](https://example.invalid)",
    "![image](https://example.invalid/x.png)",
    "&lt;b&gt;",
    "**bold**",
    "carriage\rreturn",
)
UNESCAPED_PIPE = re.compile(r"(?<!\\)\|")


@pytest.mark.parametrize("case", golden.CASES)
def test_the_report(case: str) -> None:
    golden.agrees(f"{case}.md", render(golden.verdict(case)))


def tables(text: str) -> list[list[str]]:
    """Return the tables as blocks of lines."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_in_its_cell(name: str) -> None:
    text = render(golden.named(name))
    for table in tables(text):
        assert len({len(UNESCAPED_PIPE.findall(row.replace("\\\\", ""))) for row in table}) == 1
    assert "<script" not in text
    assert "](" not in text, "a link or an image"
    assert "```" not in text
    assert "**bold" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_adds_no_line(name: str) -> None:
    assert len(render(golden.named(name)).splitlines()) == len(render(golden.named("RTX")).splitlines())


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_cell_is_one_line_without_open_markup(text: str) -> None:
    told = cell(text)
    assert told.isprintable()
    assert not re.search(r"[<>`]|\]\(", told)
    assert not UNESCAPED_PIPE.search(told)
    assert not re.search(r"\\(?![|*])", told)


def test_ordinary_text_is_left_alone() -> None:
    assert cell("NVIDIA H100 80GB HBM3: 1008 GB/s, 0.30x (here_and_there)") == (
        "NVIDIA H100 80GB HBM3: 1008 GB/s, 0.30x (here_and_there)"
    )


@pytest.mark.parametrize("case", golden.CASES)
def test_blocks_are_one_blank_line_apart(case: str) -> None:
    text = render(golden.verdict(case))
    assert "\n\n\n" not in text
    assert not text.endswith("\n\n")


@pytest.mark.parametrize(
    ("case", "head"),
    [("waived", "MISMATCH (passed by waiver)"), ("links", "match (not passed)"), ("production", "match")],
)
def test_the_heading_says_whether_it_passed(case: str, head: str) -> None:
    assert render(golden.verdict(case)).splitlines()[0] == f"## parity: {head}"


def test_like_devices_are_one_line() -> None:
    assert "\n* GPU 0-7: h100-sxm5-80gb, by " in render(golden.verdict("production"))


def test_waived_findings_say_so_and_ask_for_nothing() -> None:
    text = render(golden.verdict("waived"))
    assert "| waived | `power-limit-below-default` |" in text
    assert "\n* Raise the limit" not in text


def test_reasons_are_said_in_words() -> None:
    assert "not_asked" not in render(golden.verdict("undecided"))
