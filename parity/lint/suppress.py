"""Knows inline exceptions: ``# parity: ignore[rule] reason`` on a finding's line, or alone on the line above it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from parity.lint.source import Span

if TYPE_CHECKING:
    from parity.lint.source import Source

_COMMENT = re.compile(r"(?:#|//|--|<!--|;)[ \t]*parity:[ \t]*ignore(?:\[([^\]\n]{0,500})\])?[ \t]*([^\n]{0,500})")
MARK = "parity: ignore"


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
    """Return the inline exceptions of a file, in order."""
    if "parity:" not in source.text:
        return []
    found = []
    for number, line in enumerate(source.lines, 1):
        match = _COMMENT.search(line) if "parity:" in line else None
        if match is None:
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


def _next_code_line(lines: list[str], number: int) -> int:
    """Return the line after a comment on ``number`` that is neither empty nor a comment of ours."""
    for later in range(number, min(len(lines), number + 20)):
        text = lines[later].strip()
        if text and not _COMMENT.match(text):
            return later + 1
    return number
