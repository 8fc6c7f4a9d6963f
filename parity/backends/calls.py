"""Knows what calls in a package's source come to: of its own functions, of the machine, of a few builtins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.backends.machine import NOT_ASKED
from parity.backends.values import Capability, FunctionValue, Instance, ModuleValue, Symbol, Unknown, quoted

if TYPE_CHECKING:
    import ast

    from parity.backends.evaluate import Evaluator
    from parity.backends.frame import Frame
    from parity.backends.values import Value

BUILTIN_CALLS = (
    "bool",
    "float",
    "getattr",
    "hasattr",
    "int",
    "isinstance",
    "len",
    "list",
    "map",
    "str",
    "tuple",
    "any",
    "all",
    "set",
)
_TEXT_METHODS = (
    "split",
    "lower",
    "upper",
    "strip",
    "startswith",
    "endswith",
    "partition",
    "rpartition",
    "removeprefix",
)
_LIST_METHODS = ("append", "insert", "extend")
CHANGES = (*_LIST_METHODS, "__setattr__")
_VERSION_CALLS = ("packaging.version.parse", "packaging.version.Version", "pkg_resources.parse_version")
_ENVIRONMENT = ("os.environ.get", "os.getenv")
MAX_TEXT = 1000
_CACHE = Symbol("a cache")


def call(run: Evaluator, node: ast.Call, frame: Frame) -> Value:
    """Return what a call comes to; ``Unknown`` where the source does not tell."""
    from parity.backends import expressions

    text = quoted(node)
    name = expressions.dotted(run, node.func, frame)
    if name == "super" and not node.args:
        return frame.local.get("super()", Unknown(text))
    told = run.machine.called(name)
    if told is not NOT_ASKED:
        return told
    positional = [run.value(argument, frame) for argument in node.args]
    keywords = {word.arg: run.value(word.value, frame) for word in node.keywords if word.arg is not None}
    if len(keywords) < len(node.keywords):
        return Unknown(text)
    for asked in (name, name.rpartition(".")[2]):
        if asked in run.bound:
            bound = run.bound[asked]
            return positional[0] if bound is FIRST_ARGUMENT and positional else bound
    known = _known(run, name, positional, keywords, text)
    if known is not NOT_ASKED:
        return known
    callee = run.value(node.func, frame)
    if callee == _CACHE and positional and isinstance(positional[0], FunctionValue):
        return positional[0]
    if isinstance(callee, Symbol) and callee.name.startswith("builtins."):
        return _builtin(run, callee.last, positional, text)
    method = _method(run, node, frame, positional, text)
    return run.call(callee, positional, keywords, text) if method is NOT_ASKED else method


FIRST_ARGUMENT = Symbol("the first argument")
"""Bound to a function that gives back what it is given."""


def _known(run: Evaluator, name: str, positional: list[Value], keywords: dict[str, Value], text: str) -> Value:
    """Return what functions of the standard library and ``packaging`` come to, ``NOT_ASKED`` of others."""
    if name in _ENVIRONMENT and positional and isinstance(positional[0], str):
        fallback = positional[1] if len(positional) > 1 else keywords.get("default")
        return run.machine.environment.get(positional[0], fallback)
    if name == "importlib.util.find_spec" and positional and isinstance(positional[0], str):
        return Symbol(f"the module {positional[0]}") if run.tree.has(positional[0]) else None
    if name in _VERSION_CALLS:
        return _version(positional[0]) if positional and isinstance(positional[0], str) else Unknown(text)
    last = name.rpartition(".")[2]
    if last == "partial" and positional and isinstance(positional[0], FunctionValue):
        function = positional[0]
        return function._replace(bound=(*function.bound, *positional[1:]), fixed=(*function.fixed, *keywords.items()))
    if last in ("lru_cache", "cache") and name.startswith(("functools.", "lru_cache", "cache")):
        return positional[0] if positional and isinstance(positional[0], FunctionValue) else _CACHE
    if name in ("object.__getattribute__", "object.__setattr__") and positional and isinstance(positional[0], Instance):
        if last == "__setattr__":
            positional[0].attributes[positional[1]] = positional[2]
        return positional[0].attributes.get(positional[1], Unknown(text))
    return NOT_ASKED


def _version(text: str) -> Value:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text[:MAX_TEXT])
    except InvalidVersion:
        return Unknown(f"version {text[:40]}")


def _builtin(run: Evaluator, name: str, positional: list[Value], text: str) -> Value:
    from parity.backends import expressions

    if not positional and name in ("list", "set", "tuple"):
        return () if name == "tuple" else []
    first = positional[0] if positional else None
    if name == "map" and len(positional) == 2 and expressions.is_sequence(positional[1]):
        return [run.call(first, [item], {}, text) if not isinstance(first, Symbol) else
                _builtin(run, first.last, [item], text) for item in positional[1]]  # fmt: skip
    if name == "hasattr" and len(positional) == 2 and isinstance(first, (ModuleValue, Symbol)):
        told = run.machine.has(first.name, str(positional[1]))
        return Unknown(text) if told is None else told
    if name in ("hasattr", "isinstance") or isinstance(first, Unknown) or not positional:
        return _asked_type(positional, text) if name == "isinstance" else Unknown(text)
    if name == "getattr" and len(positional) >= 2 and isinstance(positional[1], str):
        return expressions.attribute(run, first, positional[1], text)
    if name in ("any", "all") and isinstance(first, (list, tuple)):
        unknown = [item for item in first if isinstance(item, Unknown)]
        known = [expressions.truth(item) for item in first if not isinstance(item, Unknown)]
        decided = any(known) if name == "any" else not all(known)
        return (name == "any") if decided else Unknown(text) if unknown else name == "all"
    return _plain(name, first, text)


def _plain(name: str, first: Any, text: str) -> Value:
    from parity.backends import expressions

    try:
        if name == "bool" and (first is None or isinstance(first, (bool, int, float, str))):
            return bool(first)
        if name in ("int", "float", "str") and isinstance(first, (bool, int, float, str)):
            return {"int": int, "float": float, "str": str}[name](first)
        if name == "len" and (expressions.is_sequence(first) or isinstance(first, (str, dict))):
            return len(first)
        if name in ("list", "tuple", "set") and expressions.is_sequence(first):
            return tuple(first) if name == "tuple" else list(first)
    except (ValueError, OverflowError):
        pass
    return Unknown(text)


def _asked_type(positional: list[Value], text: str) -> Value:
    """Return what ``isinstance`` says of constants and capabilities, the types that gates ask for."""
    if len(positional) != 2 or not isinstance(positional[1], Symbol):
        return Unknown(text)
    kinds: dict[str, type] = {"int": int, "str": str, "tuple": tuple, "float": float, "list": list}
    kind = kinds.get(positional[1].last)
    first = positional[0]
    plain = first is None or isinstance(first, (int, float, str, list, Capability)) or type(first) is tuple
    return isinstance(first, kind) if kind and plain else Unknown(text)


def _method(run: Evaluator, node: ast.Call, frame: Frame, positional: list[Value], text: str) -> Value:
    """Return what a method of a text, list or capability comes to, ``NOT_ASKED`` of others."""
    import ast

    from parity.backends import expressions

    if not isinstance(node.func, ast.Attribute):
        return NOT_ASKED
    name = node.func.attr
    owner = run.value(node.func.value, frame)
    if isinstance(owner, str) and name in _TEXT_METHODS and all(isinstance(item, str) for item in positional):
        try:
            return getattr(owner[:MAX_TEXT], name)(*positional)
        except (TypeError, ValueError):
            return Unknown(text)
    if isinstance(owner, Capability) and name == "to_int":
        return owner.major * 10 + owner.minor
    if isinstance(owner, dict) and name == "get" and positional and isinstance(positional[0], (str, int)):
        return owner.get(positional[0], positional[1] if len(positional) > 1 else None)
    if type(owner) is list and name in _LIST_METHODS and len(owner) < MAX_TEXT:
        plain = expressions.is_sequence(positional[-1]) if name == "extend" and positional else True
        if (
            not plain
            or len(positional) != (2 if name == "insert" else 1)
            or (name == "insert" and type(positional[0]) is not int)
        ):
            return Unknown(text)
        getattr(owner, name)(*positional)
        return None
    return Unknown(text) if isinstance(owner, ModuleValue) and not run.tree.has(owner.name) else NOT_ASKED
