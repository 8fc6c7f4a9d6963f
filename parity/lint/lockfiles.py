"""Knows lock files (uv.lock, poetry.lock, pdm.lock, pixi.lock): which version of which package is installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint import pixi
from parity.lint.facts import Facts, Requirement
from parity.lint.pyproject import load_toml

if TYPE_CHECKING:
    from parity.lint.source import Source


def scan(source: Source) -> Facts:
    """Return the locked packages; one that is locked in several versions holds for some environments only.

    Raises:
        BrokenFile: it is not TOML.
    """
    if source.path.rpartition("/")[2].lower() == "pixi.lock":
        return pixi.locked(source)
    facts = Facts(source, "lock")
    packages = load_toml(source).get("package")
    entries = [one for one in packages if isinstance(one, dict)] if isinstance(packages, list) else []
    names = [entry.get("name") for entry in entries]
    searched = 0
    for entry in entries:
        name, version = entry.get("name"), entry.get("version")
        if not isinstance(name, str) or not isinstance(version, str):
            continue
        match = re.compile(rf'^name = "{re.escape(name)}"\s*\nversion = "([^"\n]*)"', re.MULTILINE).search(
            source.text, searched
        )
        if match is None:
            continue
        searched = match.end()
        place = entry.get("source")
        index = str(place.get("registry", "")) if isinstance(place, dict) else ""
        facts.requirements.append(
            Requirement(
                name=name, specifier=f"=={version}", span=source.span(match.start(1), match.end(1)), group="lock",
                index=index, marker="several versions" if names.count(name) > 1 else "", locked=True,
            )
        )  # fmt: skip
    return facts
