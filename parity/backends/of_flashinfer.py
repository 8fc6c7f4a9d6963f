"""Knows where FlashInfer says what it has for a device: its default attention, and the decorators of its functions."""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from parity.backends import names
from parity.backends.question import Question, answered, plain_object, unknown
from parity.backends.source import imported_from
from parity.backends.values import Capability, FunctionValue, GiveUpError, Symbol, Unknown, quoted
from parity.model.backends import BackendAnswer, BackendOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.backends.evaluate import Evaluator
    from parity.backends.machine import AskedMachine
    from parity.backends.source import Module, SourceTree
    from parity.backends.values import Value

MAX_MODULES = 3000
_UTILS = "flashinfer.utils"
_GATE, _CHOICE = "supported_compute_capability", "backend_requirement"
_NO_BACKENDS = ""  # of a function that is gated as a whole


class Gated(NamedTuple):
    """One function of the package.

    Attributes:
        backends: name -> the capabilities it is for, as whole numbers (103); None: any.
        problem: why it is not understood; empty otherwise.
    """

    name: str
    where: str
    backends: dict[str, frozenset[int] | None]
    problem: str = ""


def questions(tree: SourceTree) -> Iterator[Question]:
    """Yield the questions that the installed version answers."""
    if not tree.has(_UTILS):
        return
    where = f"{tree.label(_UTILS)}: determine_attention_backend"
    yield Question("flashinfer-python", "attention", "backend 'auto', BF16, no mask", where, partial(_attention, tree))
    for gated in sorted(gated_functions(tree)):
        asked = "which backends it has" if _NO_BACKENDS not in gated.backends else "whether it runs"
        yield Question("flashinfer-python", gated.name, asked, gated.where, partial(_gate, gated))


def _attention(tree: SourceTree, machine: AskedMachine) -> BackendAnswer:
    if machine.is_amd:
        return unknown(machine, "FlashInfer is for NVIDIA devices")
    plain: dict[str, Value] = {
        "device": plain_object("device"), "pos_encoding_mode": 0, "use_fp16_qk_reductions": False,
        "use_custom_mask": False, "dtype_q": Symbol("torch.bfloat16"), "dtype_kv": Symbol("torch.bfloat16"),
    }  # fmt: skip

    def start(run: Evaluator) -> Value:
        found = names.lookup(run, _UTILS, "determine_attention_backend")
        if not isinstance(found, FunctionValue):
            return Unknown("determine_attention_backend")
        takes = {argument.arg for argument in found.node.args.args}
        return run.call(found, [], {name: value for name, value in plain.items() if name in takes}, "the backend")

    return answered(tree, machine, start, {})


def _gate(gated: Gated, machine: AskedMachine) -> BackendAnswer:
    capability = machine.capability()
    if machine.is_amd or not isinstance(capability, Capability):
        return unknown(machine, "FlashInfer is for NVIDIA devices")
    if gated.problem:
        return unknown(machine, gated.problem)
    number = capability.major * 10 + capability.minor
    have = [name for name, known in gated.backends.items() if known is None or number in known]
    if _NO_BACKENDS in gated.backends:
        return BackendAnswer(arch=machine.arch, outcomes=(BackendOutcome(choice="yes" if have else "no"),))
    return BackendAnswer(arch=machine.arch, outcomes=(BackendOutcome(choice=", ".join(have) or "none"),))


def gated_functions(tree: SourceTree) -> list[Gated]:
    """Return the functions whose decorators say what they are for; checks of backends are none of them."""
    found: dict[str, Gated] = {}
    checkers: set[str] = set()
    root = tree.folder(_UTILS)
    if root is None:
        return []
    for path in sorted(root.rglob("*.py"))[:MAX_MODULES]:
        try:
            if _GATE.encode() not in path.read_bytes():
                continue
            name = ".".join(("flashinfer", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
            module = tree.module(name)
        except (OSError, GiveUpError):
            continue
        functions = {
            inner: binding.node
            for inner, bindings in module.names.items()
            for binding in bindings
            if isinstance(binding.node, ast.FunctionDef)
        }
        functions.update(_imported(tree, module))
        for inner, node in functions.items():
            gated = _gated(inner, f"{tree.label(name)}: {inner}", node, functions)
            if gated is not None:
                found[f"{name}.{inner}"] = gated
            checkers |= {f"{name}.{checker}" for checker in _checkers(node).values() if checker}
    return [gated for full, gated in found.items() if full not in checkers and not gated.name.startswith("_")]


def _imported(tree: SourceTree, module: Module) -> dict[str, ast.FunctionDef]:
    """Return the functions that a module imports from others of the package, as checks of backends are."""
    found: dict[str, ast.FunctionDef] = {}
    for name, bindings in module.names.items():
        node = bindings[-1].node
        if not isinstance(node, ast.ImportFrom) or not name.startswith("_"):
            continue
        original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
        try:
            there = tree.module(imported_from(module, node)).names.get(original, [])
        except GiveUpError:
            continue
        functions = [one.node for one in there if isinstance(one.node, ast.FunctionDef)]
        if functions:
            found[name] = functions[-1]
    return found


def _gated(name: str, where: str, node: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> Gated | None:
    checkers = _checkers(node)
    own = _capabilities(node)
    if not checkers:
        if own is None:
            return None
        return Gated(name, where, {_NO_BACKENDS: own}) if own else Gated(name, where, {}, _odd(node))
    backends: dict[str, frozenset[int] | None] = {}
    for backend, checker in checkers.items():
        if checker not in functions:
            return Gated(name, where, {}, f"the check of {backend} is not in its module")
        known = _capabilities(functions[checker])
        if known is not None and not known:
            return Gated(name, where, {}, _odd(functions[checker]))
        backends[backend] = known
    return Gated(name, where, backends)


def _odd(node: ast.FunctionDef) -> str:
    return f"the capabilities of {node.name} are no plain list"


def _decorator(node: ast.FunctionDef, name: str) -> ast.Call | None:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and quoted(decorator.func).rpartition(".")[2] == name:
            return decorator
    return None


def _checkers(node: ast.FunctionDef) -> dict[str, str]:
    """Return backend -> name of the function that checks it, from ``backend_requirement``."""
    decorator = _decorator(node, _CHOICE)
    if decorator is None or not decorator.args or not isinstance(decorator.args[0], ast.Dict):
        return {}
    table = decorator.args[0]
    return {
        key.value: value.id if isinstance(value, ast.Name) else ""
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _capabilities(node: ast.FunctionDef) -> frozenset[int] | None:
    """Return the capabilities of a function: None when it is not gated, empty when they are no plain list."""
    decorator = _decorator(node, _GATE)
    if decorator is None:
        return None
    listed = decorator.args[0] if decorator.args else None
    if not isinstance(listed, (ast.List, ast.Tuple, ast.Set)):
        return frozenset()
    numbers = [item.value for item in listed.elts if isinstance(item, ast.Constant) and type(item.value) is int]
    return frozenset(numbers) if len(numbers) == len(listed.elts) else frozenset()
