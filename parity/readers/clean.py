"""Knows how to undo what terminals, browsers and issue trackers do to a pasted report."""

from __future__ import annotations

import html
import re
from itertools import pairwise

_ANSI = re.compile(r"\x1b\[[0-9;?]{0,16}[A-Za-z]|\x1b\][^\x07\x1b\n]{0,200}(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]")
_QUOTE = re.compile(r"^(?:[ ]{0,3}>[ ]?)+", re.MULTILINE)
_TAG = re.compile(r"</?(?:details|summary|pre|code|br|p|b|div|span)\b[^<>\n]{0,200}>", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]{0,8}(?:```|~~~)[^\n`]{0,60}$", re.MULTILINE)
_INLINE_FENCE = re.compile(r"```[a-z]{0,12}")
_LOG_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z ", re.MULTILINE)
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_INVISIBLE[0xA0] = 0x20


def clean(text: str) -> str:
    r"""Return the report's own lines: no escape codes, quoting, fences, tags, entities or CI timestamps.

    Line structure and indentation are kept, because ``nvidia-smi -q`` nests by indentation.

    >>> clean("> ```text\r\n> \x1b[1mGPU 0: NVIDIA H20\x1b[0m\r\n> ```")
    '\nGPU 0: NVIDIA H20\n'
    """
    text = plain(text)
    text = _QUOTE.sub("", text)
    if "&" in text:
        text = html.unescape(text).replace("\xa0", " ")
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = _FENCE.sub("", text)
    return _INLINE_FENCE.sub(" ", text)


def plain(text: str) -> str:
    """Return the text without escape codes, carriage returns, invisible characters and CI timestamps.

    Safe for JSON, YAML and XML, whose own syntax is left alone.
    """
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_INVISIBLE)
    return _LOG_TIME.sub("", text)


def finished(text: str) -> str:
    r"""Return the text without a last line that has no end: half a value reads as another value.

    >>> finished("Total : 81559 MiB\nUsed : 1"), finished("Used : 12 MiB\n")
    ('Total : 81559 MiB\n', 'Used : 12 MiB\n')
    """
    return text[: text.rfind("\n") + 1]


def split_labels(text: str, labels: re.Pattern[str]) -> str:
    """Return the text with a line break before every label, where a line holds several of them.

    Issue search, spreadsheets and chat collapse a report to one line; the labels still say where a value ends.

    Args:
        text: a report, collapsed or not.
        labels: matches one label with its colon.
    """
    return "\n".join(_split_line(line, labels) for line in text.split("\n"))


def _split_line(line: str, labels: re.Pattern[str]) -> str:
    starts = [match.start() for match in labels.finditer(line)]
    if len(starts) < 2:
        return line
    cuts = [0, *[start for start in starts if start > 0], len(line)]
    return "\n".join(line[a:b].strip() for a, b in pairwise(cuts))
