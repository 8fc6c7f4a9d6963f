"""Judges numbers in Python that are one part's: SM and CU counts, peak rates, peak bandwidths."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from parity.catalog import store
from parity.lint import parts
from parity.lint.facts import Facts, Hit
from parity.lint.python_scope import is_test
from parity.lint.python_source import dotted, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked

_COUNT = re.compile(
    r"(?:.*_)?(?:num_?(?:sms?|cus?)|n_?sms?|(?:sm|cu)_?(?:count|num|nums)|nsms?|ncus?|multi_?processor_?count|num_?compute_?units?)",
    re.IGNORECASE,
)
_PEAK = re.compile(
    r"(?:.*_)?(?:peak|theoretical|roofline)_?(?:.*_)?(?:t?flops?|flops_per_s\w*|bandwidth|bw|gbps|gb_s)(?:_.*)?",
    re.IGNORECASE,
)
_TRIVIAL = frozenset({16, 20, 24, 28, 30, 32, 36, 40, 48, 60, 64, 80, 96, 100, 120, 128, 256})
_MIN_COUNT = 40
_MAX_NAME = 200  # a longer one is no name of a count or a rate
_RATES = ("tflops_bf16", "tflops_fp16", "tflops_fp8", "tflops_tf32", "tops_int8", "tflops_fp4")
_LEAST_PEAK = 100
_TOLERANCE = 0.002


@cache
def _counts() -> dict[int, tuple[str, ...]]:
    """Return SM or CU count -> the parts that have it."""
    found: dict[int, list[str]] = {}
    for entry in store.index():
        if entry.units:
            found.setdefault(entry.units, []).append(entry.id)
    return {count: tuple(ids) for count, ids in found.items()}


@cache
def _peaks() -> tuple[tuple[float, str, str], ...]:
    """Return (value, part, what) of every data-center part's rates in TFLOPS and bandwidth in GB/s."""
    found = []
    for entry in store.index():
        spec = store.device_spec(entry.id)
        for name in (*_RATES, "memory_bandwidth_gbps"):
            value = spec.number(name)
            if value and value >= _LEAST_PEAK:
                found.append((value, entry.id, name))
    return tuple(found)


def unit_count(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield SM and CU counts of one part that is not the target, written down where the device could be asked."""
    target = asked.spec
    for name, node, value in () if _tells_apart(facts, target.id) else _bound(facts):
        owners = (
            _counts().get(value) if isinstance(value, int) and value >= _MIN_COUNT and value not in _TRIVIAL else None
        )
        if owners is None or not _COUNT.fullmatch(name):
            continue
        if target.id in owners or not _same_vendor(owners, target.vendor):
            continue
        told = f", and {target.id} has {_units(target.id)}" if _units(target.id) else ""
        message = f"{name} = {value} is the count of {_some(owners)}{told}"
        yield Hit(span=span_of(node, facts.source), message=message)


def _same_vendor(owners: tuple[str, ...], vendor: str) -> bool:
    return any(entry.vendor == vendor for entry in store.index() if entry.id in owners)


def _units(part: str) -> int | None:
    return next((entry.units for entry in store.index() if entry.id == part), None)


def _some(owners: tuple[str, ...]) -> str:
    return ", ".join(owners[:3]) + (f" and {len(owners) - 3} more" if len(owners) > 3 else "")


def peak(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield peak rates and bandwidths of one part that is not the target, used for whatever part runs."""
    target = asked.spec
    for name, node, value in () if _tells_apart(facts, target.id) else _bound(facts):
        if not _PEAK.fullmatch(name):
            continue
        owners = _owners(float(value), name)
        if parts.named(name.replace("_", "-")) or not _same_vendor(owners, target.vendor):
            continue  # the name says whose peak it is; another vendor's is for other code
        if owners and target.id not in owners:
            message = f"{name} = {value:g} is the peak of {_some(owners)}, not of {target.id}"
            yield Hit(span=span_of(node, facts.source), message=message)


def _tells_apart(facts: Facts, target: str) -> bool:
    """Return whether a file has a key for the target: what it writes down otherwise is for other devices."""
    keys = (key for table in facts.nodes(ast.Dict) for key in table.keys if isinstance(key, ast.Constant))
    return any(target in meant for key in keys for meant in parts.named(str(key.value)[:_MAX_NAME]).values())


def _owners(value: float, name: str) -> tuple[str, ...]:
    bandwidth = re.search(r"bandwidth|bw|gbps|gb_s", name, re.IGNORECASE) is not None
    found = []
    for rate, part, what in _peaks():
        if (what == "memory_bandwidth_gbps") != bandwidth:
            continue
        scales = (1, 1e-3, 1e9) if bandwidth else (1, 1e3, 1e9, 1e12)
        if any(abs(value / scale - rate) <= _TOLERANCE * rate for scale in scales):
            found.append(part)
    return tuple(dict.fromkeys(found))


def _bound(facts: Facts) -> Iterator[tuple[str, ast.expr | ast.stmt, int | float]]:
    """Yield (name, place, number) of assignments and parameter defaults with one plain number.

    A number on one branch of a choice (``if``, ``try``, ``match``) is not yielded: there something chose it; nor one in
    a test, which takes a size of its own.
    """
    choices: list[ast.stmt] = [node for kind in (ast.If, ast.Try, ast.Match) for node in facts.nodes(kind)]
    choices += [node for node in facts.nodes(ast.FunctionDef) if is_test(node)]
    chosen = [(node.lineno, node.end_lineno or node.lineno) for node in choices]
    assigned: list[ast.Assign | ast.AnnAssign] = [*facts.nodes(ast.Assign), *facts.nodes(ast.AnnAssign)]
    for node in assigned:
        number = _number(node.value) if node.value is not None else None
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if number is None or len(targets) != 1 or any(first <= node.lineno <= last for first, last in chosen):
            continue
        name = dotted(targets[0]).rsplit(".", 1)[-1]
        if len(name) <= _MAX_NAME:
            yield name, node, number
    for arguments in facts.nodes(ast.arguments):
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True))
        pairs += [(one, value) for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
        for argument, default in pairs:
            number = _number(default)
            if number is not None and len(argument.arg) <= _MAX_NAME:
                yield argument.arg, default, number


def _number(node: ast.expr) -> int | float | None:
    """Return a plain number, or a product of plain numbers such as ``989 * 1e12``."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Pow)):
        left, right = _number(node.left), _number(node.right)
        if left is None or right is None or abs(left) > 1e18 or abs(right) > 1e18:
            return None
        if isinstance(node.op, ast.Mult):
            return left * right
        return left**right if 0 <= right <= 18 and abs(left) <= 1024 else None
    return None
