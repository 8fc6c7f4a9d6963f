"""Reads an HTML report the way a careful reader does: strictly, and with what every page must hold."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br"}
FORBIDDEN = {
    "a": {"target", "ping", "download"}, "script": None, "link": None, "img": None, "iframe": None, "object": None,
    "embed": None, "form": None, "input": None, "base": None, "use": None, "image": None, "foreignobject": None,
}  # fmt: skip
# Texts that would act, if anything took them for markup, a link or a direction of writing.
HOSTILE = (
    "<script>alert(1)</script>",
    "</script></style></title><h1>x</h1>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "x|y",
    "line\nbreak\r| fake | row |",
    "esc\x1b[31mred\x07\x00",
    "`code` ![image](https://example.invalid/x.png)",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "größe-\N{SNOWMAN}-\U0001f600",
    "back\\slash\\|",
    "&lt;b&gt;",
    "]]><!-- -->",
    "\ud800 half a pair",
    "A" * 5000,
)


class Page(HTMLParser):
    """What an HTML page is made of; unclosed or crossed tags fail.

    Attributes:
        elements: (tag, attributes) in order.
        tables: caption -> rows of cell texts, the heading first.
        parts: per element with an id of a heading's section: how many pictures and tables it holds.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.tags: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: dict[str, list[str]] = {"h1": [], "h2": [], "title": [], "summary": []}
        self.sections: list[tuple[str, int, int]] = []
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self._section: list[list[int | str]] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "section":
            self._section.append([dict(attrs).get("aria-labelledby") or "", 0, 0])
        elif tag == "table":
            self._rows, self._caption = [], ""
            for section in self._section:
                section[2] = int(section[2]) + 1
        elif tag == "svg" and dict(attrs).get("role") == "img":
            for section in self._section:
                section[1] = int(section[1]) + 1
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif tag in self.texts:
            self.texts[tag].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)

    def _seen(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.elements.append((tag, dict(attrs)))
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "table":
            self.tables[self._caption] = self._rows
        elif tag == "section":
            name, pictures, tables = self._section.pop()
            self.sections.append((str(name), int(pictures), int(tables)))

    def handle_data(self, data: str) -> None:
        self.text += data
        if "caption" in self._open:
            self._caption += data
        elif ("td" in self._open or "th" in self._open) and "title" not in self._open:
            self._rows[-1][-1] += data
        for tag in self.texts:
            if tag in self._open and "svg" not in self._open:
                self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


def checked(text: str) -> Page:
    """Return a page that is well formed, stands alone, runs nothing and can be read without seeing it."""
    page = Page(text)
    assert text.startswith('<!doctype html>\n<html lang="en">\n')
    _stands_alone(page)
    _has_its_policy(text, page)
    _is_for_everybody(page)
    return page


def _stands_alone(page: Page) -> None:
    for tag, attributes in page.elements:
        assert FORBIDDEN.get(tag, {}) is not None, tag
        assert {"src", "srcset", "style", "action", "data", "xlink:href", "background"}.isdisjoint(attributes), tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert (attributes.get("href") or "#").startswith("#"), tag
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names)), "ids stand once"
    for attributes in page.all("a"):
        assert (attributes["href"] or "")[1:] in names
    for _, attributes in page.elements:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(names)


def _has_its_policy(text: str, page: Page) -> None:
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = [attributes for attributes in page.all("meta") if "http-equiv" in attributes]
    wanted = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert [(one["http-equiv"], one["content"]) for one in policies] == [("Content-Security-Policy", wanted)]
    assert page.tags.index("meta") < page.tags.index("style")
    assert "url(" not in style
    assert "@import" not in style


def _is_for_everybody(page: Page) -> None:
    for tag in ("header", "main", "footer", "h1", "title"):
        assert page.tags.count(tag) >= 1, tag
    assert page.tags.count("main") == page.tags.count("h1") == 1
    assert page.all("a")[0] == {"href": "#verdict", "class": "skip"}
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), "no level of headings is left out"
    assert (
        page.tags.count("table") == page.tags.count("caption") == len([n for n in page.all("table") if n.get("role")])
    )
    for attributes in page.all("svg"):
        assert attributes.get("aria-hidden") == "true" or (attributes["role"] == "img" and attributes["aria-label"])
    for name, pictures, tables in page.sections:
        assert not pictures or tables, f"a table behind the picture of {name}"
    for attributes in page.all("th"):
        assert attributes["scope"] in ("col", "row")
    assert all(one.isprintable() or one == "\n" for one in page.text), "no control characters"
    assert page.text.isascii() or page.text.encode()


def cut(text: str) -> str:
    """Return the page without its style sheet and its hash, for golden files that show what a change changes."""
    text = re.sub(r"<style>.*?</style>", "<style></style>", text, flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]+", "sha256-", text)
