"""Knows inline exceptions: ``# parity: ignore[rule] reason`` on a finding's line, or alone on the line above it."""

from __future__ import annotations

import io
import re
import tokenize
from typing import TYPE_CHECKING

import msgspec

from parity.lint.source import Span

if TYPE_CHECKING:
    from parity.lint.source import Source

_COMMENT = re.compile(r"(?:#|//|--|<!--|;)[ \t]*parity:[ \t]*ignore(?:\[([^\]\n]{0,500})\])?[ \t]*([^\n]{0,500})")


class Suppression(msgspec.Struct, kw_only=True):
    """One comment.

    Attributes:
        rules: rule ids it names.
        reason: what stands behind the bracket.
        covers: the line it speaks of.
        used: rule ids that it silenced.
    """

    rules: tuple[str, ...]
    reason: str
    span: Span
    covers: int
    used: set[str]


def suppressions(source: Source) -> list[Suppression]:
    """Return the inline exceptions of a file, in order; of Python, those in comments, not those quoted in a text."""
    if "parity:" not in source.text:
        return []
    found = []
    comments = _python_comments(source) if source.path.endswith(".py") and _COMMENT.search(source.text) else None
    for number, line in enumerate(source.lines, 1):
        match = _COMMENT.search(line) if "parity:" in line else None
        if match is None or (comments is not None and match.start() < comments.get(number, len(line))):
            continue
        alone = not line[: match.start()].strip()
        rules = tuple(name.strip() for name in (match[1] or "").split(",") if name.strip())
        found.append(
            Suppression(
                rules=rules,
                reason=match[2].removesuffix("-->").strip(),
                span=Span(number, match.start() + 1, number, match.end() + 1),
                covers=_next_code_line(source.lines, number) if alone else number,
                used=set(),
            )
        )
    return found


def _python_comments(source: Source) -> dict[int, int] | None:
    """Return line -> where its comment starts, from 0; None when the text is not Python to its end."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source.text).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    return {token.start[0]: token.start[1] for token in tokens if token.type == tokenize.COMMENT}


def _next_code_line(lines: list[str], number: int) -> int:
    """Return the line after a comment on ``number`` that is neither empty nor a comment of ours."""
    for later in range(number, min(len(lines), number + 20)):
        text = lines[later].strip()
        if text and not _COMMENT.match(text):
            return later + 1
    return number
