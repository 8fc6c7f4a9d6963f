"""Knows lock files (uv.lock, poetry.lock, pdm.lock, pixi.lock): which version of which package is installed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from parity.lint import pixi
from parity.lint.facts import Facts, Requirement
from parity.lint.pyproject import load_toml

if TYPE_CHECKING:
    from parity.lint.source import Source

_NAMED = re.compile(r'^name = "([^"\n]*)"\s*\nversion = "([^"\n]*)"', re.MULTILINE)


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
    locked = Counter(str(entry.get("name")) for entry in entries)
    places: dict[str, list[re.Match[str]]] = defaultdict(list)
    for match in _NAMED.finditer(source.text):
        places[match[1]].append(match)
    searched = 0
    for entry in entries:
        name, version = entry.get("name"), entry.get("version")
        if not isinstance(name, str) or not isinstance(version, str):
            continue
        there = places.get(name, [])
        at = bisect_left([match.start() for match in there], searched)
        if at == len(there):
            continue
        match = there[at]
        searched = match.end()
        place = entry.get("source")
        index = str(place.get("registry", "")) if isinstance(place, dict) else ""
        facts.requirements.append(
            Requirement(
                name=name, specifier=f"=={version}", span=source.span(match.start(2), match.end(2)), group="lock",
                index=index, marker="several versions" if locked[name] > 1 else "", locked=True,
            )
        )  # fmt: skip
    return facts
