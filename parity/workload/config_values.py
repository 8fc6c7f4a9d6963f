"""Knows how to take a value out of a configuration that somebody else wrote: typed, bounded, every problem at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.errors import InvalidConfigError, ParityError
from parity.inputs import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

# Far above any model, far below what makes a product of a few of them unprintable.
MAX_WIDTH = 2**24
MAX_COUNT = 2**16
MAX_TOKENS = 2**40
_MISSING = object()


class Values:
    """One mapping of a configuration; problems are collected and raised together by ``finish``."""

    def __init__(
        self, data: Mapping[str, Any], *, where: str, at: str = "", problems: list[ParityError] | None = None
    ) -> None:
        """Remember the mapping and where it stands."""
        self.data = data
        self.where = where
        self.at = at
        self.problems: list[ParityError] = problems if problems is not None else []

    def has(self, *names: str) -> bool:
        """Return whether one of the names is there with a value that is not null."""
        return any(self.data.get(name) is not None for name in names)

    def whole(self, *names: str, high: int = MAX_WIDTH, low: int = 1) -> int | None:
        """Return the whole number under the first name that is there; None, and a problem if it is no such number."""
        name, value = self._first(names)
        if value is _MISSING:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self._problem(name, f"a whole number is needed, not {_told(value)}")
            return None
        if not low <= value <= high:
            self._problem(name, f"{_told(value)} is outside {low} .. {high}")
            return None
        return value

    def need(self, *names: str, high: int = MAX_WIDTH, low: int = 1) -> int:
        """Return a whole number that must be there; 1 stands in until ``finish`` raises."""
        value = self.whole(*names, high=high, low=low)
        if value is None and not self.has(*names):
            also = f" (or {', '.join(names[1:])})" if len(names) > 1 else ""
            self._problem(names[0], f"the key is missing{also}", mend="give the model's complete config.json")
        return 1 if value is None else value

    def flag(self, name: str) -> bool | None:
        """Return true or false; None when it is not there."""
        value = self.data.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._problem(name, f"true or false is needed, not {_told(value)}")
        return None

    def text(self, *names: str) -> str:
        """Return a text, empty when it is not there."""
        name, value = self._first(names)
        if value is _MISSING:
            return ""
        if not isinstance(value, str):
            self._problem(name, f"text is needed, not {_told(value)}")
            return ""
        return printable(value)

    def texts(self, name: str, *, limit: int = MAX_COUNT) -> tuple[str, ...]:
        """Return a list of texts, empty when it is not there."""
        value = self.data.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > limit or not set(map(type, value)) <= {str}:
            self._problem(name, f"a list of at most {limit} texts is needed, not {_told(value)}")
            return ()
        return tuple(value)

    def wholes(self, name: str, *, high: int = MAX_WIDTH, low: int = 0) -> tuple[int, ...] | None:
        """Return a list of whole numbers, None when it is not there."""
        value = self.data.get(name)
        if value is None:
            return None
        good = isinstance(value, list) and len(value) <= MAX_COUNT
        if not good or not all(type(item) is int and low <= item <= high for item in value):
            self._problem(name, f"a list of whole numbers within {low} .. {high} is needed, not {_told(value)}")
            return None
        return tuple(value)

    def factor(self, name: str, *, high: float) -> float | None:
        """Return a number of 1 up to ``high``, None when there is no such number."""
        value = self.data.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return float(value) if 1 <= value <= high else None

    def inner(self, name: str) -> Values | None:
        """Return the mapping under a name, None when it is not there."""
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._problem(name, f"a mapping is needed, not {_told(value)}")
            return None
        return Values(value, where=self.where, at=self._path(name), problems=self.problems)

    def over(self, unsaid: Mapping[str, Any]) -> Values:
        """Return the same mapping with the values that a file may leave out; one that is null counts as left out."""
        told = {name: value for name, value in self.data.items() if value is not None or name not in unsaid}
        return Values({**unsaid, **told}, where=self.where, at=self.at, problems=self.problems)

    def problem(self, name: str, what: str, *, mend: str = "correct the value") -> None:
        """Add a problem with a key."""
        self._problem(name, what, mend=mend)

    def finish(self) -> None:
        """Raise when there were problems.

        Raises:
            InvalidConfigError: with every problem met so far.
        """
        if self.problems:
            raise InvalidConfigError(self.problems)

    def _first(self, names: tuple[str, ...]) -> tuple[str, Any]:
        for name in names:
            if self.data.get(name) is not None:
                return name, self.data[name]
        return names[0], _MISSING

    def _path(self, name: str) -> str:
        return f"{self.at}.{name}" if self.at else name

    def _problem(self, name: str, what: str, *, mend: str = "correct the value") -> None:
        told = f"{printable(self._path(name))}: {what}"
        if not any((one.what, one.where) == (told, self.where) for one in self.problems):  # one key may be asked twice
            self.problems.append(ParityError(told, where=self.where, mend=mend))


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else "a number of very many digits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return repr(printable(value)[:40])
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "null"
