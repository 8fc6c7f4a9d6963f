"""Knows what a script's commands mean for parity: variables they set, packages they install, what they run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from parity.lint import shell
from parity.lint.arch_lists import VARIABLES
from parity.lint.facts import ArchList, Command, Facts, How, Requirement, Setting
from parity.lint.python_scope import about_perf
from parity.lint.requirements import index_of, requirement_of

if TYPE_CHECKING:
    from parity.lint.source import Span, Stretch

_PERF_WORD = re.compile(
    r"(?:^|[/_\-.])(?:bench(?:mark(?:s|ing)?)?|perf(?:ormance)?|throughput|latency)(?:$|[/_\-.:])", re.IGNORECASE
)
_RUNNERS = frozenset(
    {"uv", "poetry", "pdm", "python", "python3", "sudo", "time", "xvfb-run", "run", "-m", "srun", "nohup"}
)
INDEX_OPTIONS = frozenset({"-i", "--index-url", "--extra-index-url", "--index", "--torch-backend"})
PIP_VALUE_OPTIONS = frozenset(
    {"-r", "--requirement", "-c", "--constraint", "-f", "--find-links", "-i", "--index-url", "--extra-index-url", "-t",
     "--target", "--prefix", "--root", "-e", "--editable", "--python", "--platform", "--timeout", "--retries",
     "--index-strategy", "--torch-backend", "--config-settings", "-C", "--cache-dir", "--progress-bar", "--index",
     "--override", "--no-build-isolation-package", "--no-binary", "--only-binary", "--upgrade-strategy", "-p",
     "--python-version"}
)  # fmt: skip


def scan(
    lines: list[Stretch],
    facts: Facts,
    *,
    how: How,
    scope: str = "",
    known: dict[str, str | None] | None = None,
) -> list[Command]:
    """Add what a script says to a file's facts, and return its commands.

    Args:
        lines: the script's lines with their places.
        facts: added to.
        how: what kind of place the script stands in.
        scope: its stage, job or target.
        known: variables that are settled before it starts.
    """
    commands = []
    simples = shell.parse(lines, known)
    perf = any(is_perf(tuple(word.value for word in simple.words)) for simple in simples)
    for simple in simples:
        for one in simple.assigned:
            name = VARIABLES.get(one.name)
            if name and simple.words:
                continue  # given to one command: the list of what that command builds, often one dependency
            if name and (one.adds or (one.value is None and one.raw)):
                adds = one.adds and not (one.default and not re.search(rf"\${one.name}|\$\{{{one.name}\}}", one.raw))
                facts.arch_lists.append(
                    ArchList(
                        tool=name,  # type: ignore[arg-type]
                        name=one.name, text=None if adds else one.value, span=one.span, how=how, scope=scope,
                        adds=adds, conditional=simple.conditional,
                    )
                )  # fmt: skip
                continue
            setting = Setting(
                name=one.name, value=one.value, span=one.span, whole=one.whole, how=how, scope=scope, perf=perf,
                conditional=simple.conditional, default=one.default,
            )  # fmt: skip
            facts.settings.append(setting)
        if simple.words:
            command = Command(
                words=tuple(word.value for word in simple.words),
                spans=tuple(word.span for word in simple.words),
                how=how,
                scope=scope,
                environment={one.name: one.value for one in simple.assigned},
            )
            commands.append(command)
            facts.requirements.extend(installed(command, conditional=simple.conditional))
    facts.commands.extend(commands)
    return commands


def program(words: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """Return a command's words from the program on: wrappers such as ``uv run`` and ``sudo`` are taken off."""
    rest = list(words)
    while rest and rest[0] is not None and (rest[0].rsplit("/", 1)[-1] in _RUNNERS or rest[0].startswith("python3.")):
        rest.pop(0)
        while rest and rest[0] is not None and rest[0].startswith("--") and "=" in rest[0]:
            rest.pop(0)
    return tuple(rest)


def is_perf(words: tuple[str | None, ...]) -> bool:
    """Return whether a command measures: a benchmark script, or pytest on benchmarks."""
    rest = program(words)
    if not rest or rest[0] is None:
        return False
    name = rest[0].rsplit("/", 1)[-1]
    if name in ("pytest", "py.test"):
        return any(
            _PERF_WORD.search(word) for word in rest[1:] if word and not word.startswith(("-p", "--cov", "--junit"))
        )
    if name.endswith((".py", ".sh")) or "." in name:
        return _PERF_WORD.search(rest[0]) is not None
    return name in ("vllm", "sglang") and len(rest) > 1 and rest[1] == "bench"


def measures(facts: Facts) -> bool:
    """Return whether a file says that it measures: its path does, or a command in it."""
    return about_perf(facts.path) or any(is_perf(command.words) for command in facts.commands)


def installed(command: Command, *, conditional: bool = False) -> list[Requirement]:
    """Return the distributions that a ``pip install`` (uv pip, python -m pip, conda install) command asks for."""
    words = command.words
    start = next(
        (
            n + 2
            for n in range(len(words) - 1)
            if words[n] is not None
            and words[n].rsplit("/", 1)[-1] in ("pip", "pip3", "uv")  # type: ignore[union-attr]
            and (words[n + 1] == "install" or (words[n + 1] == "add" and words[n] == "uv"))
        ),
        None,
    )
    if start is None:
        return []
    index, other = _index_of(words[start:])
    rest = list(zip(words[start:], command.spans[start:], strict=True))
    found: list[Requirement] = []
    group = f"{command.how}:{command.scope}:{command.spans[0].line}"
    while rest:
        word, span = rest.pop(0)
        if word is None:
            continue
        if word.startswith("-"):
            if word in PIP_VALUE_OPTIONS and rest:
                rest.pop(0)
            continue
        one = requirement_of(word, _inside(word, span), group=group, index=index)
        if one is not None:
            one = msgspec.structs.replace(one, other_index=other and one.index == index)
            found.append(msgspec.structs.replace(one, marker="conditional") if conditional else one)
    return found


def _inside(word: str, span: Span) -> Span:
    """Return the place without the quotes around a word, when it is on one line."""
    if span.line == span.end_line and span.end_column - span.column == len(word) + 2:
        return span._replace(column=span.column + 1, end_column=span.end_column - 1)
    return span


def _index_of(words: tuple[str | None, ...]) -> tuple[str, bool]:
    """Return the index that decides on a build, and whether another one is asked too; ``?`` where it is not settled."""
    given: list[tuple[str, str]] = []
    for position, word in enumerate(words):
        if word in INDEX_OPTIONS and position + 1 < len(words):
            given.append((word, words[position + 1] or "?"))
        elif word and word.partition("=")[0] in INDEX_OPTIONS and "=" in word:
            option, _, url = word.partition("=")
            given.append((option, url))
    return index_of(given) if given else ("?" if None in words else "", False)
