"""Knows lists of a Python file that are filled and never read: what stands in them reaches no compiler."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.facts import Facts

_COMMENT = re.compile(r"#[^\n]*")


def unread_texts(facts: Facts) -> set[int]:
    """Return the ``id`` of each constant that stands in a list which the file fills and nobody in it reads.

    Asked of a ``setup.py`` alone, which nobody imports. The whole text is searched for the name, so that what was left
    out of the tree counts as well.
    """
    if not facts.path.endswith("setup.py"):
        return set()
    filled: dict[str, list[ast.AST]] = {}
    for name, node in _fillings(facts):
        filled.setdefault(name, []).append(node)
    plain = _COMMENT.sub("", facts.source.text)
    unread = [node for name, nodes in filled.items() if not _is_read(name, plain) for node in nodes]
    return {id(inner) for node in unread for inner in ast.walk(node) if isinstance(inner, ast.Constant)}


def _fillings(facts: Facts) -> Iterator[tuple[str, ast.AST]]:
    """Yield (name, what is put into it): ``flags += [...]``, ``flags.append(...)``."""
    for call in facts.nodes(ast.Call):
        at = call.func
        if isinstance(at, ast.Attribute) and at.attr in ("append", "extend") and isinstance(at.value, ast.Name):
            yield at.value.id, call
    for more in facts.nodes(ast.AugAssign):
        if isinstance(more.target, ast.Name):
            yield more.target.id, more.value


def _is_read(name: str, text: str) -> bool:
    """Return whether a name stands anywhere but where it is given a list or more of it."""
    uses = len(re.findall(rf"(?<![\w.]){name}\b", text))
    return uses > len(re.findall(rf"(?<![\w.]){name}\s*(?:\.(?:append|extend)\s*\(|\+?=(?!=))", text))
