"""Knows requirements files (PEP 508 lines with pip's options) and single requirements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from parity.lint.facts import Doubt, Facts, Requirement
from parity.lint.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDEX = re.compile(r"(-i|--index-url|--extra-index-url)[ =]\s*(\S+)")
# An index or a version's suffix that stands for one build of torch: CUDA 12.6, ROCm 6.4, none of them.
BUILD = re.compile(r"(?:^|[/+\-.])(?:cu(\d{2,3})|rocm(\d\.\d)|(cpu|xpu))(?:$|[/.\-_])")
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
    indexes: list[tuple[str, str]] = []
    for number, line in enumerate(source.lines, 1):
        text = _OPTION.sub("", _COMMENT.sub("", line[:MAX_LINE])).rstrip("\\ \t")
        stripped = text.strip()
        if not stripped:
            continue
        option = _INDEX.match(stripped)
        if option:
            indexes.append((option[1], option[2]))
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
    index, other = index_of(indexes)
    facts.requirements = [
        one if one.index else msgspec.structs.replace(one, index=index, other_index=other) for one in facts.requirements
    ]
    return facts


def index_of(given: Sequence[tuple[str, str]]) -> tuple[str, bool]:
    """Return which of pip's indexes decides on a build, and whether another one is asked too.

    Args:
        given: each option with its URL: ``("--extra-index-url", "https://.../cu126")``.
    """
    urls = [url for _, url in given]
    decides = next((url for url in urls if BUILD.search(url)), urls[0] if urls else "")
    return decides, len(urls) > 1 or any(option == "--extra-index-url" for option, _ in given)
