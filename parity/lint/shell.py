"""Knows shell scripts: their simple commands and assignments, with places, resolving only what the script settles.

Not a shell: it follows words, quotes, here-documents and operators, keeps the last unconditional assignment of each
variable, and answers None for anything it cannot settle (command substitution, arithmetic, arrays, unknown variables).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from parity.lint.source import Span, Stretch, Woven

_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:\\)?([\"']?)([A-Za-z_][\w.-]*)\2")
_OPERATOR = re.compile(r"&&|\|\||;;|[;&|()\n]")
_OPENERS = frozenset(
    {"if", "elif", "else", "for", "while", "until", "case", "then", "do", "{", "function", "!", "time"}
)
_ENTER, _LEAVE = frozenset({"if", "case", "for", "while", "until"}), frozenset({"fi", "esac", "done"})
_BLANKS = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
# What a word goes over without a thought: outside quotes, in double quotes, inside ``$(`` or ``${``.
_PLAIN = re.compile(r"[^\\\"'$ \t\r\n;&|()<>]+")
_QUOTED = re.compile(r"[^\\\"]+")
_NESTED = re.compile(r"[^\\\"'$)}]+")
_EXPANDED = re.compile(r"[\\\"'`$]")  # without any of these a word is its own value
MAX_WORDS = 200_000
MAX_DEPTH = 32
MAX_EXPANSION = 2000  # characters that variables may put into one word; ``B=$A$A``, ``C=$B$B`` ... doubles each time


class Word(NamedTuple):
    """One word: its value (None: not settled), its raw text and its place."""

    value: str | None
    raw: str
    span: Span


class Assigned(NamedTuple):
    """``NAME=value``: the value's word, and the place of name and value together.

    Attributes:
        adds: ``NAME+=value``, or a value that quotes the variable itself.
        default: the value is what stands behind ``:-`` of the same variable.
    """

    name: str
    value: str | None
    raw: str
    span: Span
    whole: Span
    adds: bool = False
    default: bool = False


class Simple(NamedTuple):
    """A simple command: its own assignments, its words, and whether only some runs of the script reach it."""

    assigned: tuple[Assigned, ...]
    words: tuple[Word, ...]
    conditional: bool


def stretches(text: str, *, line: int = 1, column: int = 1) -> list[Stretch]:
    """Return the lines of a text that starts at a place; its later lines start at column 1."""
    parts = text.split("\n")
    return [Stretch(line + n, column if n == 0 else 1, part.removesuffix("\r")) for n, part in enumerate(parts)]


def parse(lines: list[Stretch], known: dict[str, str | None] | None = None) -> list[Simple]:
    """Return the simple commands of a script, in order.

    Args:
        lines: the script's lines.
        known: variables settled before it starts; it is not changed.
    """
    return _Parser(Woven(lines, "\n"), dict(known or {})).run()


class _Parser:
    def __init__(self, woven: Woven, known: dict[str, str | None]) -> None:
        self.woven, self.text, self.known = woven, woven.text, known
        self.at, self.depth, self.words = 0, 0, 0
        self.found: list[Simple] = []
        self.heredocs: list[tuple[str, bool]] = []
        self.current: list[tuple[int, int]] = []

    def run(self) -> list[Simple]:
        size = len(self.text)
        while self.at < size and self.words < MAX_WORDS:
            self._blanks()
            if self.at >= size:
                break
            character = self.text[self.at]
            if character == "#":
                end = self.text.find("\n", self.at)
                self.at = size if end < 0 else end
                continue
            operator = _OPERATOR.match(self.text, self.at) if character in "&|;()\n" else None
            if operator:
                self._close()
                self.at = operator.end()
                if operator[0] == "\n":
                    self._skip_heredocs()
                continue
            if character in "<>":
                self._redirection()
                continue
            start = self.at
            self.at = max(_word_end(self.text, start), start + 1)
            self.words += 1
            if self.text[start : self.at].isdigit() and self.text[self.at : self.at + 1] in ("<", ">"):
                continue  # a file descriptor of the redirection that follows
            self._add(start, self.at)
        self._close()
        return self.found

    def _blanks(self) -> None:
        if match := _BLANKS.match(self.text, self.at):
            self.at = match.end()

    def _redirection(self) -> None:
        heredoc = _HEREDOC.match(self.text, self.at)
        if heredoc and not self.text.startswith("<<<", self.at):
            self.heredocs.append((heredoc[3], bool(heredoc[1])))
            self.at = heredoc.end()
            return
        while self.at < len(self.text) and self.text[self.at] in "<>&|":
            self.at += 1
        self._blanks()
        if self.at < len(self.text) and self.text[self.at] not in "\n;()":
            self.at = max(_word_end(self.text, self.at), self.at)

    def _skip_heredocs(self) -> None:
        for name, indented in self.heredocs:
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end].rstrip("\r")
                self.at = min(end + 1, len(self.text))
                if (line.lstrip("\t") if indented else line) == name:
                    break
        self.heredocs.clear()

    def _add(self, start: int, end: int) -> None:
        raw = self.text[start:end]
        if not self.current:
            if raw in _ENTER:
                self.depth += 1
            elif raw in _LEAVE:
                self.depth = max(self.depth - 1, 0)
                return
            if raw in _OPENERS or raw == "}":
                return
        self.current.append((start, end))

    def _close(self) -> None:
        if not self.current:
            return
        pieces, self.current = self.current, []
        assigned: list[Assigned] = []
        if self.text[slice(*pieces[0])] in ("export", "declare", "local", "readonly", "env"):
            pieces = [piece for piece in pieces[1:] if not self.text.startswith("-", piece[0])]
            alone = True
        else:
            alone = False
        while pieces:
            match = _ASSIGNMENT.match(self.text, *pieces[0])
            if match is None:
                if not alone:
                    break
                pieces = pieces[1:]
                continue
            assigned.append(self._assigned(match, pieces.pop(0)))
        words = tuple(
            Word(self.resolve(self.text[start:end]), self.text[start:end], self.woven.span(start, end))
            for start, end in pieces
        )
        if not words:
            for one in assigned:
                self._learn(one)
        self.found.append(Simple(tuple(assigned), words, self.depth > 0))

    def _assigned(self, match: re.Match[str], piece: tuple[int, int]) -> Assigned:
        name, raw = match[1], self.text[match.end() : piece[1]]
        quotes = f"${name}" in raw or f"${{{name}" in raw
        adds = bool(match[2]) or (quotes and re.search(rf"\$\{{?{name}(?![\w:]|[-=+?])", raw) is not None)
        default = quotes and re.search(rf"\$\{{{name}:?[-=]", raw) is not None
        start, end = _unquoted_extent(raw, match.end())
        span = self.woven.span(start, end)
        value = None if raw.startswith("(") else self.resolve(raw, own=name)
        return Assigned(name, value, raw, span, self.woven.span(*piece), adds, default)

    def _learn(self, one: Assigned) -> None:
        if self.depth or one.adds:
            self.known[one.name] = None
        else:
            self.known[one.name] = one.value

    def resolve(self, raw: str, own: str = "") -> str | None:
        """Return what a raw word becomes, None when the script does not settle it."""
        return expand(raw, self.known, own=own)


def _unquoted_extent(raw: str, start: int) -> tuple[int, int]:
    """Return the extent of a value without the quotes around it."""
    if len(raw) >= 2 and raw[0] in "\"'" and raw[-1] == raw[0]:
        return start + 1, start + len(raw) - 1
    return start, start + len(raw)


def _word_end(text: str, at: int) -> int:
    """Return where the word that starts at ``at`` ends."""
    size, quote = len(text), ""
    depth = 0
    while at < size:
        if quote == "'":
            at = text.find("'", at) + 1
            if not at:
                return size
            quote = ""
            continue
        plain = (_QUOTED if quote else _NESTED if depth else _PLAIN).match(text, at)
        if plain:
            at = plain.end()
            continue
        character = text[at]
        if character == "\\":
            if text.startswith("\\\n", at) and not quote and not depth:
                # A continuation ends the word only where blanks do; inside a word it joins.
                at += 2
                continue
            at += 1
        elif quote:  # nothing else is left to end the stride
            quote = ""
        elif character in "\"'":
            quote = character
        elif text.startswith(("$(", "${"), at):
            depth += 1
            at += 1
        elif depth and character in ")}":
            depth -= 1
        elif not depth and character == "(" and at and text[at - 1] == "=":
            depth += 1  # an array
        elif not depth and (character in " \t\r\n;&|()" or character in "<>"):
            return at
        at += 1
    return size


def expand(  # noqa: PLR0912  (one branch per kind of quoting)
    raw: str, known: dict[str, str | None], *, own: str = "", depth: int = 0
) -> str | None:
    """Return a word's value: quotes taken off, settled variables put in; None when something is not settled.

    Args:
        raw: as written.
        known: variable -> value, None where it has one that is not settled.
        own: in ``X=${X:-a}``, X: what stands behind ``:-`` is then the value, since nothing else is known of X.
        depth: of the expansions around this one.
    """
    if depth > MAX_DEPTH:
        return None
    if not _EXPANDED.search(raw):
        return raw
    out: list[str] = []
    at, size, quote, grown = 0, len(raw), "", 0
    while at < size:
        character = raw[at]
        if quote == "'":
            if character == "'":
                quote = ""
            else:
                out.append(character)
        elif character == "\\" and at + 1 < size:
            if raw[at + 1] != "\n":
                out.append(raw[at + 1] if not quote or raw[at + 1] in '"\\$`' else raw[at : at + 2])
            at += 1
        elif character == '"' and quote != "'":
            quote = "" if quote else '"'
        elif character == "'" and not quote:
            quote = "'"
        elif character == "`":
            return None
        elif character == "$":
            value, at = _variable(raw, at, known, own, depth)
            if value is None or (grown := grown + len(value)) > MAX_EXPANSION:
                return None
            out.append(value)
            continue
        else:
            out.append(character)
        at += 1
    return "".join(out)


def _variable(raw: str, at: int, known: dict[str, str | None], own: str, depth: int) -> tuple[str | None, int]:
    """Return the value of the ``$`` expression at ``at`` and where it ends."""
    name = _NAME.match(raw, at + 1)
    if name:
        return known.get(name[0]), name.end()
    if not raw.startswith("${", at):
        if at + 1 >= len(raw) or raw[at + 1] in " \t\"'/,;:":
            return "$", at + 1
        return None, len(raw)
    end = _brace_end(raw, at + 2)
    inner = raw[at + 2 : end - 1]
    name = _NAME.match(inner)
    if not name:
        return None, end
    rest = inner[name.end() :]
    if not rest:
        return known.get(name[0]), end
    return _defaulted(name[0], rest, known, own, depth), end


def _defaulted(name: str, rest: str, known: dict[str, str | None], own: str, depth: int) -> str | None:
    """Return the value of ``${name:-...}``; ``rest`` is what follows the name."""
    if not rest.startswith((":-", ":=", "-", "=")):
        return None
    if known.get(name):
        return known[name]
    if name in known and known[name] is None and name != own:
        return None
    return expand(rest.lstrip(":")[1:], known, depth=depth + 1)


def _brace_end(raw: str, at: int) -> int:
    depth = 1
    while at < len(raw):
        if raw.startswith("${", at):
            depth += 1
            at += 1
        elif raw[at] == "}":
            depth -= 1
            if not depth:
                return at + 1
        elif raw[at] == "\\":
            at += 1
        at += 1
    return len(raw) + 1
