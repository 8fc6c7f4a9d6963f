"""Knows where Transformer Engine decides on recipes: which is the default, which formats it computes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from parity.backends import names
from parity.backends.question import Question, answered, unknown
from parity.backends.values import FunctionValue, GiveUpError, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.backends.evaluate import Evaluator
    from parity.backends.machine import AskedMachine
    from parity.backends.source import SourceTree
    from parity.backends.values import Value
    from parity.model.backends import BackendAnswer

_MODULES = ("transformer_engine.pytorch.quantization", "transformer_engine.pytorch.fp8")
_FORMATS = {
    "FP8": "check_fp8_support",
    "MXFP8": "check_mxfp8_support",
    "NVFP4": "check_nvfp4_support",
    "FP8 block scaling": "check_fp8_block_scaling_support",
}


def questions(tree: SourceTree) -> Iterator[Question]:
    """Yield the questions that the installed version answers."""
    if not tree.has("transformer_engine.pytorch"):
        return
    yield _question(tree, "default FP8 recipe", "the recipe when none is given", "get_default_fp8_recipe")
    for name, function in _FORMATS.items():
        yield _question(tree, name, f"whether it computes {name}", function)


def _question(tree: SourceTree, topic: str, asked: str, function: str) -> Question:
    module = next((name for name in _MODULES if function in _names(tree, name)), _MODULES[0])
    return Question(
        "transformer-engine",
        topic,
        asked,
        f"{tree.label(module)}: {function}",
        partial(_answer, tree, module, function),
    )


def _names(tree: SourceTree, module: str) -> dict[str, object]:
    try:
        return dict(tree.module(module).names)
    except GiveUpError:
        return {}


def _answer(tree: SourceTree, module: str, function: str, machine: AskedMachine) -> BackendAnswer:
    if machine.is_amd:
        return unknown(machine, "this build of Transformer Engine is for NVIDIA")

    def start(run: Evaluator) -> Value:
        found = names.lookup(run, module, function)
        if not isinstance(found, FunctionValue):
            return Unknown(function)
        value = run.call(found, [], {}, function)
        if isinstance(value, tuple) and not isinstance(value, Unknown) and value:  # whether, and why not
            return "yes" if run.is_true(value[0]) else "no"
        return value

    return answered(tree, machine, start, {"torch.compiler.is_compiling": False})
