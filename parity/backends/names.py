"""Knows what the names of a package's module stand for: definitions, imports followed to their source, constants."""

from __future__ import annotations

import ast
import sys
from functools import partial
from typing import TYPE_CHECKING

from parity.backends.frame import Frame
from parity.backends.machine import NOT_ASKED
from parity.backends.source import imported_from
from parity.backends.values import ClassValue, FunctionValue, GiveUpError, ModuleValue, Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.backends.evaluate import Evaluator
    from parity.backends.source import Binding, Module
    from parity.backends.values import Value


def lookup(run: Evaluator, module_name: str, name: str) -> Value:
    """Return what a module binds to a name; ``NOT_ASKED`` when it binds nothing."""
    module = run.tree.module(module_name)
    bindings = module.names.get(name)
    if not bindings:
        return _starred(run, module, name)
    binding = bindings[-1]
    if binding.under is not None and len(bindings) > 1:
        found = _conditional(run, module, bindings)
        return _open(run, module, name) if found is None else _of_binding(run, module, name, found)
    return _of_binding(run, module, name, binding)


def _starred(run: Evaluator, module: Module, name: str) -> Value:
    """Return what ``from m import *`` brings of a name."""
    for binding in reversed(module.names.get("*", [])) if not name.startswith("_") else ():
        if isinstance(binding.node, ast.ImportFrom):
            base = imported_from(module, binding.node)
            if may_bind(run, base, name):
                found = run.nested(partial(lookup, run, base, name))
                if found is not NOT_ASKED:
                    return found
    return NOT_ASKED


def _conditional(run: Evaluator, module: Module, bindings: Sequence[Binding]) -> Binding | None:
    """Return the binding that holds of those in a ``try`` of imports; None when the source does not tell."""
    under = bindings[-1].under
    if not isinstance(under, ast.Try) or any(binding.under is not under for binding in bindings):
        return None
    for node in under.body:
        if isinstance(node, ast.ImportFrom):
            base = imported_from(module, node)
            if not all(run.tree.has(f"{base}.{alias.name}") or may_bind(run, base, alias.name) for alias in node.names):
                handled = [inner for handler in under.handlers for inner in handler.body]
                return next((one for one in bindings if one.node in handled), None)
        elif isinstance(node, ast.Import):
            if not all(_importable(run, alias.name) for alias in node.names):
                handled = [inner for handler in under.handlers for inner in handler.body]
                return next((one for one in bindings if one.node in handled), None)
        elif not isinstance(node, (ast.Assign, ast.AnnAssign)):
            return None
    return next((one for one in bindings if one.node in under.body), None)


def _importable(run: Evaluator, name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names or run.tree.has(name)


def may_bind(run: Evaluator, module_name: str, name: str) -> bool:
    """Return whether a module may bind a name: it does, it makes names up, or it cannot be read."""
    try:
        names = run.tree.module(module_name).names
    except GiveUpError:
        return run.tree.has(module_name)
    return name in names or "__getattr__" in names or "*" in names


def _of_binding(run: Evaluator, module: Module, name: str, binding: Binding) -> Value:
    node = binding.node
    if isinstance(node, ast.FunctionDef):
        return FunctionValue(module.name, node)
    if isinstance(node, ast.ClassDef):
        return ClassValue(module.name, node)
    if isinstance(node, ast.ImportFrom):
        return imported(run, module, node, name)
    if isinstance(node, ast.Import):
        alias = next(alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) == name)
        return ModuleValue(alias.name if alias.asname else name)
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        return run.nested(partial(run.value, node.value, Frame(module.name, {})))
    return _open(run, module, name)


def _open(run: Evaluator, module: Module, name: str) -> Unknown:
    """Return a name of a module whose value the source does not tell: one value, whichever call meets it."""
    return Unknown(name, run.module_number(module.name))


def imported(run: Evaluator, module: Module, node: ast.ImportFrom, name: str) -> Value:
    """Return what ``from m import x as name`` binds."""
    alias = next(alias for alias in node.names if (alias.asname or alias.name) == name)
    base = imported_from(module, node)
    asked = f"{base}.{alias.name}"
    if asked in run.bound:
        return run.bound[asked]
    try:
        found = run.nested(lambda: lookup(run, base, alias.name))
    except GiveUpError:
        found = NOT_ASKED
    if found is not NOT_ASKED:
        return found
    return ModuleValue(asked)
