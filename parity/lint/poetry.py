"""Knows poetry's own tables of ``pyproject.toml``: packages with versions in its notation, and their sources."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from parity.lint.facts import Requirement
from parity.lint.pixi import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.source import Source


def manifest(data: dict[str, Any], source: Source) -> Iterator[Requirement]:
    """Yield the packages of ``[tool.poetry]``; one with several or conditional entries holds for some places only."""
    listed = data.get("source")
    sources = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    address = {str(one.get("name")): str(one.get("url", "?")) for one in sources}
    tables = [("poetry", data.get("dependencies"))]
    tables += [(f"poetry {name}", _table(one).get("dependencies")) for name, one in _table(data.get("group")).items()]
    for group, table in tables:
        for name, told in _table(table).items():
            entries = told if isinstance(told, list) else [told]
            for entry in entries:
                details = entry if isinstance(entry, dict) else {"version": entry}
                version = details.get("version")
                if name == "python" or not isinstance(version, str):
                    continue
                limited = len(entries) > 1 or not {"markers", "python", "platform"}.isdisjoint(details)
                chosen = details.get("source")
                yield Requirement(
                    name=canonicalize_name(str(name)),
                    specifier=_specifier(version),
                    span=place_of(str(name), version, source),
                    group=group,
                    # Without a choice poetry asks every source that it has.
                    index=address.get(str(chosen), "?") if chosen else "?" if address else "",
                    marker="conditional" if limited else "",
                )


def _specifier(version: str) -> str:
    """Return a version in PEP 440's notation as far as it is a pin: a bare version is one.

    >>> _specifier("2.1.0"), _specifier("^2.1"), _specifier(">=2.1,<3")
    ('==2.1.0', '', '>=2.1,<3')
    """
    if re.fullmatch(r"=?\s*\d[\w.!+]*(?:\.\*)?", version):
        return f"=={version.lstrip('= ')}"
    return version if version[:1] in "<>=!~" and not version.startswith("~") else ""


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
