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
_BOTH = 2  # events of one figure
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
            if not _waits(inside) and _launches(inside, tensors, function, facts):
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


def _gpu_names(function: Function) -> dict[str, int]:
    """Return variable -> line where a function makes it on the GPU: ``device="cuda"``, ``.cuda()``, ``.to("cuda")``."""
    found: dict[str, int] = {}
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            continue
        for call in calls(node.value):
            device = next((word.value for word in call.keywords if word.arg == "device"), None)
            given = [device] if device is not None else call.args[:1] if called(call) == "to" else []
            texts = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if called(call) == "cuda" or any(_ON_GPU.match(text) for text in texts):
                name = node.targets[0].id
                found[name] = min(found.get(name, node.lineno), node.lineno)
    return found


def _launches(statements: list[ast.stmt], tensors: dict[str, int], function: Function, facts: Facts) -> bool:
    """Return whether a call among the statements is given something on the GPU, and none may wait out of sight."""
    found = False
    for statement in statements:
        for call in calls(statement):
            given = [*call.args, *(word.value for word in call.keywords)]
            if called(call) in ("len", "print") or not any(
                isinstance(one, ast.Name) and tensors.get(one.id, call.lineno) < call.lineno for one in given
            ):
                continue
            if not _returns_at_once(call, tensors, function, facts):
                return False
            found = True
    return found


def _returns_at_once(call: ast.Call, tensors: dict[str, int], function: Function, facts: Facts) -> bool:
    """Return whether it is plain that a call does not wait for the GPU: what is imported or a method may."""
    name = dotted(call.func)
    if name.startswith(("torch.", "F.")):
        return True
    if not isinstance(call.func, ast.Name):
        return False
    arguments = function.args
    if name in {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}:
        return True  # what it times is handed in
    held = name in tensors
    if held:  # a module on the GPU: its class says what it does
        made = [node.value for node in ast.walk(function) if _assigns(node, name)]  # type: ignore[attr-defined]
        return all(_quiet(called(one), facts) is True for value in made for one in calls(value) if _is_class(one))
    return _quiet(name, facts) is True


def _assigns(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(dotted(target) == name for target in node.targets)


def _is_class(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id[:1].isupper()


def _quiet(name: str, facts: Facts) -> bool | None:
    """Return whether a function or class of the file, with those of the file that it calls, never waits for the GPU.

    None: the file does not define it.
    """
    try:
        tree = ast.parse(facts.source.text)  # blocks that call for no rule are not in the facts' tree
    except (SyntaxError, ValueError):
        return None
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    bodies = {node.name: node for node in ast.walk(tree) if isinstance(node, kinds)}
    if name not in bodies:
        return None
    seen: set[str] = set()
    left = [name]
    while left:
        one = left.pop()
        if one in seen or one not in bodies:
            continue
        seen.add(one)
        if _waits(bodies[one].body):
            return False
        left += [called(call) for call in calls(bodies[one])]
    return True


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
    if "warm" in facts.source.text.lower():
        return
    for function, around in functions(facts.tree):
        if around and not is_test(function):
            continue  # a timer or profiler: warming up is the matter of whoever calls it
        stop = next((call for call in calls(function) if called(call) == "elapsed_time"), None)
        records = sorted(call.lineno for call in calls(function) if called(call) == "record")
        if stop is None or len(records) < _BOTH or not _run_once(function, stop, records, facts):
            continue
        message = "the first run is timed: compilation, module loading and allocation are in the figure"
        yield Hit(span=span_of(stop, facts.source), message=message)


def _run_once(function: Function, stop: ast.Call, records: list[int], facts: Facts) -> bool:
    """Return whether what lies between two events runs there and nowhere before: not in a loop, not twice."""
    loops = [node for node in ast.walk(function) if isinstance(node, (ast.For, ast.While))]
    first, last = records[0], records[-1]
    if any(loop.lineno < first or first <= loop.lineno <= last for loop in loops if loop.lineno < stop.lineno):
        return False  # a loop before, around or between
    inner = [node for node in ast.walk(function) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    names = {one.name for one in inner if one.lineno <= stop.lineno <= (one.end_lineno or 0)}
    if any(f"{name}(" in facts.source.text.replace(f"def {name}(", "") for name in names):
        return False  # it is called from elsewhere: how often is not told here
    timed = {called(call) for call in calls(function) if first <= call.lineno <= last} - {"record", "Event"}
    earlier = {called(call) for call in calls(function) if call.lineno < first}
    return "replay" not in timed | earlier and timed.isdisjoint(earlier - {"synchronize"})


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
            if plain != 0 and _ratios(function, measured) & set(names):
                plain = None  # two times of one GPU: no fixed figure
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


def _ratios(function: Function, measured: set[str]) -> set[str]:
    """Return the variables that hold one measurement divided by another."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Div):
            sides = [
                {one.id for one in ast.walk(side) if isinstance(one, ast.Name)}
                for side in (node.value.left, node.value.right)
            ]
            if all(side & measured for side in sides):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _plain(node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
