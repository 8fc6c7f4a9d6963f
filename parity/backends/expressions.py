"""Knows what expressions of a package's source come to: three-valued, bounded, and without running anything."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any

from parity.backends import calls, names
from parity.backends.machine import NOT_ASKED
from parity.backends.values import (
    Capability,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleValue,
    SuperValue,
    Symbol,
    Unknown,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.backends.evaluate import Evaluator
    from parity.backends.frame import Frame
    from parity.backends.values import Value

MAX_NUMBER = 10**15
MAX_LENGTH = 1000
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv, ast.Div: operator.truediv,
}  # fmt: skip
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
BUILTINS: dict[str, Value] = {name: Symbol(f"builtins.{name}") for name in calls.BUILTIN_CALLS}
# names of one data type
_SAME = {"torch.half": "torch.float16", "torch.float": "torch.float32"}


def truth(value: Value) -> bool:
    """Return the truth of a known value."""
    if isinstance(value, (Symbol, ModuleValue, ClassValue, FunctionValue, Instance)):
        return True
    return bool(value)


def is_sequence(value: Value) -> bool:
    """Return whether a value is a known list or tuple."""
    special = (Unknown, Symbol, ModuleValue, ClassValue, FunctionValue)
    return isinstance(value, (list, tuple, set, frozenset)) and not isinstance(value, special)


def evaluate(run: Evaluator, node: ast.expr, frame: Frame) -> Value:
    """Return what an expression comes to; ``Unknown`` where the source does not tell."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return run.name(node.id, frame)
    kind = _KINDS.get(type(node))
    return Unknown(quoted(node)) if kind is None else kind(run, node, frame)


def dotted(run: Evaluator, node: ast.expr, frame: Frame) -> str:
    """Return ``torch.version.cuda`` of an expression, its first name resolved to the module it stands for."""
    if isinstance(node, ast.Attribute):
        inner = dotted(run, node.value, frame)
        return f"{inner}.{node.attr}" if inner else ""
    if isinstance(node, ast.Name):
        found = frame.local.get(node.id, None)
        if found is None:
            found = names.lookup(run, frame.module, node.id)
        return found.name if isinstance(found, ModuleValue) else node.id
    return ""


def attribute(run: Evaluator, owner: Value, name: str, text: str) -> Value:
    """Return an attribute of a value."""
    if isinstance(owner, ModuleValue):
        return _of_module(run, owner, name)
    if isinstance(owner, Instance):
        return _of_instance(run, owner, name, text)
    if isinstance(owner, ClassValue):
        return _member(run, owner, run.class_member(owner, name), text)
    if isinstance(owner, SuperValue):
        return _member(run, owner.bound, run.member_of_bases(owner.home, name), text)
    if name == "value" and isinstance(owner, (str, int)):
        return owner  # of an enumeration that is text
    if name == "value" and isinstance(owner, Symbol) and owner.value is not None:
        return owner.value
    return getattr(owner, name) if isinstance(owner, Capability) and name in ("major", "minor") else Unknown(text)


def _of_instance(run: Evaluator, owner: Instance, name: str, text: str) -> Value:
    if name in owner.attributes:
        return owner.attributes[name]
    found = run.class_member(owner.kind, name)
    made_up = run.class_member(owner.kind, "__getattr__") if found is NOT_ASKED else None
    if isinstance(made_up, FunctionValue):
        return run.call(made_up, [owner, name], {}, text)
    return _member(run, owner, found, text)


def _of_module(run: Evaluator, owner: ModuleValue, name: str) -> Value:
    full = f"{owner.name}.{name}"
    told = run.machine.named(full)
    if told is not NOT_ASKED:
        return told
    if full in run.bound:
        return run.bound[full]
    if run.tree.has(owner.name) and owner.name != "torch":
        found = names.lookup(run, owner.name, name)
        if found is not NOT_ASKED:
            return found
    return Symbol(_SAME.get(full, full)) if owner.name == "torch" else ModuleValue(full)


def _member(run: Evaluator, owner: Value, found: Value, text: str) -> Value:
    """Return a class's member as it is seen through an object or the class: a method is bound to it."""
    if found is NOT_ASKED:
        return Unknown(text)
    if not isinstance(found, FunctionValue) or isinstance(found.node, ast.Lambda):
        return found
    decorators = {quoted(one).rpartition(".")[2] for one in found.node.decorator_list}
    if "staticmethod" in decorators:
        return found
    if "classmethod" not in decorators and isinstance(owner, ClassValue):
        return found
    bound = found._replace(bound=(owner,))
    return run.call(bound, [], {}, text) if decorators & {"property", "cached_property"} else bound


def binary(kind: type[ast.operator], left: Value, right: Value, text: str) -> Value:
    """Return the value of an operation on numbers, texts or lists; bounded."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown(text)
    numbers = all(isinstance(side, (int, float)) and abs(side) <= MAX_NUMBER for side in (left, right))
    joined = kind is ast.Add and type(left) is type(right) and isinstance(left, (str, list, tuple))
    known = kind in _ARITHMETIC and (numbers or (joined and len(left) + len(right) <= MAX_LENGTH))
    if not known:
        return Unknown(text)
    try:
        return _ARITHMETIC[kind](left, right)
    except (ArithmeticError, TypeError, ValueError):
        return Unknown(text)


def equal(left: Value, right: Value) -> bool | None:
    """Return whether two values are equal; None when that is not known."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return None
    if isinstance(left, Symbol) and isinstance(right, Symbol):
        if left == right:
            return True
        named = _is_dotted(left.name) and _is_dotted(right.name)
        return False if named and left.name.rpartition(".")[0] == right.name.rpartition(".")[0] else None
    special = (Symbol, ModuleValue, ClassValue, FunctionValue, Instance)
    if isinstance(left, special) or isinstance(right, special):
        return False if left is None or right is None else None
    if (
        is_sequence(left)
        and is_sequence(right)
        and any(isinstance(item, (Unknown, *special)) for item in (*left, *right))
    ):
        return None
    return bool(left == right)


def _is_dotted(name: str) -> bool:
    """Return whether a name is one of two parts or more: an enumeration's member, a module's data type."""
    return "." in name and all(part.isidentifier() for part in name.split("."))


def _compare(run: Evaluator, node: ast.Compare, frame: Frame) -> Value:
    left = run.value(node.left, frame)
    for sign, other in zip(node.ops, node.comparators, strict=True):
        right = run.value(other, frame)
        one = _one_comparison(run, sign, left, right)
        if one is None:
            return Unknown(_as_compared(node, sign, left, right))
        if not one:
            return False
        left = right
    return True


def _as_compared(node: ast.Compare, sign: ast.cmpop, left: Value, right: Value) -> str:
    """Return a comparison in words, with what is unknown of it as it was met first."""
    if len(node.ops) > 1 or not (isinstance(left, Unknown) or isinstance(right, Unknown)):
        return quoted(node)
    sides = [
        side.text if isinstance(side, Unknown) else quoted(part)
        for side, part in ((left, node.left), (right, node.comparators[0]))
    ]
    return f" {_SIGNS[type(sign)]} ".join(sides)


def _one_comparison(run: Evaluator, sign: ast.cmpop, left: Value, right: Value) -> bool | None:
    if isinstance(sign, (ast.Is, ast.IsNot)):
        same = equal(left, right) if left is None or right is None or isinstance(left, (bool, Symbol)) else None
        return same if same is None or isinstance(sign, ast.Is) else not same
    if isinstance(sign, (ast.Eq, ast.NotEq)):
        same = equal(left, right)
        return same if same is None or isinstance(sign, ast.Eq) else not same
    if isinstance(sign, (ast.In, ast.NotIn)):
        inside = _contains(run, right, left)
        return inside if inside is None or isinstance(sign, ast.In) else not inside
    try:
        ordered = _ORDER[type(sign)](left, right) if not _is_special(left) and not _is_special(right) else None
    except TypeError:
        return None
    return ordered if isinstance(ordered, bool) else None


def _is_special(value: Value) -> bool:
    if isinstance(value, (Unknown, Symbol, ModuleValue, ClassValue, FunctionValue, Instance)):
        return True
    return is_sequence(value) and any(_is_special(item) for item in value)


def _contains(run: Evaluator, container: Value, item: Value) -> bool | None:
    if isinstance(container, Instance):
        told = _of_instance(run, container, "__contains__", "")
        answer = run.call(told, [item], {}, "") if isinstance(told, FunctionValue) else Unknown("")
        return answer if isinstance(answer, bool) else None
    if isinstance(container, str) and isinstance(item, str):
        return item in container
    if isinstance(container, dict):
        container = list(container)
    if not is_sequence(container):
        return None
    told_each = [equal(one, item) for one in container]
    if True in told_each:
        return True
    return None if None in told_each else False


def _boolean(run: Evaluator, node: ast.BoolOp, frame: Frame) -> Value:
    """Return the value of ``and`` or ``or``: decided by any operand that decides, else by a choice."""
    decides = isinstance(node.op, ast.Or)
    unknown: list[str] = []
    value: Value = not decides
    for operand in node.values:
        value = run.value(operand, frame)
        if isinstance(value, Unknown):
            unknown.append(value.text)
        elif truth(value) == decides:
            return value if not unknown else decides
    if not unknown:
        return value
    return Unknown(unknown[0] if len(unknown) == 1 else (" or " if decides else " and ").join(unknown))


def _unary(run: Evaluator, node: ast.UnaryOp, frame: Frame) -> Value:
    value = run.value(node.operand, frame)
    if isinstance(node.op, ast.Not):
        return not run.is_true(value)
    if isinstance(node.op, ast.USub) and isinstance(value, (int, float)):
        return -value
    return Unknown(quoted(node))


def _binary(run: Evaluator, node: ast.BinOp, frame: Frame) -> Value:
    left, right = run.value(node.left, frame), run.value(node.right, frame)
    if isinstance(node.op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return {**left, **right}
    return binary(type(node.op), left, right, quoted(node))


def _conditional(run: Evaluator, node: ast.IfExp, frame: Frame) -> Value:
    return run.value(node.body if run.is_true(run.value(node.test, frame)) else node.orelse, frame)


def _collection(run: Evaluator, node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Value:
    items: list[Value] = []
    for element in node.elts:
        if isinstance(element, ast.Starred):
            inner = run.value(element.value, frame)
            if not is_sequence(inner):
                return Unknown(quoted(node))
            items.extend(inner)
        else:
            items.append(run.value(element, frame))
    return tuple(items) if isinstance(node, ast.Tuple) else items


def _dict(run: Evaluator, node: ast.Dict, frame: Frame) -> Value:
    made: dict[Any, Value] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        told = None if key is None else run.value(key, frame)
        if not isinstance(told, (str, int)):
            return Unknown(quoted(node))
        made[told] = run.value(value, frame)
    return made


def _attribute(run: Evaluator, node: ast.Attribute, frame: Frame) -> Value:
    name = dotted(run, node, frame)
    if name in run.bound:
        return run.bound[name]
    told = run.machine.named(name)
    if told is not NOT_ASKED:
        return told
    owner = run.value(node.value, frame)
    return attribute(run, owner, node.attr, quoted(node))


def _subscript(run: Evaluator, node: ast.Subscript, frame: Frame) -> Value:
    owner = run.value(node.value, frame)
    if isinstance(node.slice, ast.Slice):
        ends = [None if part is None else run.value(part, frame) for part in (node.slice.lower, node.slice.upper)]
        plain = (
            (is_sequence(owner) or isinstance(owner, str)) and node.slice.step is None and not isinstance(owner, set)
        )
        return (
            owner[slice(*ends)]
            if plain and all(end is None or type(end) is int for end in ends)
            else Unknown(quoted(node))
        )
    key = run.value(node.slice, frame)
    if isinstance(owner, dict) and isinstance(key, (str, int)):
        return owner.get(key, Unknown(quoted(node)))
    if (is_sequence(owner) or isinstance(owner, str)) and type(key) is int and not isinstance(owner, set):
        return owner[key] if -len(owner) <= key < len(owner) else Unknown(quoted(node))
    return Unknown(quoted(node))


def _call(run: Evaluator, node: ast.Call, frame: Frame) -> Value:
    return calls.call(run, node, frame)


def _formatted(run: Evaluator, node: ast.JoinedStr, frame: Frame) -> Value:
    """Return a stand-in for a formatted text: of it only counts that it is there."""
    del run, frame
    return Symbol(f"the text {quoted(node)}")


def _lambda(run: Evaluator, node: ast.Lambda, frame: Frame) -> Value:
    del run
    return FunctionValue(frame.module, node)


def _comprehension(run: Evaluator, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, frame: Frame) -> Value:
    part = node.generators[0]
    items = run.value(part.iter, frame)
    if len(node.generators) > 1 or not is_sequence(items) or not isinstance(part.target, ast.Name):
        return Unknown(quoted(node))
    made = []
    for item in list(items)[:MAX_LENGTH]:
        inner = frame._replace(local={**frame.local, part.target.id: item})
        if all(run.is_true(run.value(test, inner)) for test in part.ifs):
            made.append(run.value(node.elt, inner))
    return made


_KINDS: dict[type[ast.expr], Callable[..., Value]] = {
    ast.Attribute: _attribute, ast.BinOp: _binary, ast.BoolOp: _boolean, ast.Call: _call, ast.Compare: _compare,
    ast.Dict: _dict, ast.GeneratorExp: _comprehension, ast.IfExp: _conditional, ast.JoinedStr: _formatted,
    ast.Lambda: _lambda,
    ast.List: _collection, ast.ListComp: _comprehension, ast.Set: _collection, ast.SetComp: _comprehension,
    ast.Subscript: _subscript, ast.Tuple: _collection, ast.UnaryOp: _unary,
}  # fmt: skip
