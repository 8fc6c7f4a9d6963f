r"""Knows how lists of a ``quantization_config`` name modules: names, globs, simple regular expressions.

What is read of a pattern are its words (``self_attn``, ``gate_proj``) and its layers; a word at a wildcard may be part
of a longer one. A pattern of other kinds (look-ahead, classes of letters) is not read, and is counted: whoever wrote it
meant some module. No regular expression of a file is ever run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

# Words that stand above the layers in names of modules, and so in every name.
_ABOVE = frozenset(
    {"model", "layers", "language_model", "transformer", "h", "backbone", "decoder", "encoder", "layer", "blocks",
     "block", "base_model", "text_model", "Linear"}
)  # fmt: skip
_NUMBERED = frozenset({"layers", "h", "layer", "blocks", "block", ""})
# No regular expressions here either: compiling a few takes as long as reading a list.
_LETTERS = frozenset(letter for letter in map(chr, range(128)) if letter.isalnum())
_PLAIN = _LETTERS | frozenset("_.*#/:-")
_REGULAR = _LETTERS | frozenset("_.*#%()|-")
_FOLDED, _ANY_NUMBER = "#", "%"  # stand in names for the numbers of a folded pattern, and for any number
_EVERYWHERE = frozenset({"model", "layers", "language_model", "Linear"})  # part of no other word of a module's name
MAX_PATTERN = 400
MAX_DISTINCT = 2048  # patterns that differ by more than the number of their layer
MAX_ALTERNATIVES = 64


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """One word of a pattern.

    Attributes:
        open_start, open_end: a wildcard stands there, so that it may be part of a longer word.
        follows: it stands right after the word before it.
    """

    text: str
    open_start: bool = False
    open_end: bool = False
    follows: bool = False

    def names(self, word: str) -> bool:
        """Return whether it stands for a word."""
        if self.open_start and self.open_end:
            return self.text in word
        if self.open_start:
            return word.endswith(self.text)
        return word.startswith(self.text) if self.open_end else word == self.text


class Selector(msgspec.Struct, frozen=True, kw_only=True):
    """What one pattern names.

    Attributes:
        words: stand in this order in the names of the modules that it names; none: every module.
        layers: numbers of the layers; None: all.
        pattern: as the file writes it, for messages.
    """

    words: tuple[Word, ...]
    layers: frozenset[int] | None = None
    pattern: str = ""


class _UnreadableError(Exception):
    """The pattern is of a kind that is not read."""


def read_patterns(patterns: Iterable[str], *, layers: int) -> tuple[tuple[Selector, ...], tuple[str, ...]]:
    r"""Return (what the patterns name, those that are not read).

    Args:
        patterns: as the file lists them; ``re:`` starts a regular expression, matched from a name's start.
        layers: of the model; numbers of further ones name nothing.

    >>> told, unread = read_patterns(["layers.1.mlp", "layers.0.mlp", "re:.*lm_head", "re:(?!a)b"], layers=2)
    >>> [([word.text for word in one.words], one.layers) for one in told], unread
    ([(['mlp'], frozenset({0, 1})), (['lm_head'], None)], ('re:(?!a)b',))
    """
    told: dict[tuple[tuple[Word, ...], bool], tuple[set[int], str]] = {}
    unread: list[str] = []
    for (start, end), (numbers, pattern) in _folded(patterns).items():
        if not pattern or len(told) > MAX_DISTINCT or len(pattern) > MAX_PATTERN:
            unread.append(pattern)
            continue
        try:
            found = [_read(text, numbers, layers) for text in _plain(start, end)]
        except _UnreadableError:
            unread.append(pattern)
            continue
        for words, some in found:
            mine = told.setdefault((words, some is None), (set(), pattern))
            mine[0].update(some or ())
    selectors = tuple(
        Selector(words=words, layers=None if every else frozenset(some), pattern=pattern)
        for (words, every), (some, pattern) in told.items()
    )
    return selectors, tuple(unread)


def _folded(patterns: Iterable[str]) -> dict[tuple[str, str | None], tuple[set[int], str]]:
    """Return the patterns that differ by their layer's number only as one: (before, after) -> (numbers, the first)."""
    folded: dict[tuple[str, str | None], tuple[set[int], str]] = {}
    for pattern in patterns:
        steps = pattern.split(".")
        place = next((place for place, step in enumerate(steps) if _is_number(step.removesuffix("\\"))), None)
        if place is None:
            folded.setdefault((pattern, None), (set(), pattern))
            continue
        number = steps[place].removesuffix("\\")
        start = "".join(f"{step}." for step in steps[:place])
        key = (start, pattern[len(start) + len(number) :])
        folded.setdefault(key, (set(), pattern))[0].add(int(number))
    return folded


def _is_number(text: str) -> bool:
    return len(text) <= 6 and text.isascii() and text.isdigit()


def _plain(start: str, end: str | None) -> list[str]:
    """Return a pattern as names with ``*`` and ``#`` (a number), one for each of its alternatives."""
    if _FOLDED in start or _FOLDED in (end or "") or "%" in f"{start}{end}":
        raise _UnreadableError
    text = start if end is None else f"{start}{_FOLDED}{end}"
    if not text.startswith("re:"):
        if not _PLAIN.issuperset(text):
            raise _UnreadableError
        return [text]
    text = text[3:]
    for written, plain in (
        (r"\.", "\0"), (".*", "*"), (".+", "*"), (r"\d+", _ANY_NUMBER), ("[0-9]+", _ANY_NUMBER), (r"\w+", "*"),
        (r"\b", ""), ("(?:", "("), (".", "\0"),
    ):  # fmt: skip
        text = text.replace(written, plain)
    text = text.replace("\0", ".")
    closed = text.endswith("$")
    text = text.removeprefix("^").removesuffix("$")
    if not _REGULAR.issuperset(text):
        raise _UnreadableError
    return [one if closed else f"{one}*" for one in _alternatives(text)]


def _alternatives(text: str) -> list[str]:
    """Return every text that one with groups of alternatives stands for."""
    if text.count("(") != text.count(")"):
        raise _UnreadableError
    told = [text]
    while any("(" in one for one in told):
        wider = []
        for one in told:
            end = one.find(")")
            start = one.rfind("(", 0, end)
            if "(" not in one:
                wider.append(one)
                continue
            if start < 0 or one[end + 1 : end + 2] == "*":
                raise _UnreadableError  # no group, or one that repeats
            wider += [f"{one[:start]}{choice}{one[end + 1 :]}" for choice in one[start + 1 : end].split("|")]
        told = wider
        if len(told) > MAX_ALTERNATIVES:
            raise _UnreadableError
    split = [part for one in told for part in one.split("|")]
    if any(")" in one for one in split) or len(split) > MAX_ALTERNATIVES:
        raise _UnreadableError
    return split


def _read(text: str, numbers: set[int], layers: int) -> tuple[tuple[Word, ...], set[int] | None]:
    """Return (words, layers) of one name; ``numbers`` stand for the first ``#`` of a folded pattern."""
    words: list[Word] = []
    some: set[int] | None = None
    before, next_to = "", False
    for step in text.replace("/", ".").replace(":", ".").split("."):
        if step.strip("*") == _FOLDED:
            if before not in _NUMBERED or step != _FOLDED or some is not None:
                raise _UnreadableError
            some = {number for number in numbers if number < layers}
        elif _is_number(step.rstrip("*")):
            if before not in _NUMBERED or some is not None:
                raise _UnreadableError  # of one expert
            some = _numbered(step, layers)
        elif step.strip("*") == _ANY_NUMBER:
            continue  # any number, of layers or of experts
        else:
            found = _words(step, follows=next_to and bool(words))
            words += found
            next_to = bool(found) and not step.endswith("*")
        before = step.strip("*")
    return tuple(words), some


def _numbered(step: str, layers: int) -> set[int]:
    """Return the layers that a number names, or the start of one: ``0*``."""
    digits = step.rstrip("*")
    if digits == step:
        return {number for number in range(layers) if str(number) == digits}
    return {number for number in range(layers) if str(number).startswith(digits)}


def _words(step: str, *, follows: bool) -> list[Word]:
    """Return the words of one step of a name: ``*attn*``, ``gate_proj*``."""
    pieces, told = step.split("*"), []
    for position, piece in enumerate(pieces):
        start, end = position > 0, position + 1 < len(pieces)
        if _ANY_NUMBER in piece or _FOLDED in piece:
            raise _UnreadableError
        above = piece in _ABOVE if not end else piece in _EVERYWHERE and not start
        if piece and not above:
            told.append(Word(text=piece, open_start=start, open_end=end, follows=follows and not start))
    return told
