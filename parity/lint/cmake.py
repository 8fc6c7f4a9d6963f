"""Knows CMake files: commands with their words and places, and the architecture lists among them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from parity.lint.arch_lists import VARIABLES, of_flags
from parity.lint.facts import ArchList, Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.source import Source, Span

_COMMAND = re.compile(r"[ \t]*([A-Za-z_]\w*)[ \t]*\(")
_TOKEN = re.compile(
    r"#\[(=*)\[|#[^\n]*|\[(=*)\[|\"((?:[^\"\\]|\\.)*)\"|([()])|((?:[^\s()#\"\\]|\\.|\$\{[^}\n]*\})+)|\s+", re.DOTALL
)
# Variables whose flags every CUDA file of the project gets.
_NVCC_FLAGS = re.compile(r"CMAKE_CUDA_FLAGS(?:_\w+)?|CUDA_NVCC_FLAGS(?:_\w+)?")
_PROPERTIES = {"CUDA_ARCHITECTURES": "cmake", "HIP_ARCHITECTURES": "amd"}
_STOPS = frozenset({"CACHE", "PARENT_SCOPE", "PROPERTIES", "FORCE", "STRING"})
MAX_COMMANDS = 20_000


class Word(NamedTuple):
    """An argument and its offsets in the file."""

    text: str
    start: int
    end: int


class Call(NamedTuple):
    """A command and its arguments."""

    name: str
    words: tuple[Word, ...]


def calls(text: str) -> Iterator[Call]:
    """Yield the commands of a CMake file in order; what is no command is passed over."""
    at, size, count = 0, len(text), 0
    while at < size and count < MAX_COMMANDS:
        match = _COMMAND.match(text, at)
        if match is None:
            if text.startswith("#[", at):
                at = _bracket_end(text, at + 1)
                continue
            end = text.find("\n", at)
            at = size if end < 0 else end + 1
            continue
        words, at = _words(text, match.end())
        count += 1
        yield Call(match[1].lower(), tuple(words))


def _words(text: str, at: int) -> tuple[list[Word], int]:
    words: list[Word] = []
    depth = 1
    while at < len(text) and depth:
        token = _TOKEN.match(text, at)
        if token is None:
            at += 1
            continue
        if token[1] is not None or token[2] is not None:
            at = _bracket_end(text, at + (token[1] is not None))
            continue
        at = token.end()
        if token[4]:
            depth += 1 if token[4] == "(" else -1
        elif token[3] is not None:
            words.append(Word(token[3], token.start(3), token.end(3)))
        elif token[5]:
            words.append(Word(token[5], token.start(5), token.end(5)))
    return words, at


def _bracket_end(text: str, at: int) -> int:
    """Return where the bracket argument or comment that opens at ``at`` ends."""
    opened = re.compile(r"\[(=*)\[").match(text, at)
    if opened is None:
        return at + 1
    end = text.find(f"]{opened[1]}]", opened.end())
    return len(text) if end < 0 else end + len(opened[1]) + 2


def scan(source: Source) -> Facts:
    """Return the architecture lists of a CMake file."""
    facts = Facts(source, "cmake")
    depth = 0
    flags: list[tuple[str, Span]] = []
    for call in calls(source.text):
        if call.name == "add_compile_options" or any(_NVCC_FLAGS.fullmatch(word.text) for word in call.words[:2]):
            flags += [(word.text, source.span(word.start, word.end)) for word in call.words]
        if call.name in ("if", "foreach", "while", "function", "macro"):
            depth += 1
        elif call.name in ("endif", "endforeach", "endwhile", "endfunction", "endmacro"):
            depth -= 1
        elif call.name == "set" and call.words:
            tool = VARIABLES.get(call.words[0].text)
            if tool:
                _add(facts, tool, call.words[0].text, call.words[1:], adds=False, conditional=depth > 0)
        elif call.name == "list" and len(call.words) > 1 and call.words[0].text in ("APPEND", "PREPEND", "INSERT"):
            tool = VARIABLES.get(call.words[1].text)
            if tool:
                _add(facts, tool, call.words[1].text, call.words[2:], adds=True, conditional=depth > 0)
        elif call.name in ("set_target_properties", "set_property"):
            _property(facts, call, conditional=depth > 0)
        elif call.name in ("string", "list") and any(word.text in VARIABLES for word in call.words[1:]):
            name = next(word for word in call.words[1:] if word.text in VARIABLES)
            _add(facts, VARIABLES[name.text], name.text, (name,), adds=True, conditional=True)
    if not any(one.tool == "cmake" for one in facts.arch_lists):
        facts.arch_lists.extend(of_flags(flags, "cmake"))
    return facts


def _property(facts: Facts, call: Call, *, conditional: bool) -> None:
    for position, word in enumerate(call.words):
        tool = _PROPERTIES.get(word.text)
        if tool:
            rest = call.words[position + 1 :]
            rest = rest[:1] if call.name == "set_target_properties" else rest
            _add(facts, tool, word.text, rest, adds=False, conditional=conditional)


def _add(facts: Facts, tool: str, name: str, words: tuple[Word, ...], *, adds: bool, conditional: bool) -> None:
    values = []
    for word in words:
        if word.text in _STOPS:
            break
        values.append(word)
    if not values:
        return
    text = ";".join(word.text for word in values)
    settled = "$" not in text
    facts.arch_lists.append(
        ArchList(
            tool=tool,  # type: ignore[arg-type]
            name=name,
            text=text if settled and not adds else None,
            span=facts.source.span(values[0].start, values[-1].end),
            how="cmake",
            adds=adds or (not settled and name in text),
            conditional=conditional,
        )
    )
