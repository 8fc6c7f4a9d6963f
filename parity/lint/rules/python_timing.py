"""Judges how Python times GPU work: without waiting for it, cold, against a fixed figure, or in a test nobody gates."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from parity.lint.facts import Facts, Hit
from parity.lint.python_scope import Function, called, calls, functions, is_perf_test, is_test
from parity.lint.python_source import dotted, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked

_CLOCKS = frozenset(
    {
        "time.time",
        "time.perf_counter",
        "time.monotonic",
        "perf_counter",
        "time.perf_counter_ns",
        "time.time_ns",
        "timeit.default_timer",
        "default_timer",
        "perf_counter_ns",
    }
)
# Each of these waits for the GPU, or measures with events that do.
_WAITS = frozenset(
    {
        "synchronize",
        "item",
        "cpu",
        "tolist",
        "numpy",
        "elapsed_time",
        "do_bench",
        "do_bench_cudagraph",
        "barrier",
        "block_until_ready",
        "wait",
        "result",
        "join",
        "get",
        "generate",
        "communicate",
        "wait_stream",
        "tobytes",
        "all_gather_object",
        "sync",
        "print",
        "save",
        "allclose",
        "equal",
        "bool",
        "nonzero",
        "backward_and_sync",
        "is_nan",
        "isnan",
        "profile",
    }
)
_WAIT_NAME = re.compile(r"sync|wait|bench|timeit|measure|barrier", re.IGNORECASE)
_MEASURES = frozenset(
    {"elapsed_time", "do_bench", "do_bench_cudagraph", "blocked_autorange", "adaptive_autorange", "bench_kineto"}
)
_ON_GPU = re.compile(r"^cuda(?::\d+)?$|^hip$")


def _clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) in _CLOCKS


def without_synchronize(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield clock readings around GPU work after which nothing waits for the GPU."""
    del asked
    assert facts.tree is not None
    for function, _ in functions(facts.tree):
        yield from _unwaited(function, facts)


def _unwaited(function: Function, facts: Facts) -> Iterator[Hit]:
    tensors = _gpu_names(function)
    if not tensors:
        return
    for block in _blocks(function):
        starts: dict[str, int] = {}
        for position, statement in enumerate(block):
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and _clock(statement.value):
                starts[dotted(statement.targets[0])] = position
            ended = next((name for name in starts if _stops(statement, name)), None)
            if ended is None or starts[ended] == position:
                continue
            inside = block[starts.pop(ended) + 1 : position + 1]
            if _launches(inside, tensors) and not _waits(inside):
                message = "the clock is read after launches that nothing waited for: it measures the launching"
                yield Hit(span=span_of(statement, facts.source), message=message)


def _blocks(function: Function) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _stops(statement: ast.stmt, name: str) -> bool:
    """Return whether a statement takes ``clock() - name``."""
    return any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and _clock(node.left)
        and dotted(node.right) == name
        for node in ast.walk(statement)
    )


def _gpu_names(function: Function) -> set[str]:
    """Return the variables that are made on the GPU in a function: ``device="cuda"``, ``.cuda()``, ``.to("cuda")``."""
    found: set[str] = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            continue
        for call in calls(node.value):
            device = next((word.value for word in call.keywords if word.arg == "device"), None)
            given = [device] if device is not None else call.args[:1] if called(call) == "to" else []
            texts = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if called(call) == "cuda" or any(_ON_GPU.match(text) for text in texts):
                found.add(node.targets[0].id)
    return found


def _launches(statements: list[ast.stmt], tensors: set[str]) -> bool:
    """Return whether a call among the statements is given something on the GPU."""
    for statement in statements:
        for call in calls(statement):
            given = [*call.args, *(word.value for word in call.keywords)]
            if any(isinstance(one, ast.Name) and one.id in tensors for one in given) and called(call) not in (
                "len",
                "print",
            ):
                return True
    return False


def _waits(statements: list[ast.stmt]) -> bool:
    return any(
        called(call) in _WAITS or _WAIT_NAME.search(dotted(call.func)) is not None
        for statement in statements
        for call in calls(statement)
    )


def cold(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield event timings in functions that call nothing before the first timed run."""
    del asked
    assert facts.tree is not None
    text = facts.source.text.lower()
    if "warm" in text:
        return
    for function, _ in functions(facts.tree):
        stop = next((call for call in calls(function) if called(call) == "elapsed_time"), None)
        if stop is None:
            continue
        records = sorted(call.lineno for call in calls(function) if called(call) == "record")
        loops = [node for node in ast.walk(function) if isinstance(node, (ast.For, ast.While))]
        before = [
            loop for loop in loops if records and loop.lineno < records[0] and (loop.end_lineno or 0) < records[0]
        ]
        in_loop = any(loop.lineno < stop.lineno <= (loop.end_lineno or 0) for loop in loops)
        if any(called(call) == "replay" for call in calls(function)):
            continue  # a captured graph has run before
        timed_loop = any(records and records[0] <= loop.lineno <= records[-1] for loop in loops)
        if records and not before and not in_loop and not timed_loop:
            message = "the first run is timed: compilation, module loading and allocation are in the figure"
            yield Hit(span=span_of(stop, facts.source), message=message)


def absolute_assert(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield asserts of GPU time or throughput against a plain number, in tests that nothing gates."""
    for node, names, limit in _asserted(facts, asked):
        if limit is not None:
            message = f"{names} is held against {limit:g} on whatever GPU runs the test"
            yield Hit(span=span_of(node, facts.source), message=message)


def ungated_test(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield tests that measure the GPU and assert on the measurement, and that no mark or fixture makes perf tests."""
    for node, names, limit in _asserted(facts, asked):
        if limit is None:
            message = f"{names} is measured and asserted in a test that nothing marks as a perf test"
            yield Hit(span=span_of(node, facts.source), message=message)


def _asserted(facts: Facts, asked: Asked) -> Iterator[tuple[ast.stmt, str, float | None]]:
    """Yield (assert, measured names, the plain number it is held against or None) of tests that nothing gates."""
    assert facts.tree is not None
    for function, around in functions(facts.tree):
        if not is_test(function) or is_perf_test(facts, function, around, asked.perf_tests):
            continue
        measured = _measured(function)
        for node in ast.walk(function) if measured else ():
            if not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare) or len(node.test.ops) != 1:
                continue
            if not isinstance(node.test.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
                continue
            sides = [node.test.left, node.test.comparators[0]]
            names = sorted(
                {child.id for side in sides for child in ast.walk(side) if isinstance(child, ast.Name)} & measured
            )
            plain = next((abs(number) for side in sides if (number := _plain(side)) is not None), None)
            if names and plain != 0:
                yield node, ", ".join(names), plain


def _measured(function: Function) -> set[str]:
    """Return the variables that hold a GPU measurement, or something computed from one."""
    found: set[str] = set()
    for _ in range(3):  # t -> speed -> ratio
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            direct = any(called(call) in _MEASURES for call in calls(node.value))
            derived = isinstance(node.value, ast.BinOp) and any(
                isinstance(child, ast.Name) and child.id in found for child in ast.walk(node.value)
            )
            if (direct or derived) and isinstance(node.targets[0], ast.Name):
                found.add(node.targets[0].id)
    return found


def _plain(node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
