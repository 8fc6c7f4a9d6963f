"""The shell of every page: its policy, its landmarks, and colours that can be read in light and dark."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from html_page import checked

from parity.reports.html.page import document_title, facts, fold, hero, items, page, section
from parity.reports.html.tables import Column, table

SHEET = resources.files("parity.reports.html").joinpath("page.css").read_text(encoding="utf-8")
COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{3,6});")


def palettes() -> dict[str, dict[str, str]]:
    """Return the colours of light and dark pages."""
    light, dark = SHEET.split("@media screen and (prefers-color-scheme: dark)")
    first, second = dict(COLOUR.findall(light)), dict(COLOUR.findall(dark.split("* {")[0]))
    assert set(first) == set(second)
    return {"light": first, "dark": second}


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG 2."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_every_ground(scheme: str) -> None:
    colours = palettes()[scheme]
    for text in ("text", "dim", "good", "bad", "doubt", "link"):
        for ground in ("ground", "panel"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for tone in ("good", "bad", "doubt"):
        assert contrast(colours[tone], colours[f"{tone}-soft"]) >= 4.5, tone
    assert contrast(colours["text"], colours["track"]) >= 4.5
    for series in ("here", "target", "third", "fourth"):
        assert contrast(colours[series], colours["ground"]) >= 4.5, series


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_bar_stands_out_from_its_ground(scheme: str) -> None:
    colours = palettes()[scheme]
    for series in ("here", "target", "third", "fourth", "good", "bad", "doubt"):
        for ground in ("ground", "track"):
            assert contrast(colours[series], colours[ground]) >= 3, (series, ground)


def test_every_class_of_the_sheet_is_used_and_every_line_fits() -> None:
    names = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", SHEET, flags=re.DOTALL)))
    folder = resources.files("parity.reports.html")
    code = "".join(one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".py"))
    made = {"yes", "no", "unknown", "match", "mismatch", "plain"}  # outcomes and answers
    made |= {f"{prefix}-{tone}" for prefix in ("f", "s", "t") for tone in ("good", "bad", "doubt", "dim", "here", "target",
             "third", "fourth", "text")}  # fmt: skip
    assert {name for name in names - made if not re.search(rf"\b{name}\b", code)} == set()
    assert max(len(line) for line in SHEET.splitlines()) <= 120


def test_a_page_lists_its_sections() -> None:
    told = [section("a", "First & best", "text"), None, section("b", "Second", "text", lead="what it is")]
    found = checked(page("doctor", "title", hero("match", "match", "all is well"), told, "foot"))
    assert [one["href"] for one in found.all("a")] == ["#verdict", "#a", "#b"]
    assert "First & best" in found.text


def test_a_page_of_one_section_needs_no_navigation() -> None:
    found = checked(page("lint", "title", hero("plain", "x", "y"), [section("a", "Only", "text")], "foot"))
    assert "nav" not in found.tags


def test_small_pieces() -> None:
    assert facts([]) is None
    assert items(["", None]) is None
    assert items(["a", "a", "b"]) == "<ul><li>a</li><li>b</li></ul>"
    assert "<details open>" in fold("title", "x", opened=True)
    assert document_title("A", "", "B") == "A · B"
    assert len(document_title("x" * 1000)) < 200


def test_a_table_ends_and_says_what_is_left() -> None:
    told = table("Numbers", [Column("n", "head"), Column("m", "number")], [(str(n), "") for n in range(5)], limit=2)
    assert told.count("<tr") == 3
    assert "and 3 more; `--format json` has all of them" in told
    assert "more;" not in table("Numbers", [Column("n", "head")], [("1",)], limit=1)


def test_a_row_of_the_wrong_width_is_a_defect() -> None:
    with pytest.raises(ValueError, match="zip"):
        table("Numbers", [Column("n", "head")], [("1", "2")])
