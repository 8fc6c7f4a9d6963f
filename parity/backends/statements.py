"""Knows what statements of a package's function do: bind, branch, return; nothing that reaches outside."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from parity.backends import calls, expressions, names
from parity.backends.frame import RaisedError, ReturnedError
from parity.backends.source import imported_from
from parity.backends.values import GiveUpError, Instance, ModuleValue, Unknown, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parity.backends.evaluate import Evaluator
    from parity.backends.frame import Frame
    from parity.backends.values import Value

MAX_LOOP = 64


def body(run: Evaluator, statements: Sequence[ast.stmt], frame: Frame) -> Value:
    """Return what a function's body returns."""
    try:
        execute(run, statements, frame)
    except ReturnedError as returned:
        return returned.value
    return None


def execute(run: Evaluator, statements: Sequence[ast.stmt], frame: Frame) -> None:
    """Execute statements."""
    for node in statements:
        run.step()
        _statement(run, node, frame)


def _statement(run: Evaluator, node: ast.stmt, frame: Frame) -> None:
    if isinstance(node, ast.Return):
        raise ReturnedError(None if node.value is None else run.value(node.value, frame))
    if isinstance(node, ast.Raise):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        raise RaisedError(f"{run.tree.label(frame.module)}: {quoted(node)}", "" if raised is None else quoted(raised))
    if isinstance(node, ast.FunctionDef):
        frame.local[node.name] = Unknown(node.name)
        return
    done = _KINDS.get(type(node))
    if done is not None:
        done(run, node, frame)
    elif not isinstance(node, (ast.Pass, ast.Global)):
        raise GiveUpError(f"{type(node).__name__} is not evaluated")


def _if(run: Evaluator, node: ast.If, frame: Frame) -> None:
    execute(run, node.body if run.is_true(run.value(node.test, frame)) else node.orelse, frame)


def _assert(run: Evaluator, node: ast.Assert, frame: Frame) -> None:
    """Raise where an assertion surely fails; where it may, it is taken to hold."""
    if run.value(node.test, frame) is False:
        raise RaisedError(f"{run.tree.label(frame.module)}: {quoted(node)}", "AssertionError")


def _with(run: Evaluator, node: ast.With, frame: Frame) -> None:
    execute(run, node.body, frame)


def _effect(run: Evaluator, node: ast.Expr, frame: Frame) -> None:
    """Execute a call for its effect, when it changes a list or an object; the others log or check."""
    if not isinstance(node.value, ast.Call) or not isinstance(node.value.func, ast.Attribute):
        return
    if node.value.func.attr in calls.CHANGES and isinstance(run.value(node.value, frame), Unknown):
        raise GiveUpError(f"what {quoted(node)} changes")


def _assign(run: Evaluator, node: ast.Assign | ast.AnnAssign | ast.AugAssign, frame: Frame) -> None:
    if node.value is None:
        return
    value = run.value(node.value, frame)
    if isinstance(node, ast.AugAssign):
        if isinstance(node.target, ast.Name):
            old = run.name(node.target.id, frame)
            value = expressions.binary(type(node.op), old, value, quoted(node))
        else:
            value = Unknown(quoted(node.target))
    for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
        _bind(run, target, value, frame)


def _bind(run: Evaluator, target: ast.expr, value: Value, frame: Frame) -> None:
    if isinstance(target, ast.Name):
        frame.local[target.id] = value
    elif isinstance(target, (ast.Tuple, ast.List)):
        parts = list(value) if expressions.is_sequence(value) and len(value) == len(target.elts) else None
        for place, inner in enumerate(target.elts):
            _bind(run, inner, parts[place] if parts else Unknown(quoted(inner)), frame)
    elif isinstance(target, ast.Attribute):
        owner = run.value(target.value, frame)
        if isinstance(owner, Instance):
            owner.attributes[target.attr] = value
        elif not isinstance(owner, Unknown):
            raise GiveUpError(f"what {quoted(target)} changes")
    elif isinstance(target, ast.Subscript) and not isinstance(run.value(target.value, frame), Unknown):
        raise GiveUpError(f"what {quoted(target)} changes")


def _try(run: Evaluator, node: ast.Try, frame: Frame) -> None:
    try:
        execute(run, node.body, frame)
    except RaisedError as raised:
        for handler in node.handlers:
            if _catches(handler, raised):
                execute(run, handler.body, frame)
                break
        else:
            raise
    else:
        execute(run, node.orelse, frame)
    execute(run, node.finalbody, frame)


def _loop(run: Evaluator, node: ast.For, frame: Frame) -> None:
    items = run.value(node.iter, frame)
    if not expressions.is_sequence(items) or len(items) > MAX_LOOP or node.orelse:
        raise GiveUpError(f"a loop over {quoted(node.iter)}")
    for item in items:
        _bind(run, node.target, item, frame)
        execute(run, node.body, frame)


def _import(run: Evaluator, node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
    module = run.tree.module(frame.module)
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            base = imported_from(module, node)
            if base.partition(".")[0] == module.name.partition(".")[0] and not (
                run.tree.has(f"{base}.{alias.name}") or names.may_bind(run, base, alias.name)
            ):
                raise RaisedError(f"{base}.{alias.name}", "ImportError")
            frame.local[alias.asname or alias.name] = names.imported(run, module, node, alias.asname or alias.name)
        else:
            frame.local[alias.asname or alias.name.partition(".")[0]] = ModuleValue(
                alias.name if alias.asname else alias.name.partition(".")[0]
            )


def _catches(handler: ast.ExceptHandler, raised: RaisedError) -> bool:
    """Return whether a handler is for what was raised, by name or as a base of a builtin exception.

    Raises:
        GiveUpError: the exception's bases are not known.
    """
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    caught = [quoted(kind).rpartition(".")[2] for kind in kinds]
    if {raised.kind.rpartition(".")[2], "Exception", "BaseException"} & set(caught):
        return True
    known = getattr(builtins, raised.kind, None)
    if not isinstance(known, type):
        raise GiveUpError(f"whether {raised.kind or 'what is raised'} is caught")
    bases = [getattr(builtins, name, None) for name in caught]
    if raised.kind == "ImportError":
        bases = [ImportError if base is ModuleNotFoundError else base for base in bases]
    return any(isinstance(base, type) and issubclass(known, base) for base in bases)


_KINDS: dict[type[ast.stmt], Callable[..., None]] = {
    ast.AnnAssign: _assign, ast.Assert: _assert, ast.Assign: _assign, ast.AugAssign: _assign, ast.Expr: _effect,
    ast.For: _loop, ast.If: _if,
    ast.Import: _import, ast.ImportFrom: _import, ast.Try: _try, ast.With: _with,
}  # fmt: skip
