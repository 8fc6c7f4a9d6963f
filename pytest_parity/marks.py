"""Knows what the ``parity`` markers of a test say, and how a mistake in one is told.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import contextlib
import difflib
from typing import Any, NamedTuple

import pytest

from pytest_parity.settings import CONDITIONS, LEVELS, MODES, check_choice

_ARGUMENTS = ("target", "require", "mode", "conditions", "rules", "off")
_CHOICES = {"mode": MODES, "require": LEVELS, "conditions": CONDITIONS}


class MarkSettings(NamedTuple):
    """What the ``parity`` markers of one test say, closest marker first; None where they are silent.

    Attributes:
        off: the test opted out.
    """

    target: str | None = None
    require: str | None = None
    mode: str | None = None
    conditions: str | None = None
    rules: tuple[str, ...] | None = None
    off: bool = False

    @property
    def judges(self) -> bool:
        """Whether the test is judged by something else than the run."""
        return (self.target, self.require, self.rules) != (None, None, None)


def read_marks(item: pytest.Item) -> MarkSettings | None:
    """Return what the item's ``parity`` markers say, None without one.

    A nearer marker wins key by key. An opt-out holds unless a nearer marker opts back in.

    Raises:
        pytest.UsageError: an argument is unknown or has a bad value; the line names file, line and test.
    """
    merged: dict[str, Any] = {}
    found = False
    for node, mark in item.iter_markers_with_node("parity"):
        given = _checked(mark, item, node)
        if given.pop("off", False) or given.get("mode") == "off":
            if not found:
                return MarkSettings(off=True)
            break
        found = True
        merged = {**given, **merged}
    return MarkSettings(**merged) if found else None


def place_of(item: pytest.Item, node: Any = None) -> str:
    """Return where a marker stands, for messages: ``test_a.py:12: @pytest.mark.parity of test_a.py::test_b``.

    Args:
        item: the test.
        node: what carries the marker: the test, its class or its module; by default the nearest that has one.
    """
    if node is None:
        node = next((owner for owner, _ in item.iter_markers_with_node("parity")), item)
    line = None
    if not isinstance(node, pytest.Module):
        with contextlib.suppress(Exception):  # nodes of other plugins need not know
            line = node.reportinfo()[1]
    path = item.nodeid.partition("::")[0]
    return f"{path}{f':{line + 1}' if line is not None and line >= 0 else ''}: @pytest.mark.parity of {item.nodeid}"


def _checked(mark: pytest.Mark, item: pytest.Item, node: Any) -> dict[str, Any]:
    """Return a marker's arguments; where it stands is found out only for a mistake."""
    try:
        return _arguments(mark)
    except pytest.UsageError as error:
        message = f"{place_of(item, node)}: {error}"
    raise pytest.UsageError(message)


def _arguments(mark: pytest.Mark) -> dict[str, Any]:
    if mark.args:
        first = mark.args[0]
        message = f"takes named arguments only, got {first!r}; mend: write target={first!r}"
        raise pytest.UsageError(message)
    given = dict(mark.kwargs)
    for name, value in given.items():
        if name not in _ARGUMENTS:
            close = difflib.get_close_matches(name, _ARGUMENTS) or _ARGUMENTS
            message = f"no argument is named {name!r}; close: {', '.join(close)}"
            raise pytest.UsageError(message)
        _check_type(name, value)
        if name in _CHOICES:
            check_choice(value, _CHOICES[name], name)
    if "rules" in given:
        given["rules"] = tuple(given["rules"])
    return given


def _check_type(name: str, value: object) -> None:
    if name == "off":
        good, wanted = isinstance(value, bool), "True or False"
    elif name == "rules":
        good = isinstance(value, (list, tuple)) and all(isinstance(rule, str) for rule in value)
        wanted = "a list of rule names"
    else:
        good, wanted = isinstance(value, str) and bool(value), "a name"
    if not good:
        message = f"{name}: {value!r} is not {wanted}"
        raise pytest.UsageError(message)
