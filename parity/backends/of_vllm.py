"""Knows where vLLM chooses its attention backend and its version of FlashAttention."""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING

from parity.backends import names
from parity.backends.expressions import is_sequence
from parity.backends.question import Question, answered, class_of, plain_object, unknown
from parity.backends.values import FunctionValue, GiveUpError, Instance, Symbol, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.backends.evaluate import Evaluator
    from parity.backends.machine import AskedMachine
    from parity.backends.source import SourceTree
    from parity.backends.values import ClassValue, Value
    from parity.model.backends import BackendAnswer

_PLATFORM = "vllm.platforms.cuda"
_REGISTRIES = ("vllm.v1.attention.backends.registry", "vllm.attention.backends.registry")
_FLASH = ("vllm.v1.attention.backends.fa_utils", "vllm.attention.utils.fa_utils")
_ENVIRONMENT = "vllm.envs"
# what a plain model asks for; each version's function takes those that it knows
_PLAIN: dict[str, Value] = {
    "dtype": Symbol("torch.bfloat16"), "kv_cache_dtype": None, "block_size": None, "has_sink": False,
    "use_sparse": False, "use_mm_prefix": False, "use_per_head_quant_scales": False, "attn_type": "decoder",
}  # fmt: skip


def questions(tree: SourceTree) -> Iterator[Question]:
    """Yield the questions that the installed version answers."""
    if not tree.has("vllm.platforms"):
        return
    chooses = f"{tree.label(_PLATFORM)}: _get_backend_priorities, validate_configuration of each"
    for topic, mla, size in (("attention", False, 128), ("MLA attention", True, 576)):
        asked = f"no backend asked for, BF16, head size {size}" + (
            ", latent attention as in DeepSeek-V3" if mla else ""
        )
        yield Question("vllm", topic, asked, chooses, partial(_attention, tree, mla, size))
    module = next((name for name in _FLASH if tree.has(name)), _FLASH[0])
    asked = "when FlashAttention is the backend, head size 128"
    where = f"{tree.label(module)}: get_flash_attn_version"
    yield Question("vllm", "FlashAttention version", asked, where, partial(_version, tree, module))


def _bound(tree: SourceTree, machine: AskedMachine) -> dict[str, Value]:
    """Return what is known beforehand: the platform, no configuration, and flags of the environment.

    Raises:
        GiveUpError: the platform's class is not found.
    """
    bound: dict[str, Value] = {
        "vllm.platforms.current_platform": Instance(class_of(tree, _PLATFORM, "CudaPlatformBase")),
        "get_current_vllm_config_or_none": None,
        "get_current_vllm_config": plain_object("VllmConfig", model_config=_model()),
        "is_out_of_tree": False,
    }
    for name in _flags(tree):
        bound[f"{_ENVIRONMENT}.{name}"] = Unknown(name) if name in machine.environment else _default(tree, name)
    return bound


def _model() -> Instance:
    """Return the configuration of the model that is asked about: latent attention as in DeepSeek-V3."""
    sizes = plain_object("Config", qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128, kv_lora_rank=512)
    return plain_object("ModelConfig", hf_text_config=sizes, hf_config=sizes)


def _flags(tree: SourceTree) -> dict[str, ast.expr]:
    """Return the annotated defaults of the variables: name -> expression."""
    try:
        names = tree.module(_ENVIRONMENT).names
    except GiveUpError:
        return {}
    found: dict[str, ast.expr] = {}
    for name, bindings in names.items():
        node = bindings[-1].node
        if name.startswith("VLLM_") and isinstance(node, ast.AnnAssign) and node.value is not None:
            found[name] = node.value
    return found


def _default(tree: SourceTree, name: str) -> Value:
    node = _flags(tree)[name]
    return node.value if isinstance(node, ast.Constant) else Unknown(name)


def _attention(tree: SourceTree, mla: bool, size: int, machine: AskedMachine) -> BackendAnswer:  # noqa: FBT001
    if machine.is_amd:
        return unknown(machine, "what vLLM chooses on AMD devices is not evaluated")
    try:
        bound = _bound(tree, machine)
    except GiveUpError as error:
        return unknown(machine, str(error))

    def start(run: Evaluator) -> Value:
        found = names.lookup(run, _PLATFORM, "_get_backend_priorities")
        if not isinstance(found, FunctionValue):
            return Unknown(f"the order of backends: {tree.label(_PLATFORM)} has no _get_backend_priorities")
        order = run.call(found, [mla, machine.capability()], {}, "the order of backends")
        if not is_sequence(order) or not all(isinstance(item, Symbol) for item in order):
            return Unknown("the order of backends")
        plain = {**_PLAIN, "use_mla": mla, "head_size": size, "device_capability": machine.capability()}
        for backend in order:
            if _usable(run, backend, plain):
                return backend
        return "refused"

    return answered(tree, machine, start, bound)


def _usable(run: Evaluator, backend: Symbol, plain: dict[str, Value]) -> bool:
    """Return whether a backend takes a plain model on the device; a choice where its source does not tell."""
    try:
        reasons = _reasons(run, backend, plain)
    except GiveUpError:
        reasons = Unknown("")
    if is_sequence(reasons):
        return not reasons
    return run.is_true(Unknown(f"{backend.last} is usable"))


def _reasons(run: Evaluator, backend: Symbol, plain: dict[str, Value]) -> Value:
    """Return why a backend does not take a plain model; none when it does."""
    kind = _class(run, backend)
    if not _importable(run.tree, kind.module):
        return ["a package that it imports is not installed"]
    found = run.class_member(kind, "validate_configuration")
    if not isinstance(found, FunctionValue):
        return Unknown("validate_configuration")
    takes = {argument.arg for argument in (*found.node.args.args, *found.node.args.kwonlyargs)}
    asked = {name: value for name, value in plain.items() if name in takes}
    return run.call(found._replace(bound=(kind,)), [], asked, "validate_configuration")


def _class(run: Evaluator, backend: Symbol) -> ClassValue:
    """Return the class that an enumeration's member names by its path.

    Raises:
        GiveUpError: it names none.
    """
    for registry in _REGISTRIES:
        if not run.tree.has(registry):
            continue
        members = class_of(run.tree, registry, "AttentionBackendEnum")
        member = run.class_member(members, backend.last)
        path = member.value if isinstance(member, Symbol) else None
        if isinstance(path, str) and "." in path:
            module, _, name = path.rpartition(".")
            return class_of(run.tree, module, name)
    raise GiveUpError(f"{backend.last} names no class")


def _importable(tree: SourceTree, module: str) -> bool:
    """Return whether the packages that a module imports at its top are there, as far as they are kernel libraries."""
    for bindings in tree.module(module).names.values():
        for binding in bindings:
            node = binding.node
            name = node.module if isinstance(node, ast.ImportFrom) and not node.level else None
            if binding.under is None and name and name.partition(".")[0] == "flashinfer" and not tree.has("flashinfer"):
                return False
    return True


def _version(tree: SourceTree, module: str, machine: AskedMachine) -> BackendAnswer:
    if machine.is_amd:
        return unknown(machine, "vLLM's FlashAttention is for NVIDIA devices")
    try:
        bound = _bound(tree, machine)
    except GiveUpError as error:
        return unknown(machine, str(error))

    def start(run: Evaluator) -> Value:
        found = names.lookup(run, module, "get_flash_attn_version")
        if not isinstance(found, FunctionValue):
            return Unknown("get_flash_attn_version")
        return run.call(found, [], {"head_size": 128, "head_size_v": 128}, "get_flash_attn_version")

    return answered(tree, machine, start, bound)
