"""Knows the comparisons a target file may write: a value, or an operator and a number."""

from __future__ import annotations

import operator
import re

_OPERATORS = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_PATTERN = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?)\s*")


def is_comparison(text: str) -> bool:
    """Return whether every comma separated part is an operator and a number.

    >>> is_comparison(">=700"), is_comparison(">=100,<700"), is_comparison("auto")
    (True, True, False)
    """
    return all(_PATTERN.fullmatch(part) for part in text.split(","))


def numbers_of(required: object) -> tuple[float, ...]:
    """Return the numbers that a condition names.

    >>> numbers_of(">=100,<700"), numbers_of(700), numbers_of("auto"), numbers_of(True)
    ((100.0, 700.0), (700.0,), (), ())
    """
    if isinstance(required, str):
        parts = [_PATTERN.fullmatch(part) for part in required.split(",")]
        return tuple(float(part[2]) for part in parts if part)
    is_number = isinstance(required, (int, float)) and not isinstance(required, bool)
    return (float(required),) if is_number else ()  # type: ignore[arg-type]


def holds(value: object, required: object) -> bool:
    """Return whether a reading meets a declared condition.

    >>> holds(700.0, ">=700"), holds(True, True), holds(325.0, 350), holds("auto", "auto")
    (True, True, False, True)
    """
    if isinstance(required, str) and is_comparison(required):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        parts = [_PATTERN.fullmatch(part) for part in required.split(",")]
        return all(_OPERATORS[part[1]](value, float(part[2])) for part in parts if part)
    if isinstance(required, bool) or isinstance(value, bool):
        return value is required
    if isinstance(required, (int, float)) and isinstance(value, (int, float)):
        return value == required
    return str(value).lower() == str(required).lower()
