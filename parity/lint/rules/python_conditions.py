"""Judges conditions on the GPU in Python: names that match by accident, and tests that are always true."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from parity.catalog import store
from parity.lint import parts
from parity.lint.facts import Facts, Hit
from parity.lint.python_source import dotted, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked

_HARDWARE = re.compile(
    r"gfx\d|sm_?\d\d|cuda|rocm|hip|nvidia|amd|navi|instinct|radeon|geforce|rtx|[abhlt]\d{2,3}|mi\d{3}", re.IGNORECASE
)
_DEVICE_NAME = re.compile(
    r"(?:device|gpu|card|accelerator)_?(?:name|kind|type|str|model)?s?$|^(?:prop|properties|props)$", re.IGNORECASE
)
_SHORT = 2


def name_substring(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield ``"H20" in name`` where the text also stands inside another part's name."""
    del asked
    tested = list(_tested(facts))
    places = _functions_around(facts, [node for node, _ in tested])
    for (node, text), place in zip(tested, places, strict=True):
        beside = {other.upper() for (_, other), there in zip(tested, places, strict=True) if there == place}
        others = [
            other
            for other in _accidental(text)
            if not any(longer != text.upper() and longer in other.upper() for longer in beside)
        ]
        if others:
            message = f"{text!r} is also part of the name of {_listed(others)}"
            yield Hit(span=span_of(node, facts.source), message=message)


def _functions_around(facts: Facts, nodes: list[ast.Compare]) -> list[tuple[int, int]]:
    """Return the lines of the outermost function around each node, (0, 0) of the module's own."""
    spans = [
        (one.lineno, one.end_lineno or one.lineno)
        for kind in (ast.FunctionDef, ast.AsyncFunctionDef)
        for one in facts.nodes(kind)
    ]
    return [min((span for span in spans if span[0] <= node.lineno <= span[1]), default=(0, 0)) for node in nodes]


def _tested(facts: Facts) -> Iterator[tuple[ast.Compare, str]]:
    for node in facts.nodes(ast.Compare):
        if (
            len(node.ops) == 1
            and isinstance(node.ops[0], (ast.In, ast.NotIn))
            and isinstance(node.left, ast.Constant)
            and isinstance(node.left.value, str)
            and len(node.left.value) >= _SHORT
            and _is_device_name(node.comparators[0])
        ):
            yield node, node.left.value


def _is_device_name(node: ast.expr) -> bool:
    """Return whether an expression is, by its calls and names, the name of a device."""
    while isinstance(node, ast.Call):
        name = dotted(node.func)
        if name.endswith(("get_device_name", "device_name", "gpu_name")):
            return True
        if isinstance(node.func, ast.Attribute) and node.func.attr in (
            "lower",
            "upper",
            "strip",
            "casefold",
            "replace",
        ):
            node = node.func.value
            continue
        if name in ("str", "repr") and node.args:
            node = node.args[0]
            continue
        return False
    if isinstance(node, ast.Attribute) and node.attr == "name":
        return bool(_DEVICE_NAME.search(dotted(node.value).rsplit(".", 1)[-1] or "-")) or (
            isinstance(node.value, ast.Call) and dotted(node.value.func).endswith("get_device_properties")
        )
    if not isinstance(node, (ast.Attribute, ast.Name)):
        return False
    last = dotted(node).rsplit(".", 1)[-1]
    return last.endswith("name") and bool(_DEVICE_NAME.search(last))


def _accidental(text: str) -> list[str]:
    """Return reported names of parts in which a text stands inside a longer word, when it is itself a model's word."""
    if not parts.named(text):
        return []  # a memory's or an architecture's word
    wanted = re.compile(rf"(?<![A-Z0-9]){re.escape(text.upper())}(?![A-Z0-9])")
    names = _reported()
    if not re.search(r"\d", text) or not any(wanted.search(name.upper()) for name in names):
        return []
    # MI250X is the same product line as MI250, V100S as V100.
    longer = re.compile(rf"(?<![A-Z0-9]){re.escape(text.upper())}(?!X(?![A-Z0-9])|(?<=V100)S)[A-Z0-9]")
    return sorted(name for name in names if longer.search(name.upper()) and not wanted.search(name.upper()))


@cache
def _reported() -> frozenset[str]:
    return frozenset(name for entry in store.index() for name in entry.reported_names)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:2])
    return f"{shown} and {len(names) - 2} more" if len(names) > 2 else shown


def always_true(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield ``"a" or "b" in s``: a text that is not empty is true; the fix asks for each."""
    del asked
    for node in facts.nodes(ast.BoolOp):
        if not isinstance(node.op, ast.Or):
            continue
        last = node.values[-1]
        if not (isinstance(last, ast.Compare) and len(last.ops) == 1 and isinstance(last.ops[0], (ast.In, ast.Eq))):
            continue
        bare = [
            value
            for value in node.values[:-1]
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value
        ]
        texts = [*bare, last.left]
        if not bare or not any(isinstance(item, ast.Constant) and _HARDWARE.search(str(item.value)) for item in texts):
            continue
        word = " in " if isinstance(last.ops[0], ast.In) else " == "
        right = ast.get_source_segment(facts.source.text, last.comparators[0]) or ""
        pieces = [ast.get_source_segment(facts.source.text, value) or "" for value in node.values]
        fixed = " or ".join(
            piece + word + right if value in bare else piece for value, piece in zip(node.values, pieces, strict=True)
        )
        yield Hit(
            span=span_of(node, facts.source),
            message=f"always true: {pieces[0]} is a text that is not empty, not a test",
            mend=f"write `{fixed}`",
            fix=fixed if right and all(pieces) and node.lineno == node.end_lineno else None,
        )
