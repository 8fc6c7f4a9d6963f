"""Knows what the command line and the environment say, and what they agree on before the engine is asked.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

MODES = ("fail", "skip", "xfail", "annotate", "off")
LEVELS = ("identical", "equivalent", "same-arch", "same-vendor", "different")
CONDITIONS = ("fail", "annotate", "off")
SAVED = "saved fingerprint"
ENGINE_TIMEOUT_S = 60.0

_NO, _YES = ("0", "false", "no", "off"), ("1", "true", "yes", "on")


class Settings(NamedTuple):
    """What the command line and the environment say; None where they are silent.

    Attributes:
        conditions: what disturbed run conditions do to a perf test.
        require_measured: whether a run that measured no perf test fails.
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
    conditions: str | None
    require_measured: bool | None
    reports: tuple[str, ...]
    rootdir: str
    directory: str
    timeout_s: float
    sources: Mapping[str, str]

    @property
    def judged_source(self) -> str:
        """What is judged in place of this machine, in the word of the reports; empty when this machine is."""
        return "" if self.fingerprint is None else SAVED


def resolve(config: pytest.Config) -> Settings:
    """Return the settings of the run.

    Raises:
        pytest.UsageError: one line that names the option or variable with the bad value.
    """
    directory = str(config.invocation_params.dir)
    sources: dict[str, str] = {}
    names = ("target", "require", "mode", "fingerprint", "config", "conditions")
    values = {name: _value(config, name, sources) for name in names}
    check_choice(values["conditions"], CONDITIONS, sources.get("conditions", ""))
    check_choice(values["mode"], MODES, sources.get("mode", ""))
    check_choice(values["require"], LEVELS, sources.get("require", ""))
    reports = config.getoption("parity_report") or []
    if not all(reports):
        message = "--parity-report: empty file name"
        raise pytest.UsageError(message)
    for name in ("fingerprint", "config"):
        given = values[name]
        values[name] = None if given is None else str(_path(directory, given))
    return Settings(
        **values,
        require_measured=_require_measured(config, sources),
        reports=tuple(str(_path(directory, path)) for path in reports),
        rootdir=str(config.rootpath),
        directory=directory,
        timeout_s=_timeout_s(),
        sources=sources,
    )


def runs_tests(config: pytest.Config) -> bool:
    """Tell whether tests will run; listing them, fixtures or the cache needs no engine."""
    listing = ("collectonly", "showfixtures", "show_fixtures_per_test", "cacheshow")
    return not any(config.getoption(name, default=None) for name in listing)


def _path(directory: str, given: str) -> Path:
    """Return an absolute path; no shell replaces ``~`` in ``--parity-report=~/run.json``, so pytest's options do."""
    return Path(directory, os.path.expanduser(given))  # noqa: PTH111  (Path raises where there is no such home)


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


def check_choice(value: str | None, choices: tuple[str, ...], where: str) -> None:
    """Raise ``pytest.UsageError`` when a value is not among the choices; ``where`` it stands leads the line."""
    if value is not None and value not in choices:
        close = difflib.get_close_matches(value, choices, n=1)
        hint = f" (close: {close[0]})" if close else ""
        message = f"{where}: {value!r} is not one of {', '.join(choices)}{hint}"
        raise pytest.UsageError(message)


def _require_measured(config: pytest.Config, sources: dict[str, str]) -> bool | None:
    """Return whether a run without a measurement fails; None where nobody said."""
    if config.getoption("parity_require_measured"):
        sources["require_measured"] = "--parity-require-measured"
        return True
    text = os.environ.get("PARITY_REQUIRE_MEASURED")
    if text is None or text == "":
        return None
    if text.lower() not in (*_NO, *_YES):
        message = f"PARITY_REQUIRE_MEASURED: {text!r} is neither 1 nor 0"
        raise pytest.UsageError(message)
    sources["require_measured"] = "PARITY_REQUIRE_MEASURED"
    return text.lower() in _YES


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
