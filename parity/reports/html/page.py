"""Knows the shell that every page has: head with its policy, landmarks, a way past the navigation, the footer."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from parity.reports.html.markup import Html, clean, el, join, raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.reports.html.markup import Content

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"\s+")


def page(kind: str, title: str, hero: Html, sections: Sequence[Html | None], foot: Content) -> str:
    """Return a whole page.

    Args:
        kind: what made it: ``doctor``, ``pytest``.
        title: of the browser's tab, what decides first.
        hero: the verdict, on top.
        sections: what ``section`` returned; None is left out. The navigation lists them.
        foot: a sentence on where the page comes from.
    """
    told = [one for one in sections if one]
    style, policy = _style()
    head = [
        el("meta", charset="utf-8"),
        # Before anything else is read: only this very style sheet applies, and nothing is fetched or run.
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        raw(f"<style>{style}</style>"),
    ]
    body = [
        el("a", "Skip to the verdict", href="#verdict", class_="skip"),
        el("header", el("p", f"parity {kind}", class_="brand"), _navigation(told), class_="top"),
        el("main", raw("\n"), hero, raw("\n"), join(told, "\n"), raw("\n"), id="verdict", tabindex=-1),
        el("footer", el("p", foot), class_="foot"),
    ]
    return "\n".join(
        ["<!doctype html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *body, "</body>", "</html>", ""]
    )


def section(name: str, title: str, *content: Content, lead: Content = None) -> Html:
    """Return a part of the page under a heading.

    Args:
        name: its id in the page, this package's own word.
        title: heading.
        content: what stands in it.
        lead: a sentence below the heading.
    """
    opening = el("p", lead, class_="lead") if lead else None
    return el("section", el("h2", title, id=name), opening, *content, aria_labelledby=name)


def hero(outcome: str, word: str, headline: str, *content: Content) -> Html:
    """Return the verdict on top of a page.

    Args:
        outcome: ``match``, ``mismatch`` or ``unknown`` decides the colour; ``plain``: nothing was judged.
        word: the verdict in one or two words.
        headline: the sentence that says it all.
        content: what stands below it.
    """
    tone = {"match": "good", "mismatch": "bad", "unknown": "doubt", "plain": "plain"}[outcome]
    heading = el("h1", el("span", word, class_=f"word {tone}"), " ", el("span", headline, class_="headline"))
    return el("div", heading, *content, class_=f"hero {outcome}")


def facts(pairs: Iterable[tuple[str, Content, Content]]) -> Html | None:
    """Return short facts side by side: (name, value, a remark or None)."""
    items = [
        el("div", el("dt", name), el("dd", value, el("span", remark) if remark else None))
        for name, value, remark in pairs
    ]
    return el("dl", *items, class_="facts") if items else None


def fold(title: Content, *content: Content, count: str = "", opened: bool = False) -> Html:
    """Return content that is folded away until somebody asks for it; on paper it is open."""
    told = el("span", f" {count}", class_="count") if count else None
    return el("details", el("summary", title, told), el("div", *content, class_="inside"), open=opened)


def items(texts: Iterable[Content], **attributes: str) -> Html | None:
    """Return a list of what is not empty, None when nothing is left; equal ones once."""
    told = [el("li", text) for text in dict.fromkeys(join(text) for text in texts) if text]
    return el("ul", *told, **attributes) if told else None


def toned(text: str, tone: str) -> Html:
    """Return text in the colour of ``good``, ``bad``, ``doubt`` or ``dim``; an empty tone is plain text."""
    return el("span", text, class_=tone) if tone else join(text)


def chip(text: str, tone: str = "") -> Html:
    """Return a word on a coloured ground."""
    return el("span", text, class_=f"chip {tone}".strip())


def code(text: str) -> Html:
    """Return a name as machines write it."""
    return el("code", text)


def document_title(*parts: str) -> str:
    """Return the parts of a title, as long as a tab and a bookmark bear."""
    return clean(" · ".join(part for part in parts if part), limit=150)


def _navigation(sections: Sequence[Html]) -> Html | None:
    found = [re.search(r'<h2 id="([^"]+)">(.*?)</h2>', one) for one in sections]
    links = [el("li", el("a", raw(one[2]), href=f"#{one[1]}")) for one in found if one]
    return el("nav", el("ul", *links), aria_label="Sections") if len(links) > 1 else None


@cache
def _style() -> tuple[str, str]:
    """Return the style sheet, without comments and spare white space, and the policy that lets exactly it apply."""
    sheet = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    style = _SPACE.sub(" ", _COMMENT.sub("", sheet)).strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return style, f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
