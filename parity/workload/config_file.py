"""Knows how a model's configuration is read: all of it is checked, and what nothing asks for is never built.

A configuration of a megabyte is a table of labels and a dozen numbers. Building the table takes as long as everything
else that is told about the model (8 of 60 ms, benchmarks/doctor_startup.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from parity.errors import InputFileError
from parity.inputs import load_json, may_be_deep

# Digits as one digit, both letters of an exponent as one, no plus sign: so that numbers of many digits can be sought.
_NUMBERS = bytes.maketrans(b"123456789E", b"000000000e")
_LONG, _LARGE = b"0" * 200, b"e000"


class Config(Mapping[str, Any]):
    """A JSON mapping whose values are built when they are asked for."""

    def __init__(self, unread: dict[str, msgspec.Raw]) -> None:
        """Take the mapping's keys with the JSON of each value."""
        self._unread = unread
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return a value."""
        if name not in self._read:
            self._read[name] = msgspec.json.decode(self._unread[name])
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        """Return whether the key is there; nothing is built for the answer."""
        return name in self._unread

    def __iter__(self) -> Iterator[str]:
        """Return the keys, in the file's order."""
        return iter(self._unread)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._unread)

    def mappings(self) -> list[str]:
        """Return the keys whose values are mappings; none is built."""
        return [name for name, raw in self._unread.items() if memoryview(raw)[0] == ord("{")]


def load_config(raw: bytes, *, where: str) -> Any:
    """Return the JSON of a configuration, a ``Config`` where that is the same as the whole.

    Files of Mamba models carry ``Infinity``, which is no JSON but is written by Python.

    Raises:
        InputFileError: the bytes are not JSON, or nested too deeply.
    """
    if not _may_not_build(raw):
        try:
            return Config(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
        except (msgspec.DecodeError, RecursionError):
            pass  # no mapping, or no JSON: told below, in the words of the whole
    try:
        return load_json(raw, where=where)
    except InputFileError:
        if b"Infinity" not in raw and b"NaN" not in raw:
            raise
    import json

    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputFileError(f"not JSON: {str(error)[:80]}", where=where, mend="correct the syntax") from error


def _may_not_build(raw: bytes) -> bool:
    r"""Return whether JSON may hold what only building it refuses: deep nesting, bad UTF-8, numbers out of range.

    What looks so inside a text counts as if it were a number; such a file is built whole.

    >>> _may_not_build(b'{"a": 1E+400}'), _may_not_build(b'{"a": "e1000"}'), _may_not_build(b'{"a": "\xff"}')
    (True, True, True)
    >>> _may_not_build(b'{"a": [1, 1e22, 1e-5], "b": "LABEL_12345"}')
    False
    """
    numbers = raw.translate(_NUMBERS, b"+")
    if _LONG in numbers or _LARGE in numbers or may_be_deep(raw):
        return True
    if raw.isascii():
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False
