"""Markup: plain text never becomes markup, whatever it is."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from html_page import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from parity.reports.html.markup import MAX_TEXT, Html, clean, el, join, percent, raw


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.told: list[tuple[str, object]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.told.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.told.append(("", data))

    def handle_comment(self, data: str) -> None:
        self.told.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.told.append(("declaration", decl))

    def handle_pi(self, data: str) -> None:
        self.told.append(("instruction", data))


@given(st.text(max_size=60) | st.sampled_from(HOSTILE))
def test_text_and_attributes_come_back_as_they_went_in(text: str) -> None:
    told = Seen(el("p", text, title=text)).told
    assert told[0] == ("p", [("title", clean(text))])
    assert "".join(str(data) for tag, data in told[1:] if not tag) == clean(text)
    assert [tag for tag, _ in told[1:] if tag] == []


def test_markup_is_embedded_and_text_is_escaped() -> None:
    assert el("p", el("b", "<"), " & ", ["x", None, el("br")]) == "<p><b>&lt;</b> &amp; x<br></p>"


def test_only_what_was_built_here_is_markup() -> None:
    assert isinstance(el("p"), Html)
    assert join("<b>") == "&lt;b&gt;"
    assert join(raw("<b>")) == "<b>"
    assert not isinstance(clean("x"), Html)
    # Parts of markup are plain text again: a slice or a sum may have cut a tag.
    assert join(el("p") + "<i>") == "&lt;p&gt;&lt;/p&gt;&lt;i&gt;"
    assert join(el("p")[:2]) == "&lt;p"


def test_attributes() -> None:
    assert el("td", class_="", data_name=None, hidden=True, open=False, x=0.5, y=3) == '<td hidden x="0.5" y="3"></td>'
    assert el("rect", aria_label="a") == '<rect aria-label="a"/>'


@pytest.mark.parametrize("size", [MAX_TEXT, MAX_TEXT + 1, 10_000_000])
def test_endless_text_is_cut_and_says_so(size: int) -> None:
    told = clean("x" * size)
    assert len(told) < MAX_TEXT + 30
    assert told.endswith("x") if size == MAX_TEXT else told.endswith(f".. ({size - MAX_TEXT} more)")


@given(st.floats(0, 1))
def test_percent_keeps_the_number(part: float) -> None:
    assert abs(float(percent(part)[:-1]) - 100 * part) <= 0.005001
