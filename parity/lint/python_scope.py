"""Knows how Python's syntax tree is asked for functions, tests and marks."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from parity.lint.python_source import dotted
from parity.lint.scan import excluded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.facts import Facts
    from parity.model.policy import PerfTests

Function = ast.FunctionDef | ast.AsyncFunctionDef
PERF_MARKS = frozenset({"perf", "performance", "benchmark", "codspeed_benchmark", "parity"})
PERF_FIXTURES = frozenset({"benchmark", "codspeed_benchmark"})
_PERF_NAME = re.compile(
    r"(?:^|[/_\-.])(?:bench(?:mark(?:s|ing)?)?|perf(?:ormance)?|throughput|latency|speed)(?:$|[/_\-.])", re.IGNORECASE
)
_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$|(?:^|/)tests?/")


def functions(tree: ast.Module) -> Iterator[tuple[Function, tuple[ast.ClassDef, ...]]]:
    """Yield every function with the classes around it; functions inside functions are not yielded on their own."""
    stack: list[tuple[ast.stmt, tuple[ast.ClassDef, ...]]] = [(node, ()) for node in reversed(tree.body)]
    while stack:
        node, around = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node, around
            continue
        inner = (*around, node) if isinstance(node, ast.ClassDef) else around
        for field in ("body", "orelse", "finalbody"):
            stack.extend((child, inner) for child in reversed(getattr(node, field, []) or []))
        for handler in getattr(node, "handlers", []):
            stack.extend((child, inner) for child in reversed(handler.body))


def is_test(function: Function) -> bool:
    """Return whether pytest would collect a function by its name."""
    return function.name.startswith("test")


def marks(tree: ast.Module, function: Function, around: tuple[ast.ClassDef, ...]) -> set[str]:
    """Return the names of the pytest marks on a test, its classes and its module."""
    decorators = [*function.decorator_list, *(one for cls in around for one in cls.decorator_list)]
    found = {_mark(one) for one in decorators}
    for statement in (*tree.body, *(child for cls in around for child in cls.body)):
        if isinstance(statement, ast.Assign) and any(dotted(target) == "pytestmark" for target in statement.targets):
            listed = statement.value.elts if isinstance(statement.value, (ast.List, ast.Tuple)) else [statement.value]
            found |= {_mark(one) for one in listed}
    return found - {""}


def _mark(node: ast.expr) -> str:
    name = dotted(node.func if isinstance(node, ast.Call) else node)
    return name.rpartition("mark.")[2] if "mark." in name else ""


def is_perf_test(facts: Facts, function: Function, around: tuple[ast.ClassDef, ...], declared: PerfTests) -> bool:
    """Return whether the plugin would take a test for a perf test, by its defaults or the project's declarations."""
    assert facts.tree is not None
    arguments = {one.arg for one in (*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs)}
    return bool(
        arguments & PERF_FIXTURES.union(declared.fixtures)
        or marks(facts.tree, function, around) & PERF_MARKS.union(declared.markers)
        or excluded(facts.path, declared.paths)
    )


def about_perf(path: str) -> bool:
    """Return whether a path says that its file measures."""
    return _PERF_NAME.search(path) is not None


def in_tests(path: str) -> bool:
    """Return whether a path lies among tests."""
    return _TEST_FILE.search(path) is not None


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield every call at and below a node, in source order as far as the tree keeps it."""
    for child in ast.walk(node):
        if isinstance(child, ast.Call):
            yield child


def called(node: ast.Call) -> str:
    """Return the last word of what is called: ``synchronize`` of ``torch.cuda.synchronize()``."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""
