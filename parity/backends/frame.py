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
    """The function raises.

    Attributes:
        kind: name of the exception: ``ImportError`` of a module that is not there, ``AssertionError``.
    """

    def __init__(self, where: str, kind: str) -> None:
        """Carry where it does, in words, and the exception's name."""
        super().__init__(where)
        self.kind = kind
