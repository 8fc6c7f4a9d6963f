"""Knows tables that stay readable on a phone, by keyboard and by ear, and that end however many rows there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from parity.reports.html.markup import el

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.reports.html.markup import Content, Html

Kind = Literal["", "head", "name", "text", "number", "bar", "chip"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: its heading.
        kind: ``head``: names the row; ``name``: an id; ``text``: a sentence; ``number``: to the right; ``bar``: a
            picture of the numbers beside it, which nobody needs to hear; ``chip``: a word that needs no
            heading on a phone.
    """

    name: str
    kind: Kind = ""


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Content]],
    *,
    limit: int = 500,
    class_: str = "",
) -> Html:
    """Return a table; on narrow screens each row becomes a card, and what is still too wide scrolls by itself.

    Args:
        caption: what the table says, heard and read before it.
        columns: as many as each row has cells.
        rows: the cells; an empty text is an empty cell.
        limit: rows that are told; the rest is counted below.
        class_: further classes.
    """
    told = list(rows)
    # Roles: a browser that shows rows as cards would not tell them as a table any more.
    head = el("tr", *(_heading(column) for column in columns), role="row")
    body = [
        el("tr", *(_cell(column, cell) for column, cell in zip(columns, row, strict=True)), role="row")
        for row in told[:limit]
    ]
    name = el("caption", caption)
    whole = el(
        "table", name, el("thead", head, role="rowgroup"), el("tbody", *body, role="rowgroup"), role="table",
        class_=f"stack {class_}".strip(),
    )  # fmt: skip
    more = len(told) - limit
    rest = el("p", f"and {more} more; `--format json` has all of them", class_="dim") if more > 0 else None
    # tabindex: a keyboard must be able to scroll it.
    return el("div", el("div", whole, class_="wide", tabindex=0, role="group", aria_label=caption), rest)


def _heading(column: Column) -> Html:
    return el("th", column.name, scope="col", role="columnheader", class_=_class(column))


def _cell(column: Column, content: Content) -> Html:
    if column.kind == "head":
        return el("th", content, scope="row", role="rowheader", class_="name")
    return el(
        "td",
        content,
        role="cell",
        class_=_class(column),
        data_name=None if column.kind in ("chip", "bar") else column.name or None,
    )


def _class(column: Column) -> str:
    return {"bar": "bar-cell", "head": "name", "chip": ""}.get(column.kind, column.kind)
