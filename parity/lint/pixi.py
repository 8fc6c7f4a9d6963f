"""Knows pixi: the conda and PyPI packages of a manifest's tables, and what its lock file installs on Linux."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from parity.lint.facts import Facts, Requirement
from parity.lint.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_TABLES = (("dependencies", "conda:"), ("host-dependencies", "conda:"), ("pypi-dependencies", ""))
_ENVIRONMENT = re.compile(r" {2}([\w.-]{1,200}|\"[^\"\n]{1,200}\"):\s*")
_PLATFORM = re.compile(r" {6}([\w.-]{1,200}):\s*")
_PACKAGE = re.compile(r"\s*- (conda|pypi): (\S+)\s*")
_CONDA_FILE = re.compile(r"([\w.]+(?:-[\w.]+)*)-([^-/]+)-([^-/]+)\.(?:conda|tar\.bz2)")
_WHEEL_FILE = re.compile(r"([\w.]+)-([^-/]+)-(?:[^-/]+-){2,3}[^-/]+\.whl")


def manifest(data: dict[str, Any], source: Source) -> Iterator[Requirement]:
    """Yield the packages of a manifest: of ``pixi.toml``, or of ``[tool.pixi]`` in ``pyproject.toml``."""
    places = [("", data)]
    places += [(str(name), one) for name, one in _table(data.get("feature")).items()]
    for name, place in places:
        linux = [one for key, one in _table(_table(place).get("target")).items() if str(key).startswith("linux")]
        for part in (_table(place), *map(_table, linux)):
            for table, prefix in _TABLES:
                for package, value in _table(part.get(table)).items():
                    one = _requirement(str(package), value, prefix, f"pixi {name}".strip(), source)
                    if one is not None:
                        yield one


def _requirement(package: str, value: Any, prefix: str, group: str, source: Source) -> Requirement | None:
    details = value if isinstance(value, dict) else {}
    version = details.get("version") if details else value  # none of a path or a repository
    if not isinstance(version, str):
        return None
    index = details.get("index", "")
    exact = re.fullmatch(r"\d[\w.!+]*(?:\.\*)?", version)
    return Requirement(
        name=f"{prefix}{package.lower()}" if prefix else canonicalize_name(package),
        specifier=f"=={version}" if exact else "" if version == "*" else version,
        span=place_of(package, version, source),
        group=group,
        index=index if isinstance(index, str) else "",
    )


def place_of(package: str, version: str, source: Source) -> Span:
    """Return where a package's version stands; the file's start where it is written some other way."""
    pattern = re.compile(rf"^[ \t]*[\"']?{re.escape(package)}[\"']?[ \t]*=[ \t]*", re.MULTILINE)
    for match in pattern.finditer(source.text):
        end = source.text.find("\n", match.end())
        start = source.text.find(version, match.end(), len(source.text) if end < 0 else end)
        if start >= 0:
            return source.span(start, start + len(version))
    return Span(1, 1, 1, 1)


def locked(source: Source) -> Facts:
    """Return the packages that ``pixi.lock`` installs on Linux, each version once, by environment."""
    facts = Facts(source, "lock")
    environment = platform = ""
    seen: set[tuple[str, str]] = set()
    inside = False
    for number, line in enumerate(source.lines, 1):
        if line[:1] not in (" ", "-", "#", ""):
            inside = line.startswith("environments:")
        elif inside and (match := _ENVIRONMENT.fullmatch(line)):
            environment, platform = match[1].strip('"'), ""
        elif inside and (match := _PLATFORM.fullmatch(line)):
            platform = match[1]
        elif inside and platform.startswith("linux") and (match := _PACKAGE.fullmatch(line)):
            place = Span(number, match.start(2) + 1, number, match.end(2) + 1)
            one = _installed(match[1], match[2], environment, place)
            if one is not None and (one.name, one.specifier) not in seen:
                seen.add((one.name, one.specifier))
                facts.requirements.append(one)
    return facts


def _installed(kind: str, address: str, environment: str, span: Span) -> Requirement | None:
    file = unquote(address.rpartition("/")[2])
    match = (_CONDA_FILE if kind == "conda" else _WHEEL_FILE).fullmatch(file[:300])
    if match is None:
        return None
    name = f"conda:{match[1].lower()}" if kind == "conda" else canonicalize_name(match[1])
    return Requirement(name=name, specifier=f"=={match[2]}", span=span, group=f"lock {environment}", locked=True)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
