"""Knows how markup is built so that no text can become markup: plain strings are always escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TypeAlias, Union

from parity.reports.rows import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TEXT = 600  # characters; longer texts of a driver, file or test are cut, and say so
_EMPTY = frozenset({"meta", "br", "line", "rect", "polygon"})  # elements that are closed where they open


class Html(str):
    """Markup that is safe to embed; only ``el``, ``raw`` and ``join`` make it."""

    __slots__ = ()


Content: TypeAlias = Union[str, "Iterable[Content]", None]
Attribute: TypeAlias = str | float | bool | None


def el(tag: str, *content: Content, **attributes: Attribute) -> Html:
    """Return an element.

    Args:
        tag: name of the element.
        content: markup, plain text (escaped here) or iterables of these; None is left out.
        attributes: values are escaped; ``class_`` stands for ``class`` and ``aria_label`` for ``aria-label``; None,
            False and an empty class are left out, True is an attribute without value.

    >>> print(el("p", "a < b", el("br"), class_="dim", hidden=None))
    <p class="dim">a &lt; b<br></p>
    """
    opened = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _EMPTY:
        closing = ">" if tag in ("meta", "br") else "/>"
        return Html(f"<{tag}{opened}{closing}")
    return Html(f"<{tag}{opened}>{join(content)}</{tag}>")


def join(parts: Content, between: str = "") -> Html:
    """Return parts one after the other; plain texts among them are escaped."""
    if parts is None:
        return Html()
    if isinstance(parts, Html):
        return parts
    if isinstance(parts, str):
        return Html(escape(clean(parts), quote=True))
    return Html(between.join(join(part) for part in parts if part is not None))


def raw(markup: str) -> Html:
    """Return text of this package's own as markup, unchecked: never text that somebody else chose."""
    return Html(markup)


def clean(text: str, *, limit: int = MAX_TEXT) -> str:
    r"""Return text on one line, without control and direction characters, cut where it is endless.

    >>> clean("a\x00b\u202e"), clean("abcdef", limit=3)
    ('a?b?', 'abc.. (3 more)')
    """
    told = one_line(text[: limit + 1])
    return told if len(text) <= limit else f"{told[:limit]}.. ({len(text) - limit} more)"


def percent(part: float) -> str:
    """Return a share of 1 as an SVG length.

    >>> percent(0.30071), percent(1), percent(0.0)
    ('30.07%', '100%', '0%')
    """
    return f"{100 * part:.2f}".rstrip("0").rstrip(".") + "%"


def _attribute(name: str, value: Attribute) -> str:
    told = name.rstrip("_").replace("_", "-")
    if value is None or value is False or (told == "class" and value == ""):
        return ""
    if value is True:
        return f" {told}"
    text = value if isinstance(value, str) else f"{value:g}"
    return f' {told}="{escape(clean(text), quote=True)}"'
