"""Knows the values that a package's source is evaluated to, where they are not Python's own constants."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple, TypeAlias

# Python constants, tuples, lists, sets and dicts stand for themselves; everything else is one of the classes below.
Value: TypeAlias = Any
MAX_TEXT = 120  # of source that is quoted


class Unknown(NamedTuple):
    """A value that the source alone does not tell.

    Attributes:
        text: the source that would tell it.
        frame: number of the call that met it; the same text in two calls may be two values.
    """

    text: str
    frame: int = 0


class Symbol(NamedTuple):
    """Something of which only the name counts: an enumeration's member with its value, a data type."""

    name: str
    value: str | int | None = None

    @property
    def last(self) -> str:
        """Return ``FLASHINFER`` of ``AttentionBackendEnum.FLASHINFER``."""
        return self.name.rpartition(".")[2]


class ModuleValue(NamedTuple):
    """A module, by its dotted name."""

    name: str


class ClassValue(NamedTuple):
    """A class of the package."""

    module: str
    node: ast.ClassDef


class FunctionValue(NamedTuple):
    """A function of the package; ``bound`` is what comes before its arguments."""

    module: str
    node: ast.FunctionDef | ast.Lambda
    bound: tuple[Value, ...] = ()
    fixed: tuple[tuple[str, Value], ...] = ()  # of functools.partial
    home: ClassValue | None = None  # the class that defines it


class SuperValue(NamedTuple):
    """``super()`` in a method: the bases of the class that defines it, for the object or class it is called on."""

    home: ClassValue
    bound: Value


class Instance:
    """An object of a class of the package; attributes that nobody set are looked up in the class."""

    def __init__(self, kind: ClassValue, attributes: dict[str, Value] | None = None) -> None:
        """Make one of ``kind``."""
        self.kind = kind
        self.attributes: dict[str, Value] = dict(attributes or {})


class Capability(tuple[int, ...]):
    """A compute capability as packages hold it: a pair with names."""

    __slots__ = ()

    @property
    def major(self) -> int:
        """Return 9 of (9, 0)."""
        return self[0]

    @property
    def minor(self) -> int:
        """Return 0 of (9, 0)."""
        return self[1]


class GiveUpError(Exception):
    """The source has a shape that is not understood; the text says which."""


def quoted(node: ast.AST) -> str:
    """Return the source of a node in one line, cut."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."


def shown(value: Value) -> str:
    """Return a value as people read it: ``fa3``, ``FLASHINFER``, ``MXFP8BlockScaling``."""
    if isinstance(value, Symbol):
        return value.last
    if isinstance(value, Instance):
        return value.kind.node.name
    if isinstance(value, Unknown):
        return f"? ({value.text})"
    if isinstance(value, (list, tuple)) and not isinstance(value, (Unknown, Symbol)):
        return ", ".join(shown(item) for item in value)
    return str(value)[:MAX_TEXT]
