"""Knows ``pyproject.toml`` and ``pixi.toml``: what the project and its groups depend on, and from which index."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from packaging.utils import canonicalize_name

from parity.inputs import MAX_DEPTH
from parity.lint import arch_lists, pixi, poetry
from parity.lint.facts import BrokenFile, Facts, Setting
from parity.lint.requirements import requirement_of
from parity.lint.source import Span
from parity.lint.yaml_positions import is_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.source import Source

# tomllib takes quadratic time over a key of many dots.
_LONG_KEY = re.compile(rf"(?:\.[ \t]*[\w\-\"']+[ \t]*){{{MAX_DEPTH}}}")


def load_toml(source: Source) -> dict[str, Any]:
    """Return a TOML file's data.

    Raises:
        BrokenFile: it is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    if deep := _LONG_KEY.search(source.text):
        place = source.span(deep.start(), deep.start() + 1)
        raise BrokenFile(f"not read: a key of more than {MAX_DEPTH} parts", place)
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
    data = load_toml(source)
    if source.path.rpartition("/")[2].lower() == "pixi.toml":
        facts.requirements.extend(pixi.manifest(data, source))
        return facts
    used: set[tuple[int, int]] = set()
    indexes = _indexes(_table(_table(data.get("tool")).get("uv")))
    for group, text in _texts(data):
        span = _place(text, source, used)
        one = requirement_of(text, span, group=group)
        if one is not None:
            index = one.index or indexes.get(one.name, indexes[""])
            facts.requirements.append(msgspec.structs.replace(one, index=index))
    tool = _table(data.get("tool"))
    facts.requirements.extend(pixi.manifest(_table(tool.get("pixi")), source))
    facts.requirements.extend(poetry.manifest(_table(tool.get("poetry")), source))
    facts.settings.extend(_built_with(tool, source, used))
    return facts


def _built_with(tool: dict[str, Any], source: Source, used: set[tuple[int, int]]) -> Iterator[Setting]:
    """Yield the architecture lists that cibuildwheel and scikit-build-core hand to a build."""
    wheels, skbuild = _table(tool.get("cibuildwheel")), _table(tool.get("scikit-build"))
    places = [(wheels.get("environment"), False), (_table(wheels.get("linux")).get("environment"), False)]
    places += [(_table(skbuild.get("cmake")).get("define"), False)]
    overrides = wheels.get("overrides")
    for one in overrides if isinstance(overrides, list) else ():
        places.append((_table(one).get("environment"), True))
    for place, conditional in places:
        for name, value in _assigned(place):
            # Written as one string with others, a value has no quotes of its own.
            span = _place(value, source, used)
            if span == Span(1, 1, 1, 1):
                span = _bare(f"{name}=", value, source)
            text = None if "$" in value else value
            yield Setting(
                name=name, value=text, span=span, whole=span, how="shell", scope="wheels", conditional=conditional
            )


def _assigned(place: Any) -> Iterator[tuple[str, str]]:
    """Yield the architecture lists of a table, or of a string of assignments."""
    if isinstance(place, str):
        place = {match[1]: match[2].strip("\"'") for match in re.finditer(r"([A-Z_]+)=(\"[^\"]*\"|'[^']*'|\S*)", place)}
    for name, value in _table(place).items():
        if name in arch_lists.VARIABLES and isinstance(value, (str, list)):
            yield name, value if isinstance(value, str) else ";".join(str(word) for word in value)


def _bare(before: str, text: str, source: Source) -> Span:
    """Return where a text stands after another, or the file's start."""
    at = source.text.find(before)
    start = source.text.find(text, at + len(before)) if at >= 0 else -1
    return source.span(start, start + len(text)) if start >= 0 else Span(1, 1, 1, 1)


def _indexes(uv: dict[str, Any]) -> dict[str, str]:
    """Return package -> the index that uv takes it from, under an empty name that of all others; ``?``: not settled."""
    listed = uv.get("index")
    tables = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    address = {str(one.get("name")): str(one.get("url", "?")) for one in tables}
    # An index that is not named for some packages may hold any.
    open_ = [str(one.get("url", "?")) for one in tables if not one.get("explicit")]
    open_ += ["?"] if uv.get("extra-index-url") else []
    found = {"": open_[0] if len(open_) == 1 else "?" if open_ else str(uv.get("index-url", ""))}
    for name, told in _table(uv.get("sources")).items():
        chosen = told.get("index") if isinstance(told, dict) else None
        found[canonicalize_name(name)] = address.get(str(chosen), "?") if chosen else "?"
    return found


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
