"""Knows where each setting comes from: marker over command line over environment, over the project file.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

MODES = ("fail", "skip", "xfail", "annotate", "off")
LEVELS = ("identical", "equivalent", "same-arch", "same-vendor", "different")
ENGINE_TIMEOUT_S = 60.0

_MARK_ARGUMENTS = ("target", "require", "mode", "rules", "off")


@dataclass(frozen=True)
class Settings:
    """What the command line and the environment say; None where they are silent.

    Attributes:
        sources: setting name -> the option or environment variable it came from.
        reports: absolute paths to write the verdict to.
        rootdir: pytest's rootdir, where the engine looks for project files.
        directory: where pytest was started; relative paths are relative to it.
        timeout_s: seconds the engine may take for one answer.
    """

    target: str | None
    require: str | None
    mode: str | None
    fingerprint: str | None
    config: str | None
    reports: tuple[str, ...]
    rootdir: str
    directory: str
    timeout_s: float
    sources: Mapping[str, str]


@dataclass(frozen=True)
class MarkSettings:
    """What the ``parity`` markers of one test say, closest marker first.

    Attributes:
        off: the test opted out.
    """

    target: str | None = None
    require: str | None = None
    mode: str | None = None
    rules: tuple[str, ...] | None = None
    off: bool = False


def resolve(config: pytest.Config) -> Settings:
    """Return the settings of the run.

    Raises:
        pytest.UsageError: one line that names the option or variable with the bad value.
    """
    directory = str(config.invocation_params.dir)
    sources: dict[str, str] = {}
    names = ("target", "require", "mode", "fingerprint", "config")
    values = {name: _value(config, name, sources) for name in names}
    _check_choice(values["mode"], MODES, sources.get("mode", ""))
    _check_choice(values["require"], LEVELS, sources.get("require", ""))
    reports = config.getoption("parity_report") or []
    if not all(reports):
        message = "--parity-report: empty file name"
        raise pytest.UsageError(message)
    for name in ("fingerprint", "config"):
        given = values[name]
        values[name] = None if given is None else str(Path(directory, given))
    return Settings(
        **values,
        reports=tuple(str(Path(directory, path)) for path in reports),
        rootdir=str(config.rootpath),
        directory=directory,
        timeout_s=_timeout_s(),
        sources=sources,
    )


def read_marks(item: pytest.Item) -> MarkSettings | None:
    """Return what the item's ``parity`` markers say, None without one.

    A nearer marker wins key by key. An opt-out holds unless a nearer marker opts back in.

    Raises:
        pytest.UsageError: an argument is unknown or has a bad value; the line names the test.
    """
    merged: dict[str, Any] = {}
    found = False
    for mark in item.iter_markers("parity"):
        where = f"{item.nodeid}: @pytest.mark.parity"
        given = _checked_arguments(mark, where)
        if given.pop("off", False) or given.get("mode") == "off":
            if not found:
                return MarkSettings(off=True)
            break
        found = True
        merged = {**given, **merged}
    return MarkSettings(**merged) if found else None


def runs_tests(config: pytest.Config) -> bool:
    """Tell whether tests will run; listing them, fixtures or the cache needs no engine."""
    listing = ("collectonly", "showfixtures", "show_fixtures_per_test", "cacheshow")
    return not any(config.getoption(name, default=None) for name in listing)


def _checked_arguments(mark: pytest.Mark, where: str) -> dict[str, Any]:
    if mark.args:
        first = mark.args[0]
        message = f"{where}: takes named arguments only, got {first!r}; mend: write target={first!r}"
        raise pytest.UsageError(message)
    given = dict(mark.kwargs)
    for name, value in given.items():
        if name not in _MARK_ARGUMENTS:
            close = difflib.get_close_matches(name, _MARK_ARGUMENTS) or _MARK_ARGUMENTS
            message = f"{where}: no argument is named {name!r}; close: {', '.join(close)}"
            raise pytest.UsageError(message)
        _check_type(name, value, f"{where}: {name}")
    _check_choice(given.get("mode"), MODES, f"{where}: mode")
    _check_choice(given.get("require"), LEVELS, f"{where}: require")
    if "rules" in given:
        given["rules"] = tuple(given["rules"])
    return given


def _check_type(name: str, value: object, where: str) -> None:
    if name == "off":
        good, wanted = isinstance(value, bool), "True or False"
    elif name == "rules":
        good = isinstance(value, (list, tuple)) and all(isinstance(rule, str) for rule in value)
        wanted = "a list of rule names"
    else:
        good, wanted = isinstance(value, str) and bool(value), "a name"
    if not good:
        message = f"{where}: {value!r} is not {wanted}"
        raise pytest.UsageError(message)


def _value(config: pytest.Config, name: str, sources: dict[str, str]) -> str | None:
    """Return the option, else the variable; an empty variable is unset, an empty option is a mistake."""
    option: str | None = config.getoption(f"parity_{name}")
    if option is not None:
        sources[name] = f"--parity-{name}"
        if not option:
            message = f"--parity-{name}: empty value; mend: give one, or leave the option out"
            raise pytest.UsageError(message)
        return option
    variable = f"PARITY_{name.upper()}"
    value = os.environ.get(variable)
    if value:
        sources[name] = variable
    return value or None


def _check_choice(value: str | None, choices: tuple[str, ...], where: str) -> None:
    if value is not None and value not in choices:
        close = difflib.get_close_matches(value, choices, n=1)
        hint = f" (close: {close[0]})" if close else ""
        message = f"{where}: {value!r} is not one of {', '.join(choices)}{hint}"
        raise pytest.UsageError(message)


def _timeout_s() -> float:
    text = os.environ.get("PARITY_ENGINE_TIMEOUT")
    if not text:
        return ENGINE_TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        message = f"PARITY_ENGINE_TIMEOUT: {text!r} is not a number of seconds above 0"
        raise pytest.UsageError(message)
    return seconds
