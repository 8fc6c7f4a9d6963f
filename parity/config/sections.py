"""Knows how one section of a project file is read: plain types first, each problem kept for the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from parity.errors import InvalidConfigError
from parity.inputs import convert_all, problem_at

if TYPE_CHECKING:
    from parity.errors import ParityError
    from parity.inputs import Document

T = TypeVar("T")


def part(document: Document, key: str, kind: type, problems: list[ParityError]) -> Any:
    """Return a section that must be of a plain type, an empty one when it is missing or wrong."""
    value = document.data.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        word = {"dict": "a mapping", "list": "a list"}[kind.__name__]
        problems.append(problem_at(document, key, f"{word} is needed, not {type(value).__name__}", mend="correct it"))
        return kind()
    return value


def section(document: Document, key: str, kind: type[T], default: T, problems: list[ParityError]) -> T:
    """Return a section as data of a kind, the default where it is missing or wrong."""
    data = part(document, key, dict, problems)
    return converted(document, data, kind, key, problems) or default


def converted(document: Document, data: Any, kind: type[T], at: str, problems: list[ParityError]) -> T | None:
    """Return data as a kind; None, with the problems noted, where they are no such."""
    try:
        return convert_all(data, kind, document=document, at=at)
    except InvalidConfigError as error:
        problems.extend(error.problems)
        return None
