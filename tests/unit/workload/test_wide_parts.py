"""What stays wide of a quantised model: lists of public files, several names of one part, targets of one part only."""

from __future__ import annotations

from typing import Any

import models
import pytest

from parity.model.workload import Parallelism
from parity.workload.parameters import device_bytes, parts_of

AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128}
NVFP4 = {"quant_method": "modelopt", "quant_algo": "NVFP4"}
EXPERTS, SHARED, DENSE = "mlp experts", "mlp shared_experts", "mlp gate_proj up_proj down_proj"
ATTENTION = ("self_attn q_proj", "self_attn k_proj v_proj", "self_attn o_proj")


def wide(name: str, stored: dict[str, Any], *patterns: str) -> dict[str, float]:
    quantization = models.shape(name, quantization_config={**stored, "ignore": list(patterns)}).quantization
    assert quantization is not None
    assert not quantization.unread
    return quantization.wide


def size(name: str, stored: dict[str, Any]) -> float | None:
    shape = models.shape(name, quantization_config=stored)
    sizes = device_bytes(parts_of(shape) or (), shape, Parallelism(), None)
    return None if sizes is None else sizes[0]


@pytest.mark.parametrize("name", ["mamba", "mixer", "re:.*mamba.*", "model.layers.*.mamba"])
def test_a_part_has_the_names_that_families_give_it(name: str) -> None:
    assert wide("jamba-v0.1", {"quant_method": "bitsandbytes", "load_in_8bit": True}, name) == {"mixer": 1.0}


def test_skipped_state_layers_weigh_sixteen_bits() -> None:
    plain = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    narrow, skipped = size("jamba-v0.1", plain), size("jamba-v0.1", {**plain, "llm_int8_skip_modules": ["mamba"]})
    assert narrow is not None
    assert skipped is not None
    part = next(part for part in parts_of(models.shape("jamba-v0.1")) or () if part.path == "mixer")
    assert skipped - narrow == part.parameters


def test_names_of_a_layer_list_are_its_share_and_of_every_layer_the_whole() -> None:
    every = [f"model.layers.{n}.self_attn*" for n in range(32)]
    assert wide("llama-3.1-8b", NVFP4, *every) == dict.fromkeys(ATTENTION, 1.0)
    assert wide("llama-3.1-8b", NVFP4, *every[:8]) == dict.fromkeys(ATTENTION, 0.25)


def test_a_first_dense_layer_is_no_layer_of_experts() -> None:
    told = wide("deepseek-v3", NVFP4, "model.layers.0*")
    assert told[DENSE] == pytest.approx(1 / 3)
    assert EXPERTS not in told
    assert told["self_attn o_proj"] == pytest.approx(1 / 61)


def test_norms_routers_towers_and_layers_beyond_the_last_are_wide_anyway() -> None:
    names = ["input_layernorm", "post_attention_layernorm", "mlp.gate", "mlp.gate.e_score_correction_bias"]
    listed = ["lm_head", *(f"model.layers.{n}.{name}" for n in range(61) for name in names), "model.norm",
              "model.layers.61*", "vision_tower*", "mtp*", "re:.*mm_projector.*"]  # fmt: skip
    assert wide("deepseek-v3", NVFP4, *listed) == {}


def test_one_matrix_of_a_part_is_its_share() -> None:
    assert wide("llama-3.1-8b", AWQ, "mlp.down_proj") == {DENSE: pytest.approx(1 / 3)}
    assert wide("llama-3.1-8b", AWQ, "v_proj") == {"self_attn k_proj v_proj": 0.5}
    told = wide("deepseek-v3", AWQ, r"re:.*self_attn\.kv_b_proj$")
    assert told == {"self_attn q_b_proj kv_b_proj q_proj": pytest.approx(512 * 256 / (512 * 256 + 1536 * 192))}


def test_the_patterns_of_a_mixture_keep_its_experts_narrow() -> None:
    told = wide("deepseek-v3", AWQ, r"re:.*mlp\.(gate|up|gate_up|down)_proj.*", "re:.*shared_experts.*")
    assert told == {DENSE: 1.0, SHARED: 1.0}


@pytest.mark.parametrize("pattern", ["shared_expert", "mlp.shared_experts", "linear_attn", "mamba"])
def test_a_part_that_the_model_has_not_is_no_matter(pattern: str) -> None:
    assert wide("llama-3.1-8b", AWQ, pattern) == {}


@pytest.mark.parametrize("pattern", ["widget", "mixer.q_proj", "re:(?!lm_head).*", "model.layers.0.mlp.experts.3.w1"])
def test_a_pattern_that_names_nothing_known_leaves_the_size_unknown(pattern: str) -> None:
    stored = {**AWQ, "modules_to_not_convert": [pattern]}
    quantization = models.shape("llama-3.1-8b", quantization_config=stored).quantization
    assert quantization is not None
    assert quantization.unread == (pattern,)
    assert size("llama-3.1-8b", stored) is None


def test_only_the_targets_are_quantised() -> None:
    def stored(*targets: str) -> dict[str, Any]:
        group = {"weights": {"num_bits": 4, "type": "int", "group_size": 128}, "targets": list(targets)}
        return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}}

    name = "qwen3-235b-a22b"
    every, part = size(name, stored("Linear")), size(name, stored("re:.*self_attn.*"))
    assert every is not None
    assert part is not None
    assert part > 3.5 * every
    assert wide(name, stored("re:.*self_attn.*")) == {EXPERTS: 1.0}
    assert size(name, stored("Qwen3MoeAttention")) is None
    left = wide("llama-3.1-8b", stored(r"re:.*mlp\.down_proj"))
    assert left == {**dict.fromkeys(ATTENTION, 1.0), DENSE: pytest.approx(2 / 3)}


def test_groups_of_different_widths_are_not_counted() -> None:
    def group(bits: int, target: str) -> dict[str, Any]:
        return {"weights": {"num_bits": bits, "type": "float"}, "targets": [target]}

    groups = {"a": group(8, "re:.*self_attn.*"), "b": group(4, "re:.*mlp.*")}
    assert size("llama-3.1-8b", {"quant_method": "modelopt", "quant_algo": "NVFP4", "config_groups": groups}) is None
    mixed = {"quant_method": "fp8", "quantized_layers": {"layers.0.mlp": {"quant_algo": "NVFP4"}}}
    assert size("llama-3.1-8b", mixed) is None


def test_settings_of_their_own_are_unknown_and_left_out_modules_wide() -> None:
    gptq = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    assert size("llama-3.1-8b", {**gptq, "dynamic": {r"+:.*\.18\..*gate.*": {"bits": 8}}}) is None
    shape = models.shape("llama-3.1-8b", quantization_config={**gptq, "dynamic": {"-:.*down_proj": {}}})
    assert shape.quantization is not None
    assert shape.quantization.wide == {DENSE: pytest.approx(1 / 3)}
