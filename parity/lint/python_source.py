"""Knows Python files: their syntax tree and the environment variables they set."""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import warnings
from typing import TYPE_CHECKING

from parity.lint.facts import BrokenFile, Doubt, Facts, Setting
from parity.lint.python_focus import focused
from parity.lint.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def scan(source: Source, words: Collection[str] = ()) -> Facts:
    """Return the tree and the settings of a Python file.

    Args:
        source: the file.
        words: what calls for a rule; blocks without any may be left out of the tree. Empty: the whole file counts.

    Raises:
        BrokenFile: it is not Python of this interpreter's grammar.
    """
    facts = Facts(source, "python")
    try:
        facts.tree = parse(source, words)
    except BrokenFile as broken:
        if not _newer(broken, source):
            raise
        facts.doubts.append(
            Doubt(what="the file", why="a template, or newer Python than this one's", line=broken.span.line)
        )
        facts.tree = ast.Module(body=[], type_ignores=[])
    if "environ" in source.text or "putenv" in source.text:
        facts.settings.extend(_settings(facts))
    return facts


# Grammar that interpreters older than 3.12 and 3.14 refuse: PEP 695, 701, 654 and 758.
_NEWER = re.compile(r"\s*(?:type\s+\w+.*=|(?:async\s+)?(?:def|class)\s+\w+\[|except\s*\*|except\s+[^(:]+,)")


_TEMPLATE = re.compile(r"##\w+##|\{\{|\{%|<%|@\w+@")


def _newer(broken: BrokenFile, source: Source) -> bool:
    """Return whether what the interpreter refuses may be a template, or grammar that it does not know yet."""
    if "f-string" in broken.reason:
        return sys.version_info < (3, 12)
    line = source.lines[broken.span.line - 1] if broken.span.line <= len(source.lines) else ""
    if _TEMPLATE.search(line):
        return True
    return sys.version_info < (3, 14) and bool(_NEWER.match(line))


def parse(source: Source, words: Collection[str] = ()) -> ast.Module:
    """Return a file's syntax tree, without the blocks that hold none of the words.

    Raises:
        BrokenFile: it is not Python of this interpreter's grammar.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        less = focused(source.text, words) if words else source.text
        if less is not source.text:
            with contextlib.suppress(SyntaxError, ValueError):
                return ast.parse(less)
        try:
            return ast.parse(source.text)
        except SyntaxError as error:
            line, column = max(error.lineno or 1, 1), max(error.offset or 1, 1)
            raise BrokenFile(f"not Python: {error.msg}", Span(line, column, line, column)) from error
        except ValueError as error:
            raise BrokenFile(f"not Python: {error}", Span(1, 1, 1, 1)) from error


def span_of(node: ast.expr | ast.stmt, source: Source) -> Span:
    """Return a node's place; ast counts UTF-8 bytes, people count characters."""
    end_line = node.end_lineno or node.lineno
    return Span(
        node.lineno,
        _column(source, node.lineno, node.col_offset),
        end_line,
        _column(source, end_line, node.end_col_offset or 0),
    )


def _column(source: Source, line: int, offset: int) -> int:
    text = source.lines[line - 1] if line <= len(source.lines) else ""
    if text.isascii():
        return offset + 1
    return len(text.encode()[:offset].decode(errors="replace")) + 1


def dotted(node: ast.expr | None) -> str:
    """Return ``a.b.c`` of a name or attribute, an empty string for anything else.

    >>> dotted(ast.parse("torch.cuda.is_available", mode="eval").body)
    'torch.cuda.is_available'
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def _settings(facts: Facts) -> Iterator[Setting]:
    source = facts.source
    for assign in facts.nodes(ast.Assign):
        target = assign.targets[0]
        if len(assign.targets) == 1 and isinstance(target, ast.Subscript) and dotted(target.value).endswith("environ"):
            yield from _setting(target.slice, assign.value, assign, source, default=False)
    for call in facts.nodes(ast.Call):
        name = dotted(call.func)
        if name.endswith("environ.setdefault") and len(call.args) == 2:
            yield from _setting(call.args[0], call.args[1], call, source, default=True)
        elif name.endswith("environ.update") and call.args and isinstance(call.args[0], ast.Dict):
            for key, value in zip(call.args[0].keys, call.args[0].values, strict=True):
                if key is not None:
                    yield from _setting(key, value, value, source, default=False)


def _setting(
    key: ast.expr, value: ast.expr, whole: ast.expr | ast.stmt, source: Source, *, default: bool
) -> Iterator[Setting]:
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
        place = span_of(whole, source)
        yield Setting(
            name=key.value, value=text, span=span_of(value, source), whole=place, how="python", default=default
        )
