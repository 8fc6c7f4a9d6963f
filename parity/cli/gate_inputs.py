"""Knows the inputs of the gate's step, and refuses those that cannot be meant: all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.errors import InvalidConfigError, UsageError
from parity.inputs import near_names, printable
from parity.model.rule import LEVELS, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODES = {"doctor": ("doctor",), "lint": ("lint",), "both": ("doctor", "lint")}
NEVER = "never"
_CHOICES = {
    "mode": tuple(MODES),
    "require": ("", *LEVELS),
    "fail-on": ("", *SEVERITIES, NEVER),
    "summary": ("true", "false"),
}
_DEFAULTS = {"mode": "doctor", "summary": "true", "paths": "."}
_NAMES = ("target", "mode", "require", "config", "paths", "fingerprint", "fail-on", "sarif", "summary")


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs, checked; an empty text means that nothing was said.

    Attributes:
        commands: ``doctor``, ``lint`` or both.
        paths: what to lint.
        sarif: where to write it.
        summary: whether to write the job summary.
    """

    commands: tuple[str, ...]
    target: str = ""
    require: str = ""
    config: str = ""
    paths: tuple[str, ...] = (".",)
    fingerprint: str = ""
    fail_on: str = ""
    sarif: str = ""
    summary: bool = True

    def words(self, command: str) -> list[str]:
        """Return a command's options; each value is glued to its option, so that none can be taken for another."""
        given = {"target": self.target, "config": self.config, "fail-on": self.fail_on if self.fail_on != NEVER else ""}
        if command == "doctor":
            given |= {"require": self.require, "fingerprint": self.fingerprint}
        words = [f"--{name}={value}" for name, value in given.items() if value]
        return [*words, "--", *self.paths] if command == "lint" else words


def inputs_of(environment: Mapping[str, str]) -> Inputs:
    """Return the inputs that ``action.yml`` put into the environment as ``PARITY_INPUT_<NAME>``.

    Raises:
        InvalidConfigError: some cannot be meant.
    """
    given = {name: environment.get(variable_of(name), "") or _DEFAULTS.get(name, "") for name in _NAMES}
    given = {name: value if name in (*_CHOICES, "paths") else value.strip() for name, value in given.items()}
    problems = list(_problems(given))
    if problems:
        raise InvalidConfigError(list(problems))
    return Inputs(
        commands=MODES[given["mode"]],
        target=given["target"],
        require=given["require"],
        config=given["config"],
        paths=tuple(line.strip() for line in given["paths"].splitlines() if line.strip()),
        fingerprint=given["fingerprint"],
        fail_on=given["fail-on"],
        sarif=given["sarif"],
        summary=given["summary"] == "true",
    )


def variable_of(name: str) -> str:
    """Return the environment variable of an input.

    >>> variable_of("fail-on")
    'PARITY_INPUT_FAIL_ON'
    """
    return f"PARITY_INPUT_{name.upper().replace('-', '_')}"


def _problems(given: Mapping[str, str]) -> Iterator[UsageError]:
    for name, value in given.items():
        where = f"input {name}"
        allowed = "\n\r" if name == "paths" else ""
        if any(not one.isprintable() and one not in allowed for one in value):
            yield UsageError(
                f"{printable(value)!r} has line breaks or control characters", where=where, mend="write it on one line"
            )
        elif name in _CHOICES and value not in _CHOICES[name]:
            choices = [choice for choice in _CHOICES[name] if choice]
            mend = f"use one of: {', '.join(choices)}"
            yield UsageError(
                f"{printable(value)!r} is not known here", where=where, close=near_names(value, choices), mend=mend
            )
        elif name == "paths" and not value.strip():
            yield UsageError("no path", where=where, mend="write `.` for the whole repository")
