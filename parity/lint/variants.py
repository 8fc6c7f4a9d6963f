"""Knows whether a project has another file of the same make for the target: ``Dockerfile`` and ``Dockerfile.b200``.

Of several variants only the one for the target is held against it; a file that no variant stands beside is for all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.version import Version

from parity.lint import parts
from parity.lint.files import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.lint.asked import Asked
    from parity.model.lint import LintFinding

# What comes in variants: images, and lists of what is installed.
_KINDS = frozenset({"dockerfile", "requirements", "yaml"})
_WORD = re.compile(r"[a-z]+|\d+")
_TOOLKIT = re.compile(r"(?:^|[^a-z0-9])cu(?:da)?[-_.]?(\d{2})[-_.]?(\d)(?:[^0-9]|$)")
_WORDS = re.compile(r"[a-z0-9]+")


def for_the_target(findings: list[LintFinding], paths: Iterable[str], asked: Asked) -> list[LintFinding]:
    """Return the findings without those in files beside which a variant for the target stands.

    Args:
        findings: of rules that hold a file against the target, and of others.
        paths: every file that was looked at.
        asked: what the run is asked.
    """
    if asked.target is None or not findings:
        return findings
    folders: dict[str, list[str]] = {}
    for path in paths:
        folders.setdefault(path.rpartition("/")[0], []).append(path)
    return [one for one in findings if not _has_variant(one.path, folders.get(one.path.rpartition("/")[0], []), asked)]


def _has_variant(path: str, beside: list[str], asked: Asked) -> bool:
    kind = kind_of(path)
    if kind not in _KINDS or _is_for(path, asked):
        return False
    return any(
        other != path and kind_of(other) == kind and _same_make(path, other) and _is_for(other, asked)
        for other in beside
    )


def _same_make(path: str, other: str) -> bool:
    """Return whether two names share a word: ``Dockerfile`` and ``Dockerfile.b200``, ``environment-b200.yml``."""
    one, two = (set(_WORD.findall(name.rpartition("/")[2].lower())) for name in (path, other))
    return bool((one & two) - {"yml", "yaml", "txt"})


def _is_for(path: str, asked: Asked) -> bool:
    """Return whether a name speaks of the target, its family, or a toolkit that can build for it."""
    spec, name = asked.spec, path.rpartition("/")[2].lower()
    if not parts.own_words(spec).isdisjoint(_WORDS.findall(name)):
        return True
    first, toolkit = asked.stack.first_cuda(spec.arch), _TOOLKIT.search(name)
    return bool(first and toolkit and Version(f"{toolkit[1]}.{toolkit[2]}") >= Version(first))
