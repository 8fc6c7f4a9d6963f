"""Knows which function reads which kind of file, and gives a broken file's reason instead of an exception."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from parity.lint import arch_lists
from parity.lint.facts import BrokenFile, Doubt, Facts
from parity.lint.source import Span

if TYPE_CHECKING:
    from collections.abc import Collection

    from parity.lint.source import Source

# kind -> module below parity.lint with a function ``scan(source) -> Facts``
SCANNERS = {
    "dockerfile": "dockerfile",
    "python": "python_source",
    "shell": "shell_file",
    "github-workflow": "github_workflow",
    "gitlab-ci": "gitlab",
    "buildkite": "buildkite",
    "yaml": "yaml_file",
    "make": "makefile",
    "cmake": "cmake",
    "requirements": "requirements",
    "pyproject": "pyproject",
    "lock": "lockfiles",
    "model-config": "model_config",
    "tuned-rows": "tuned_rows",
}


def scan(source: Source, kind: str, words: Collection[str] = ()) -> Facts:
    """Return a file's facts; of a file that cannot be parsed, the reason.

    Args:
        source: the file.
        kind: which scanner reads it.
        words: of Python, what calls for a rule; blocks without any of them need not be read.
    """
    module = importlib.import_module(f"parity.lint.{SCANNERS[kind]}")
    try:
        facts: Facts = module.scan(source, words) if kind == "python" else module.scan(source)
    except BrokenFile as broken:
        return _unread(source, kind, broken)
    except (RecursionError, MemoryError) as error:
        told = f"nested too deeply ({type(error).__name__})"
        return _unread(source, kind, BrokenFile(told, Span(1, 1, 1, 1)))
    arch_lists.from_settings(facts)
    return facts


def _unread(source: Source, kind: str, broken: BrokenFile) -> Facts:
    """Return the facts of a file of which nothing but the reason is known."""
    facts = Facts(source, kind)
    facts.readable = False
    if broken.other:
        facts.doubts.append(Doubt(what="the file", why=broken.reason, line=broken.span.line))
    else:
        facts.broken = (broken.reason, broken.span)
    return facts
