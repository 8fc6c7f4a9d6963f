"""Knows how a configuration declares a mixture of experts: how many, how wide, and in which layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.workload.config_values import MAX_COUNT
from parity.workload.layer_kinds import listed_kinds
from parity.workload.model_shape import Moe

if TYPE_CHECKING:
    from parity.workload.config_values import Values
    from parity.workload.families import Family


_COUNT = ("n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts")
_TOP = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_k")
_SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")


def read_moe(config: Values, layers: int, name: str, family: Family | None) -> Moe | None:
    """Return the experts that a configuration declares, None for a dense model; ``name``: its family or type."""
    experts = config.whole(*_COUNT, high=MAX_COUNT, low=0) or 0
    if experts <= 1 or (name == "nemotron_h" and "moe" not in listed_kinds(config)[0]):
        return None
    top = config.need(*_TOP, high=MAX_COUNT)
    if not config.problems and top > experts:
        config.problem("num_experts_per_tok", f"{top} experts of {experts}")
    width = config.need("moe_intermediate_size", "expert_intermediate_size", "intermediate_size")
    shared = config.whole("shared_expert_intermediate_size", "shared_intermediate_size", low=0) or 0
    if config.has(*_SHARED):
        shared = (config.whole(*_SHARED, high=MAX_COUNT, low=0) or 0) * width
    if name == "llama4_text":
        shared = width
    if name == "nemotron_h" and shared:  # one matrix of that width, however many it counts as
        shared = config.need("moe_shared_expert_intermediate_size")
    at = _expert_layers(config, layers, name)
    return Moe(
        experts=experts,
        top_k=top,
        intermediate=width,
        layers=len(at),
        at=at,
        shared_intermediate=shared,
        shared_gate=config.has("shared_expert_intermediate_size"),
        router_bias=bool(family and family.router_bias),
        expert_bias=bool(family and family.expert_bias),
    )


def _expert_layers(config: Values, layers: int, name: str) -> frozenset[int]:
    """Return the numbers of the layers with experts."""
    every = range(layers)
    if name == "nemotron_h":
        return frozenset(number for number, kind in enumerate(listed_kinds(config)[0]) if kind == "moe")
    kinds = config.texts("mlp_layer_types")  # as transformers 5 saves it
    if kinds and len(kinds) == layers:
        return frozenset(number for number, kind in enumerate(kinds) if kind != "dense")
    first = config.whole("first_k_dense_replace", high=MAX_COUNT, low=0) or 0
    if isinstance(config.data.get("moe_layer_freq"), list):  # one for each layer, as later files of DeepSeek's form
        return _switched(config, layers)
    step = config.whole("decoder_sparse_step", "moe_layer_freq", high=MAX_COUNT) or 1
    dense = set(config.wholes("mlp_only_layers", high=MAX_COUNT) or ())
    if name == "jamba":
        step = config.need("expert_layer_period", high=MAX_COUNT)
        offset = config.need("expert_layer_offset", high=MAX_COUNT, low=0)
        return frozenset(number for number in every if number % step == offset)
    if name == "llama4_text":
        told = config.wholes("moe_layers", high=MAX_COUNT)
        step = config.whole("interleave_moe_layer_step", high=MAX_COUNT) or 1
        return frozenset(every) & frozenset(told or range(step - 1, layers, step))
    if config.has("moe_layer_start_index"):  # ERNIE: from the first to the last of them, both counted
        first = config.need("moe_layer_start_index", high=MAX_COUNT, low=0)
        last = config.whole("moe_layer_end_index", high=MAX_COUNT, low=-1)
        step = config.whole("moe_layer_interval", high=MAX_COUNT) or 1
        end = layers if last is None or last < 0 else min(last + 1, layers)
        return frozenset(number for number in range(first, end) if (number + 1) % step == 0)
    if config.has("decoder_sparse_step"):  # Qwen counts layers from 1
        return frozenset(number for number in every if (number + 1) % step == 0 and number not in dense)
    return frozenset(number for number in every if number >= first and number % step == 0)


def _switched(config: Values, layers: int) -> frozenset[int]:
    told = config.wholes("moe_layer_freq", high=1) or ()
    if told and len(told) != layers:
        config.problem("moe_layer_freq", f"{len(told)} layers are listed, {layers} are declared")
    return frozenset(number for number, value in enumerate(told) if value)
