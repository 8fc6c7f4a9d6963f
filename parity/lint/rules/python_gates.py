"""Judges capability gates in Python: what they are true on, beyond what their author had in mind."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from parity.lint.facts import Facts, Hit
from parity.lint.python_scope import functions, is_perf_test
from parity.lint.python_source import dotted, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked

_OTHER_VENDOR = re.compile(
    r"\b(?:hip|rocm|amd|gfx\d|is_hip|is_rocm|is_amd|is_nvidia|is_cuda)\b|_hip\b|_rocm\b|hip_|rocm_|version\.cuda|[\"']cutlass[\"']",
    re.IGNORECASE,
)
# What these import runs on NVIDIA only: no gate in such a file is asked on AMD.
_NVIDIA_ONLY = re.compile(
    r"^[ \t]*(?:import|from)[ \t]+"
    r"(?:(?:cutlass|cuda\.|deep_gemm|transformer_engine_torch)\b|[\w.]*(?:\bnvidia\b|nvshmem))",
    re.MULTILINE,
)
# A name that means one family only: the kernels or the part, not "this and newer".
_HOPPER = re.compile(
    r"(?:^|_)(?:is|has|have|use|supports?|on)?_?(?:hopper|sm_?90a?|h100|h200|wgmma|gmma)(?:$|_(?:gpu|arch|device|available|supported|only|enabled))",
    re.IGNORECASE,
)
_DATACENTER = re.compile(
    r"(?:^|_)(?:is|has|have|use|supports?|on)?_?(?:sm_?100[af]?|b200|gb200|tcgen05|tcgen5|umma|tmem)(?:$|_(?:gpu|arch|device|available|supported|only|enabled))",
    re.IGNORECASE,
)
_FP8 = re.compile(r"fp8|float8", re.IGNORECASE)
_OPEN = re.compile(
    r"plus|newer|later|above|at_?least|min|_up$|ge_|_ge|higher|least|older|pre|not_|before|below", re.IGNORECASE
)
_SAID_OPEN = re.compile(
    r"(?:sm_?\d{2,3}[af]?|\b\d{1,2}\.\d|hopper|blackwell)\+|\b(?:and|or) (?:newer|later|above|up|higher|beyond)\b",
    re.IGNORECASE,
)
# Older bounds ask for what AMD has as well (bf16, async copies); from here on they ask for FP8, TMA and wgmma.
_LEAST = (8, 9)
_GATE = ("get_device_capability", "get_device_name", "get_device_properties", "device_capability", "gcnArchName")


def _capability(node: ast.expr, names: set[str]) -> str:
    """Return ``tuple`` or ``major`` when an expression is a device's compute capability or its major, else nothing."""
    if isinstance(node, ast.Call) and dotted(node.func).endswith("get_device_capability"):
        return "tuple"
    if isinstance(node, ast.Name) and node.id in names:
        return "major" if node.id in ("major", "cc_major", "sm_major") else "tuple"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == 0:
        return "major" if _capability(node.value, names) == "tuple" else ""
    if isinstance(node, ast.Attribute) and node.attr == "major" and "prop" in dotted(node.value).lower():
        return "major"
    return ""


def _names(facts: Facts) -> set[str]:
    """Return the variables that hold a capability, or its major."""
    found: set[str] = set()
    for node in facts.nodes(ast.Assign):
        if len(node.targets) != 1:
            continue
        value = node.value
        held = isinstance(value, ast.Call) and dotted(value.func).endswith("get_device_capability")
        target = node.targets[0]
        if held and isinstance(target, ast.Name):
            found.add(target.id)
        elif held and isinstance(target, ast.Tuple) and target.elts and isinstance(target.elts[0], ast.Name):
            found.add("major" if target.elts[0].id in ("major", "cc_major", "sm_major") else "")
        elif (
            isinstance(target, ast.Name)
            and isinstance(value, ast.Subscript)
            and isinstance(value.value, ast.Call)
            and dotted(value.value.func).endswith("get_device_capability")
            and target.id in ("major", "cc_major", "sm_major")
        ):
            found.add(target.id)
    return found - {""}


def _bounds(facts: Facts) -> Iterator[tuple[ast.Compare, tuple[int, int]]]:
    """Yield ``capability >= (9, 0)`` and ``capability[0] >= 9`` with their bound."""
    names = _names(facts)
    for node in facts.nodes(ast.Compare):
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.GtE):
            continue
        kind, right = _capability(node.left, names), node.comparators[0]
        if kind == "tuple" and isinstance(right, ast.Tuple):
            values = [one.value for one in right.elts if isinstance(one, ast.Constant) and type(one.value) is int]
            if values and len(values) == len(right.elts):
                yield node, (values[0], values[1] if len(values) > 1 else 0)
        elif kind == "major" and isinstance(right, ast.Constant) and type(right.value) is int:
            yield node, (right.value, 0)


def true_on_amd(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield gates on NVIDIA's compute capability that AMD's version number passes."""
    spec = asked.spec_for(facts.path)
    match = re.fullmatch(r"gfx(\d+)(\d)([0-9a-f])", spec.gfx_target) if spec else None
    if (
        spec is None
        or match is None
        or _OTHER_VENDOR.search(facts.source.text)
        or _NVIDIA_ONLY.search(facts.source.text)
    ):
        return
    assert facts.tree is not None
    have = (int(match[1]), int(match[2]))
    for node, bound in _bounds(facts):
        if _LEAST <= bound <= have and not _asks_fp8(node, facts):
            shown = ast.get_source_segment(facts.source.text, node) or "the gate"
            message = f"`{shown}` is true on {spec.id}, where the capability reads {have} ({spec.gfx_target})"
            yield Hit(span=span_of(node, facts.source), message=message)


def _asks_fp8(node: ast.Compare, facts: Facts) -> bool:
    """Return whether the function around a gate asks for FP8, which AMD's data-center parts of (9, 4) on have."""
    around: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
        *facts.nodes(ast.FunctionDef),
        *facts.nodes(ast.AsyncFunctionDef),
    ]
    return any(_FP8.search(one.name) for one in around if one.lineno <= node.lineno <= (one.end_lineno or 0))


def open_ended(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield gates that are named for one family and let every later one pass."""
    del asked
    assert facts.tree is not None
    bounds = {id(node): bound for node, bound in _bounds(facts)}
    if not bounds:
        return
    for name, body in _named(facts):
        if _OPEN.search(name):
            continue
        for node in _conditions(body):
            bound = bounds.get(id(node))
            if bound is None or _said_open(node, facts):
                continue
            wrong = _passes(name, bound)
            if wrong:
                yield Hit(
                    span=span_of(node, facts.source), message=f"{name} is also true on {wrong}: the bound is open above"
                )


def _said_open(node: ast.expr, facts: Facts) -> bool:
    """Return whether the lines before a gate say that later families are meant: "SM90+", "Hopper or newer"."""
    return _SAID_OPEN.search("\n".join(facts.source.lines[max(node.lineno - 7, 0) : node.lineno])) is not None


def _passes(name: str, bound: tuple[int, int]) -> str:
    if _HOPPER.search(name) and bound == (9, 0):
        return "Blackwell (10.x, 12.x), which has no wgmma"
    if _DATACENTER.search(name) and bound == (10, 0):
        return "RTX Blackwell (12.x), which has no tcgen05"
    return ""


def _named(facts: Facts) -> Iterator[tuple[str, ast.expr]]:
    """Yield (name, expression) of assignments, and of the returns of functions under the functions' names."""
    for assign in facts.nodes(ast.Assign):
        name = dotted(assign.targets[0]).rsplit(".", 1)[-1]
        if name and len(assign.targets) == 1:
            yield name, assign.value
    found: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
        *facts.nodes(ast.FunctionDef),
        *facts.nodes(ast.AsyncFunctionDef),
    ]
    for function in found:
        for child in ast.walk(function):
            if isinstance(child, ast.Return) and child.value is not None:
                yield function.name, child.value


def _conditions(node: ast.expr) -> list[ast.expr]:
    """Return a condition, or the last part of an ``and`` of which no other part bounds it from above."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        compared = [value for value in node.values if isinstance(value, ast.Compare)]
        return list(compared) if len(compared) == 1 else []
    return [node]


def skips_perf_tests(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield perf tests that skip themselves on some GPUs, and are green there without a measurement."""
    assert facts.tree is not None
    for function, around in functions(facts.tree):
        if not is_perf_test(facts, function, around, asked.perf_tests):
            continue
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call) and dotted(decorator.func).endswith("mark.skipif") and decorator.args:
                shown = " ".join((ast.get_source_segment(facts.source.text, decorator.args[0]) or "").split())
                if any(word in shown for word in _GATE):
                    message = f"{function.name} is skipped where `{shown[:80]}`: green, and nothing was measured"
                    yield Hit(span=span_of(decorator, facts.source), message=message)
