"""Knows Python files: their syntax tree and the environment variables they set."""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import warnings
from typing import TYPE_CHECKING

from parity.lint.arch_lists import of_flags
from parity.lint.facts import BrokenFile, Doubt, Facts, Setting
from parity.lint.python_focus import focused
from parity.lint.python_unread import unread_texts
from parity.lint.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# (since, how the message of an older parser begins, the line it stops at): PEP 654, 695, 701, 750, 758.
_GRAMMARS: tuple[tuple[tuple[int, int], str, re.Pattern[str]], ...] = (
    ((3, 11), "", re.compile(r"\s*except\*")),
    ((3, 12), "f-string", re.compile(r"\s*(?:(?:async\s+def|def|class)\s+\w+\[|type\s+\w+\s*[=\[])")),
    ((3, 14), "", re.compile(r"\s*except\s+[\w.]+\s*,|.*[\s=(,[{+][tT][rR]?[\"']")),
)
# What the parser says of Python 2, or the line that it stumbles over.
_OLD_PYTHON = re.compile(
    r"Missing parentheses in call to '(?:print|exec)'|multiple exception types must be parenthesized|"
    r"leading zeros in decimal integer literals|inconsistent use of tabs"
)
_OLD_LINE = re.compile(r"\s*(?:print\s+[\"'\w%]|raise\s+[\w.]+\s*,|except\s+[\w.]+\s*,\s*\w+\s*:|exec\s+[\"'\w])")
_TEMPLATE = re.compile(r"##\w+##|\{\{|\{%|<%|@\w+@")


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
        if not _is_template(broken, source):
            raise
        facts.doubts.append(Doubt(what="the file", why="it may be a template", line=broken.span.line))
        facts.tree = ast.Module(body=[], type_ignores=[])
    if "environ" in source.text or "putenv" in source.text:
        facts.settings.extend(_settings(facts))
    if "arch=" in source.text:
        vain = unread_texts(facts)
        texts = [node for node in facts.nodes(ast.Constant) if isinstance(node.value, str) and id(node) not in vain]
        texts.sort(key=lambda node: (node.lineno, node.col_offset))
        facts.arch_lists.extend(of_flags([(str(node.value), span_of(node, source)) for node in texts], "python"))
    return facts


def _is_template(broken: BrokenFile, source: Source) -> bool:
    """Return whether the line that is not Python may be filled in before it is."""
    line = source.lines[broken.span.line - 1] if broken.span.line <= len(source.lines) else ""
    return _TEMPLATE.search(line) is not None


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
            line, column = min(max(error.lineno or 1, 1), len(source.lines) or 1), max(error.offset or 1, 1)
            place, since = Span(line, column, line, column), _newer(error, source)
            if since:
                here = f"{sys.version_info[0]}.{sys.version_info[1]}"
                told = f"it is in the grammar of Python {since}, and parity runs on {here}: run it on a newer one"
                raise BrokenFile(told, place, other=True) from error
            if _OLD_PYTHON.search(str(error.msg)) or _OLD_LINE.match(_line(source, line)):
                raise BrokenFile("it is Python 2, and parity reads Python 3", place, other=True) from error
            raise BrokenFile(f"not Python: {error.msg}", place) from error
        except ValueError as error:
            raise BrokenFile(f"not Python: {error}", Span(1, 1, 1, 1)) from error


def _line(source: Source, number: int) -> str:
    return source.lines[number - 1][:1000] if number <= len(source.lines) else ""


def _newer(error: SyntaxError, source: Source) -> str:
    """Return the Python version whose grammar allows what this interpreter stumbled over, empty when none is known."""
    line = _line(source, max(error.lineno or 1, 1))
    for since, told, pattern in _GRAMMARS:
        if sys.version_info < since and (pattern.match(line) or (told and str(error.msg).startswith(told))):
            return ".".join(map(str, since))
    return ""


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
