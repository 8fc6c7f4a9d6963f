"""Knows how a configuration declares a mixture of experts: how many, how wide, and in which layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.workload.config_values import MAX_COUNT
from parity.workload.model_shape import Moe

if TYPE_CHECKING:
    from parity.workload.config_values import Values


def read_moe(config: Values, layers: int, name: str) -> Moe | None:
    """Return the experts that a configuration declares, None for a dense model; ``name``: its family or type."""
    experts = config.whole("n_routed_experts", "num_experts", "num_local_experts", high=MAX_COUNT, low=0) or 0
    if experts <= 1:
        return None
    top = config.need("num_experts_per_tok", "num_experts_per_token", "experts_per_token", high=MAX_COUNT)
    if not config.problems and top > experts:
        config.problem("num_experts_per_tok", f"{top} experts of {experts}")
    width = config.need("moe_intermediate_size", "expert_intermediate_size", "intermediate_size")
    shared = config.whole("shared_expert_intermediate_size", low=0) or 0
    if config.has("n_shared_experts"):
        shared = (config.whole("n_shared_experts", high=MAX_COUNT, low=0) or 0) * width
    return Moe(
        experts=experts,
        top_k=top,
        intermediate=width,
        layers=_expert_layers(config, layers, name),
        shared_intermediate=shared,
        shared_gate=config.has("shared_expert_intermediate_size"),
        router_bias=name in ("deepseek_v3", "gpt_oss"),
        expert_bias=name == "gpt_oss",
    )


def _expert_layers(config: Values, layers: int, name: str) -> int:
    first = config.whole("first_k_dense_replace", high=MAX_COUNT, low=0) or 0
    step = config.whole("decoder_sparse_step", "moe_layer_freq", high=MAX_COUNT) or 1
    dense = set(config.wholes("mlp_only_layers", high=MAX_COUNT) or ())
    if name == "jamba":
        step = config.need("expert_layer_period", high=MAX_COUNT)
        offset = config.need("expert_layer_offset", high=MAX_COUNT, low=0)
        return sum(number % step == offset for number in range(layers))
    if config.has("decoder_sparse_step"):  # Qwen counts layers from 1
        return sum((number + 1) % step == 0 and number not in dense for number in range(layers))
    return sum(number >= first and number % step == 0 for number in range(layers))
