"""Parameters: counted to the last one against published counts, shared among ranks, skipped by quantisation."""

from __future__ import annotations

import models
import pytest

from parity.model.workload import Parallelism
from parity.workload.family_rows import FAMILIES
from parity.workload.parameters import bytes_per_parameter, counted, device_bytes, parts_of, wide_parts

PUBLISHED = {name: model["parameters"] for name, model in models.models().items() if "parameters" in model}
COUNTED = models.counted()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_count_is_the_published_one(name: str) -> None:
    parts = parts_of(models.shape(name))
    assert parts is not None
    assert counted(parts)[0] == PUBLISHED[name]


@pytest.mark.parametrize("name", models.models())
def test_every_model_says_where_its_facts_are_from(name: str) -> None:
    model = models.models()[name]
    assert model["dimensions"]
    assert ("count" in model) == ("parameters" in model)


def test_there_are_enough_published_counts() -> None:
    assert len(PUBLISHED) >= 20
    assert {models.models()[name]["config"]["model_type"] for name in PUBLISHED} >= {
        "llama",
        "mixtral",
        "gpt_oss",
        "mamba",
    }


@pytest.mark.parametrize(
    ("name", "used"), [("deepseek-v3", 37.55e9), ("qwen3-235b-a22b", 22.19e9), ("mixtral-8x7b", 12.88e9)]
)
def test_the_active_parameters_are_the_published_ones(name: str, used: float) -> None:
    parts = parts_of(models.shape(name))
    assert parts is not None
    assert counted(parts)[1] == pytest.approx(used, rel=0.001)


def test_every_family_is_held_to_a_recorded_model_or_a_count() -> None:
    configs = [model["config"] for model in (*models.models().values(), *COUNTED.values())]
    inner = [config[part] for config in configs for part in ("text_config", "llm_config") if part in config]
    assert set(FAMILIES) <= {config["model_type"] for config in [*configs, *inner]}


@pytest.mark.parametrize("name", COUNTED)
def test_the_count_is_that_of_the_modelling_code(name: str) -> None:
    parts = parts_of(models.read(COUNTED[name]["config"]))
    assert parts is not None
    assert counted(parts)[0] == COUNTED[name]["parameters"]


def test_matrices_of_another_shape_than_the_familys_are_not_counted() -> None:
    """OPT 350m has narrower embeddings, Nemotron 3 Super experts of latents."""
    for name, key in (("opt-1", "word_embed_proj_dim"), ("nemotron_h-1", "moe_latent_size")):
        config = COUNTED[name]["config"]
        assert parts_of(models.read(config)) is not None
        assert parts_of(models.read({**config, key: 32})) is None


def test_attention_to_another_model_is_not_counted() -> None:
    assert parts_of(models.shape("gpt2", add_cross_attention=True)) is None


def test_nemotron_h_layers_stand_in_a_pattern_of_letters_too() -> None:
    config = dict(COUNTED["nemotron_h-1"]["config"])
    letters = {"linear_attention": "M", "full_attention": "*", "mlp": "-", "moe": "E"}
    pattern = "".join(letters[kind] for kind in config.pop("layers_block_type"))
    shape = models.read({**config, "hybrid_override_pattern": pattern, "num_hidden_layers": len(pattern)})
    parts = parts_of(shape)
    assert parts is not None
    assert counted(parts)[0] == COUNTED["nemotron_h-1"]["parameters"]


def test_qwen3_next_is_of_its_published_size() -> None:
    parts = parts_of(models.shape("qwen3-next-80b-a3b"))
    assert parts is not None
    assert counted(parts) == (pytest.approx(80e9, rel=0.01), pytest.approx(3.9e9, rel=0.02))


@pytest.mark.parametrize(("name", "billions"), [("mamba2-2.7b", 2.7), ("jamba-v0.1", 52)])
def test_where_no_exact_count_was_found_the_name_says_it_roughly(name: str, billions: float) -> None:
    parts = parts_of(models.shape(name))
    assert parts is not None
    assert counted(parts)[0] / 1e9 == pytest.approx(billions, rel=0.01)


def test_deepseek_v3_without_its_prediction_layer() -> None:
    parts = parts_of(models.shape("deepseek-v3"))
    assert parts is not None
    assert counted(parts)[0] == 671_026_419_200


@pytest.mark.parametrize("changes", [{"model_type": "never-seen"}, {"model_type": ...}])
def test_a_family_that_is_not_known_is_not_counted(changes: dict[str, object]) -> None:
    assert parts_of(models.shape("llama-3.1-8b", **changes)) is None


def test_biases_follow_the_file_where_the_family_leaves_them_to_it() -> None:
    plain, biased = (parts_of(models.shape("llama-3.1-8b", attention_bias=flag)) for flag in (False, True))
    assert plain is not None
    assert biased is not None
    assert counted(biased)[0] - counted(plain)[0] == 32 * (4096 + 2 * 1024 + 4096)


@pytest.mark.parametrize(
    ("dtype", "bits"),
    [("bf16", 16), ("fp8", 8), ("mxfp8", 8.25), ("fp4", 4.5), ("nvfp4", 4.5), ("mxfp4", 4.25), ("int4", 4 + 20 / 128)],
)
def test_weights_are_parameters_times_bits_with_scales_and_the_ends_stay_wide(dtype: str, bits: float) -> None:
    shape = models.shape("llama-3.1-70b")
    sizes = device_bytes(parts_of(shape) or (), shape, Parallelism(), dtype)
    assert sizes is not None
    wide = 2 * 128256 * 8192 + (2 * 80 + 1) * 8192  # embedding, head, norms
    assert sizes[0] == (70_553_706_496 - wide) * bits / 8 + wide * 2


def test_what_stays_wide_is_told() -> None:
    shape = models.shape("llama-3.1-70b")
    parts = parts_of(shape) or ()
    assert wide_parts(parts, shape, "nvfp4") == ("embed_tokens", "lm_head", "norm")
    assert wide_parts(parts, shape, "bf16") == wide_parts(parts, shape, None) == ()


def test_a_format_asked_for_leaves_wide_what_the_file_does() -> None:
    """DeepSeek-V3.1-NVFP4 with its attention in BF16: 4.5 bits of the rest, as its maker's file of 396.8 GB has it."""
    stored = {"quant_method": "modelopt", "quant_algo": "NVFP4", "exclude_modules": ["model.layers.*.self_attn*"]}
    shape = models.shape("deepseek-v3", quantization_config=stored)
    parts = parts_of(shape) or ()
    own, asked = (device_bytes(parts, shape, Parallelism(), dtype) for dtype in (None, "nvfp4"))
    assert own is not None
    assert own == asked
    assert own[0] == pytest.approx(396.8e9, rel=0.001)


@pytest.mark.parametrize("tp", [1, 2, 4, 8])
def test_dense_weights_halve_with_the_ranks_up_to_the_key_heads(tp: int) -> None:
    shape = models.shape("llama-3.1-70b")
    sizes = device_bytes(parts_of(shape) or (), shape, Parallelism(tp=tp), None)
    assert sizes is not None
    norms = 2 * (2 * 80 + 1) * 8192  # every rank has them
    assert sizes[1] == pytest.approx((sizes[0] - norms) / tp + norms)


def test_key_projections_are_copied_beyond_the_key_heads() -> None:
    shape = models.shape("llama-3.1-70b")
    eight, sixteen = (device_bytes(parts_of(shape) or (), shape, Parallelism(tp=tp), None) for tp in (8, 16))
    assert eight is not None
    assert sixteen is not None
    keys = 2 * 2 * 80 * 2 * 8 * 128 * 8192 / 2 / 8
    norms = 2 * (2 * 80 + 1) * 8192
    assert sixteen[1] == pytest.approx((eight[1] - keys - norms) / 2 + keys + norms)


def test_expert_ranks_share_the_experts_only() -> None:
    shape = models.shape("mixtral-8x7b")
    parts = parts_of(shape) or ()
    alone, shared = (device_bytes(parts, shape, Parallelism(dp=8, ep=ep), None) for ep in (1, 8))
    assert alone is not None
    assert shared is not None
    experts = 2 * 32 * 8 * 3 * 4096 * 14336
    assert shared[1] == alone[1] - experts * 7 / 8


def test_pipeline_stages_hold_layers_and_one_end() -> None:
    shape = models.shape("llama-3.1-8b")
    sizes = device_bytes(parts_of(shape) or (), shape, Parallelism(pp=2), None)
    assert sizes is not None
    ends = 2 * 128256 * 4096
    assert sizes[1] == pytest.approx((sizes[0] - 2 * ends) / 2 + ends, rel=1e-6)


def test_block_fp8_leaves_embedding_head_and_norms_wide() -> None:
    shape = models.shape("deepseek-v3")
    sizes = {part.path: bytes_per_parameter(part, shape, None) for part in parts_of(shape) or ()}
    assert sizes["mlp experts"] == 1 + 4 / (128 * 128)
    assert sizes["embed_tokens"] == sizes["lm_head"] == sizes["norm"] == sizes["mlp gate router"] == 2


def test_skipped_modules_stay_wide() -> None:
    shape = models.shape("gpt-oss-20b")
    sizes = {part.path: bytes_per_parameter(part, shape, None) for part in parts_of(shape) or ()}
    assert sizes["self_attn q_proj"] == sizes["self_attn o_proj"] == 2
    assert sizes["mlp experts"] == (4 + 8 / 32) / 8


def test_an_unknown_method_or_dtype_has_no_size() -> None:
    odd = models.shape("llama-3.1-8b", quantization_config={"quant_method": "never-seen"})
    assert device_bytes(parts_of(odd) or (), odd, Parallelism(), None) is None
    silent = models.shape("llama-3.1-8b", torch_dtype=...)
    assert device_bytes(parts_of(silent) or (), silent, Parallelism(), None) is None
    assert device_bytes(parts_of(silent) or (), silent, Parallelism(), "fp8") is not None
