"""Knows requirements files (PEP 508 lines with pip's options) and single requirements."""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from parity.lint.facts import Doubt, Facts, Requirement
from parity.lint.source import Source, Span

_INDEX = re.compile(r"(?:-i|--index-url|--extra-index-url)[ =]\s*(\S+)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OPTION = re.compile(r"\s--(?:hash|config-settings|global-option)[= ].*$")
_WHEEL = re.compile(r"/([A-Za-z0-9_.]+)-(\d[^-/]*)-(?:[^-/]+-){2,3}[^-/]+\.whl")
MAX_LINE = 4000


def requirement_of(
    text: str, span: Span, *, group: str = "", index: str = "", locked: bool = False
) -> Requirement | None:
    """Return what a PEP 508 text asks for, None when it is no requirement (a path, an option, broken)."""
    if len(text) > MAX_LINE or not re.match(r"[A-Za-z0-9]", text):
        return None
    try:
        parsed = Pep508(text.strip())
    except (InvalidRequirement, ValueError, RecursionError):
        wheel = _WHEEL.search(text)
        if wheel is None:
            return None
        name, version = wheel[1].replace("_", "-"), wheel[2].replace("%2B", "+").replace("%2b", "+")
        return Requirement(name=canonicalize_name(name), specifier=f"=={version}", span=span, group=group, index=index)
    return Requirement(
        name=canonicalize_name(parsed.name),
        specifier=str(parsed.specifier),
        span=span,
        group=group,
        index=index or (parsed.url or ""),
        marker=str(parsed.marker or ""),
        locked=locked,
    )


def scan(source: Source) -> Facts:
    """Return the requirements of a requirements or constraints file."""
    facts = Facts(source, "requirements")
    index = ""
    for number, line in enumerate(source.lines, 1):
        text = _OPTION.sub("", _COMMENT.sub("", line[:MAX_LINE])).rstrip("\\ \t")
        stripped = text.strip()
        if not stripped:
            continue
        option = _INDEX.match(stripped)
        if option:
            index = option[1]
            continue
        if stripped.startswith("-"):
            continue
        start = len(text) - len(text.lstrip())
        span = Span(number, start + 1, number, start + len(stripped) + 1)
        if "${" in stripped or "{{" in stripped:
            facts.doubts.append(Doubt(what=stripped.split("$")[0][:60] or "requirement", why="variable", line=number))
            continue
        one = requirement_of(stripped, span, group="file")
        if one is not None:
            facts.requirements.append(one)
    facts.requirements = [_with_index(one, index) for one in facts.requirements]
    return facts


def _with_index(one: Requirement, index: str) -> Requirement:
    if one.index or not index:
        return one
    return Requirement(
        name=one.name, specifier=one.specifier, span=one.span, group=one.group, index=index, marker=one.marker
    )
