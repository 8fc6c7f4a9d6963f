"""Knows where SGLang chooses its attention backend."""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING

from parity.backends import names
from parity.backends.calls import FIRST_ARGUMENT
from parity.backends.question import Question, answered, class_of, plain_object, unknown
from parity.backends.values import FunctionValue, GiveUpError, Instance, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.backends.evaluate import Evaluator
    from parity.backends.machine import AskedMachine
    from parity.backends.source import SourceTree
    from parity.backends.values import Value
    from parity.model.backends import BackendAnswer

_FREE = ("sglang.srt.arg_groups.model_override_base", "get_default_attn_backend")
_METHOD = ("sglang.srt.server_args", "ServerArgs", "_get_default_attn_backend")
_FIELDS = "sglang.srt.arg_groups.fields"
_PLAIN = "no attention option given, a plain decoder"


def questions(tree: SourceTree) -> Iterator[Question]:
    """Yield the questions that the installed version answers."""
    if not tree.has("sglang.srt"):
        return
    for topic, mla in (("attention", False), ("MLA attention", True)):
        where = (
            f"{tree.label(_FREE[0])}: {_FREE[1]}" if tree.has(_FREE[0]) else f"{tree.label(_METHOD[0])}: {_METHOD[2]}"
        )
        yield Question("sglang", topic, _PLAIN, where, partial(_answer, tree, mla))


def _defaults(tree: SourceTree) -> dict[str, Value]:
    """Return the defaults of the arguments that newer versions keep in modules of their own."""
    found: dict[str, Value] = {}
    for name in tree.inside(_FIELDS):
        for bindings in tree.module(name).names.values():
            node = bindings[-1].node
            for field in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    plain = isinstance(field.value, ast.Constant)
                    found[field.target.id] = field.value.value if plain else Unknown(field.target.id)  # type: ignore[union-attr]
    return found


def _answer(tree: SourceTree, mla: bool, machine: AskedMachine) -> BackendAnswer:  # noqa: FBT001 - bound by partial
    try:
        arguments = Instance(class_of(tree, _METHOD[0], _METHOD[1]), _defaults(tree))
    except GiveUpError as error:
        return unknown(machine, str(error))
    model = plain_object(
        "ModelConfig",
        hf_config=plain_object("Config", architectures=["LlamaForCausalLM"]),
        has_attention_sinks=False,
        has_asymmetric_kv=False,
    )

    def start(run: Evaluator) -> Value:
        found = names.lookup(run, *_FREE) if tree.has(_FREE[0]) else run.class_member(arguments.kind, _METHOD[2])
        if not isinstance(found, FunctionValue):
            return Unknown(f"the backend: there is no {_METHOD[2]} or {_FREE[1]}")
        return run.call(found, [arguments, mla, model], {}, "the backend")

    bound = {"resolving_view": FIRST_ARGUMENT, "resolved_view": FIRST_ARGUMENT, "is_out_of_tree": False}
    return answered(tree, machine, start, bound)
