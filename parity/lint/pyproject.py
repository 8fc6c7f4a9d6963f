"""Knows ``pyproject.toml``: what the project and its groups depend on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from parity.lint.facts import BrokenFile, Facts
from parity.lint.requirements import requirement_of
from parity.lint.source import Span
from parity.lint.yaml_positions import is_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.source import Source


def load_toml(source: Source) -> dict[str, Any]:
    """Return a TOML file's data.

    Raises:
        BrokenFile: it is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(source.text)
    except (ValueError, RecursionError) as error:
        if is_template(source.text):
            return {}
        raise BrokenFile(f"not TOML: {str(error)[:200]}", Span(1, 1, 1, 1)) from error


def scan(source: Source) -> Facts:
    """Return the requirements of a project file.

    Raises:
        BrokenFile: it is not TOML.
    """
    facts = Facts(source, "pyproject")
    used: set[tuple[int, int]] = set()
    for group, text in _texts(load_toml(source)):
        span = _place(text, source, used)
        one = requirement_of(text, span, group=group)
        if one is not None:
            facts.requirements.append(one)
    return facts


def _texts(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (group, requirement text) of every list of requirements."""
    project = _table(data.get("project"))
    lists = [("project", project.get("dependencies"))]
    lists += [(f"extra {name}", value) for name, value in _table(project.get("optional-dependencies")).items()]
    lists += [(f"group {name}", value) for name, value in _table(data.get("dependency-groups")).items()]
    lists.append(("build", _table(data.get("build-system")).get("requires")))
    for group, value in lists:
        for item in value if isinstance(value, list) else ():
            if isinstance(item, str):
                yield group, item


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _place(text: str, source: Source, used: set[tuple[int, int]]) -> Span:
    """Return where a text stands in quotes; each place serves once."""
    for quote in ('"', "'"):
        start = source.text.find(f"{quote}{text}{quote}")
        while start >= 0:
            span = source.span(start + 1, start + 1 + len(text))
            if (span.line, span.column) not in used:
                used.add((span.line, span.column))
                return span
            start = source.text.find(f"{quote}{text}{quote}", start + 1)
    return Span(1, 1, 1, 1)
