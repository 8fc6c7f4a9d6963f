"""Knows Dockerfiles: stages, ARG defaults, ENV, RUN scripts, continuations, here-documents and the escape directive.

The format is small and a parser that keeps places is a page; the parsers on the package index (dockerfile-parse,
dockerfile) give no columns or need a Go toolchain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from parity.lint import script, shell
from parity.lint.facts import Doubt, Facts, Image, Setting
from parity.lint.source import Source, Span, Stretch, Woven

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTRUCTION = re.compile(r"[ \t]*([A-Za-z]+)(?=[ \t]|$)")
_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*$")
_HEREDOC = re.compile(r"<<-?[\"']?([A-Za-z_][\w.]*)[\"']?")
_FROM = re.compile(r"[ \t]*((?:--\S+[ \t]+)*)(\S+)(?:[ \t]+[Aa][Ss][ \t]+(\S+))?")
_FLAGS = re.compile(r"(?:[ \t]*--[a-z][\w-]*(?:=\S*)?)+")
_PAIR = re.compile(r"([A-Za-z_]\w*)=")
MAX_INSTRUCTIONS = 5000


class Instruction(NamedTuple):
    """One instruction: its word in upper case, its argument and the lines of its here-documents."""

    word: str
    argument: Woven
    heredoc: tuple[Stretch, ...]
    span: Span


def instructions(source: Source) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile in order; what is no instruction is passed over."""
    lines, escape, at, head = source.lines, "\\", 0, True
    while at < len(lines):
        line = lines[at]
        stripped = line.strip()
        directive = _DIRECTIVE.match(stripped) if head else None
        if directive:
            if directive[1].lower() == "escape" and directive[2] in ("\\", "`"):
                escape = directive[2]
            at += 1
            continue
        head = False
        match = _INSTRUCTION.match(line)
        if not stripped or stripped.startswith("#") or match is None:
            at += 1
            continue
        start = at
        stretches, at = _joined(lines, at, match.end(), escape)
        argument = Woven(stretches)
        heredoc: list[Stretch] = []
        if match[1].upper() in ("RUN", "COPY", "ADD") and "<<" in argument.text:
            heredoc, at = _heredocs(lines, at, argument.text)
        end = max(at, start + 1)
        span = Span(start + 1, 1, end, len(lines[end - 1]) + 1)
        yield Instruction(match[1].upper(), argument, tuple(heredoc), span)


def _joined(lines: list[str], at: int, column: int, escape: str) -> tuple[list[Stretch], int]:
    """Return the stretches of an instruction that starts at ``at``, and the line after it."""
    found: list[Stretch] = []
    while at < len(lines):
        text = lines[at][column:]
        trimmed = text.rstrip()
        if trimmed.endswith(escape):
            found.append(Stretch(at + 1, column + 1, trimmed[:-1] + " "))
            at, column = at + 1, 0
            # Comments and empty lines inside a continued instruction do not end it.
            while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith("#")):
                at += 1
            continue
        found.append(Stretch(at + 1, column + 1, text))
        at += 1
        break
    return found, at


def _heredocs(lines: list[str], at: int, text: str) -> tuple[list[Stretch], int]:
    body: list[Stretch] = []
    for name in _HEREDOC.findall(text):
        begin = at
        while at < len(lines) and lines[at].lstrip("\t") != name:
            at += 1
        if at == len(lines):  # never closed: the instruction ends on its own line
            return body, begin
        body += [Stretch(n + 1, 1, lines[n]) for n in range(begin, at)]
        at += 1
    return body, at


def scan(source: Source) -> Facts:
    """Return the facts of a Dockerfile."""
    facts = Facts(source, "dockerfile")
    reader = _Reader(facts)
    for number, instruction in enumerate(instructions(source)):
        if number >= MAX_INSTRUCTIONS:
            break
        reader.take(instruction)
    return facts


class _Reader:
    """Follows the stages of a Dockerfile.

    Attributes:
        globals: ARG before the first FROM.
        known: what the present stage has settled.
        stages: name -> what a stage ended with, for ``FROM name``.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.globals: dict[str, str | None] = {}
        self.known: dict[str, str | None] = {}
        self.stages: dict[str, dict[str, str | None]] = {}
        self.stage = ""
        self.count = 0

    def take(self, one: Instruction) -> None:
        """Add what one instruction says."""
        if one.word == "FROM":
            self._from(one)
        elif one.word == "ARG":
            self._arg(one)
        elif one.word == "ENV":
            self._env(one)
        elif one.word == "RUN":
            self._run(one)

    def _from(self, one: Instruction) -> None:
        match = _FROM.match(one.argument.text)
        if match is None:
            return
        raw, name = match[2], match[3]
        reference = shell.expand(raw, self.globals)
        span = one.argument.span(match.start(2), match.end(2))
        self.count += 1
        self.stage = (name or f"stage {self.count}").lower()
        base = (reference or "").lower()
        if base in self.stages:
            self.known = dict(self.stages[base])
            self.facts.bases[self.stage] = base
        else:
            self.known = {}
            self.facts.images.append(Image(reference=reference, span=span, how="image", scope=self.stage))
            if reference is None:
                self.facts.doubts.append(Doubt(what=f"FROM {raw}", why="ARG without a default", line=span.line))
        self.stages[self.stage] = self.known

    def _arg(self, one: Instruction) -> None:
        for name, raw, start, end in _pairs(one.argument.text):
            span, whole = one.argument.span(start, end), one.argument.span(start - len(name) - 1, end)
            if raw is None:
                if self.stage:
                    self.known[name] = self.globals.get(name)
                else:
                    self.globals[name] = None
                continue
            value = shell.expand(raw, self.known if self.stage else self.globals)
            (self.known if self.stage else self.globals)[name] = value
            setting = Setting(
                name=name, value=value, span=_bare(span, raw), whole=whole, how="image", scope=self.stage, default=True
            )
            self.facts.settings.append(setting)

    def _env(self, one: Instruction) -> None:
        text = one.argument.text
        pairs = list(_pairs(text))
        if not any(raw is not None for _, raw, _, _ in pairs[:1]):
            pairs = list(_old_env(text))
        for name, raw, start, end in pairs:
            if raw is None:
                continue
            value = shell.expand(raw, self.known)
            span, whole = one.argument.span(start, end), one.argument.span(start - len(name) - 1, end)
            setting = Setting(name=name, value=value, span=_bare(span, raw), whole=whole, how="image", scope=self.stage)
            self.facts.settings.append(setting)
            if self.known.get(name) != value or value is None:
                self.known[name] = value

    def _run(self, one: Instruction) -> None:
        flags = _FLAGS.match(one.argument.text)
        at = flags.end() if flags else 0
        text = one.argument.text[at:]
        if text.lstrip().startswith("["):
            return  # exec form: a JSON list, no shell
        lines = list(one.heredoc) if one.heredoc else _cut(one.argument, at)
        script.scan(lines, self.facts, how="image", scope=self.stage, known=self.known)


def _cut(argument: Woven, at: int) -> list[Stretch]:
    """Return an argument's stretches from an offset on, each continued by a backslash."""
    found = []
    seen = 0
    for stretch in argument.stretches:
        size = len(stretch.text)
        if seen + size > at:
            skip = max(at - seen, 0)
            found.append(Stretch(stretch.line, stretch.column + skip, stretch.text[skip:] + "\\"))
        seen += size
    if found:
        found[-1] = found[-1]._replace(text=found[-1].text[:-1])
    return found


def _bare(span: Span, raw: str) -> Span:
    """Return the place of a value without its quotes."""
    if len(raw) >= 2 and raw[0] in "\"'" and raw[-1] == raw[0] and span.line == span.end_line:
        return span._replace(column=span.column + 1, end_column=span.end_column - 1)
    return span


def _pairs(text: str) -> Iterator[tuple[str, str | None, int, int]]:
    """Yield (name, raw value or None, start and end of the value) of ``A=1 B="x y"``."""
    at, size = 0, len(text)
    while at < size:
        if text[at] in " \t":
            at += 1
            continue
        match = _PAIR.match(text, at)
        if match is None:
            end = at
            while end < size and text[end] not in " \t":
                end += 1
            if re.fullmatch(r"[A-Za-z_]\w*", text[at:end]):
                yield text[at:end], None, at, end
            at = end
            continue
        end = _value_end(text, match.end())
        yield match[1], text[match.end() : end], match.end(), end
        at = end


def _value_end(text: str, at: int) -> int:
    quote = ""
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif quote:
            if character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character in " \t":
            break
        at += 1
    return min(at, len(text))


def _old_env(text: str) -> Iterator[tuple[str, str | None, int, int]]:
    """Yield the pair of ``ENV NAME value with blanks``."""
    match = re.match(r"[ \t]*([A-Za-z_]\w*)[ \t]+(\S(?:.*\S)?)", text)
    if match:
        yield match[1], match[2], match.start(2), match.end(2)
