"""Knows one call of a package's function while it is evaluated, and the ways it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from parity.backends.values import Value


class Frame(NamedTuple):
    """One call: the module whose names are seen, the local names, and the call's number."""

    module: str
    local: dict[str, Value]
    number: int = 0


class ReturnedError(Exception):
    """The function returns a value."""

    def __init__(self, value: Value) -> None:
        """Carry the value."""
        super().__init__()
        self.value = value


class RaisedError(Exception):
    """The function raises; the text says where."""


class ImportFailedError(RaisedError):
    """The function imports a module that is not there."""
