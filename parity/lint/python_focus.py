"""Knows which top-level blocks of a Python file a parse may leave out: those in which no rule has anything to find.

Parsing is most of the linter's time. A function or class at the left margin whose text holds none of the words that
call a rule is replaced by empty lines, so that places stay as they are. Where the text is not plainly a list of blocks
(an odd number of triple quotes in one), nothing is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_BLOCK = re.compile(r"^(?:async[ \t]+def|def|class)\b", re.MULTILINE)
_MARGIN = re.compile(r"^[^\s#)\]}]", re.MULTILINE)
MIN_CHARS = 8_000  # a short file is parsed as fast as it is cut


def focused(text: str, words: Collection[str]) -> str:
    """Return a text with the blocks that hold none of the words emptied; a short text is returned as it is."""
    if len(text) < MIN_CHARS or "\\\r" in text:
        return text
    out: list[str] = []
    at = 0
    for start, end in _blocks(text):
        block = text[start:end]
        if any(word in block for word in words):
            continue
        if block.count('"""') % 2 or block.count("'''") % 2:
            return text
        out += [text[at:start], "\n" * block.count("\n")]
        at = end
    return "".join([*out, text[at:]]) if out else text


def _blocks(text: str) -> list[tuple[int, int]]:
    """Return the extents of functions and classes at the left margin, without what decorates them."""
    found = []
    at = 0
    while match := _BLOCK.search(text, at):
        following = _MARGIN.search(text, match.end())
        at = following.start() if following else len(text)
        decorated = text.rfind("\n", 0, max(match.start() - 1, 0)) + 1
        if not text.startswith("@", decorated) and not text.startswith((")", " "), decorated):
            found.append((match.start(), at))
    return found
