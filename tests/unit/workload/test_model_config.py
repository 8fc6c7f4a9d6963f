"""Reading a configuration: every kind of model, what stays unknown, and what is refused; nothing is guessed."""

from __future__ import annotations

import json
from typing import Any

import models
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.errors import InputFileError, InvalidConfigError, ParityError
from parity.reports import model_text
from parity.workload.estimate import estimate
from parity.workload.family_rows import FAMILIES, SAME_AS
from parity.workload.footprint import footprint
from parity.workload.model_config import read_model_config
from parity.workload.question import Question


@pytest.mark.parametrize(
    ("name", "mixers"),
    [
        ("llama-3.1-8b", {"attention": 32}),
        ("mistral-7b-v0.1", {"window": 32}),
        ("mixtral-8x7b", {"attention": 32}),
        ("qwen2.5-7b", {"attention": 28}),
        ("gemma-2-9b", {"attention": 21, "window": 21}),
        ("gpt-oss-20b", {"attention": 12, "window": 12}),
        ("qwen3-next-80b-a3b", {"attention": 12, "linear": 36}),
        ("deepseek-v3", {"mla": 61}),
        ("mamba-2.8b", {"ssm": 64}),
        ("jamba-v0.1", {"attention": 4, "ssm": 28}),
    ],
)
def test_the_kinds_of_layers(name: str, mixers: dict[str, int]) -> None:
    assert models.shape(name).mixers == mixers


def test_a_mixture_with_dense_layers_first() -> None:
    shape = models.shape("deepseek-v3")
    assert shape.moe is not None
    assert (shape.moe.experts, shape.moe.top_k, shape.moe.layers, shape.dense_layers) == (256, 8, 58, 3)
    assert shape.moe.shared_intermediate == 2048


def test_the_text_part_of_a_configuration_with_a_tower() -> None:
    inner = models.config("gemma-3-1b")
    shape = models.read({"model_type": "gemma3", "text_config": inner, "vision_config": {"hidden_size": 1152}})
    assert (shape.family, shape.layers, shape.vision) == ("gemma3_text", 26, True)
    assert any("tower" in item.what for item in shape.unknowns)


def test_a_nested_part_may_leave_out_what_its_class_says() -> None:
    text = {
        "model_type": "gemma3_text", "hidden_size": 5376, "intermediate_size": 21504, "num_hidden_layers": 62,
        "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128, "sliding_window": 1024,
        "vocab_size": None,
    }  # fmt: skip
    outer = {"model_type": "gemma3", "torch_dtype": "bfloat16", "text_config": text, "vision_config": {}}
    shape = models.read(outer)
    assert (shape.vocab, shape.positions, shape.heads, shape.head_dim, shape.window) == (262208, 131072, 32, 128, 1024)
    for key in ("num_attention_heads", "num_key_value_heads", "head_dim"):
        del text[key]
    smaller = models.read(outer)
    assert (smaller.heads, smaller.kv_heads, smaller.head_dim) == (8, 4, 256)


@pytest.mark.parametrize(
    ("scaling", "positions"),
    [
        ({"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}, 131_072),
        ({"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 4096}, 32_768),
        ({"type": "yarn", "factor": 4.0}, 32_768),
        ({"type": "yarn", "factor": float("nan"), "original_max_position_embeddings": 32768}, 32_768),
        ({"type": "yarn", "factor": "4", "original_max_position_embeddings": 32768}, 32_768),
        ({"type": "yarn", "factor": 1e30, "original_max_position_embeddings": 32768}, 32_768),
        ({"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}, 32_768),
    ],
)
def test_yarn_reaches_further_than_the_trained_positions(scaling: dict[str, Any], positions: int) -> None:
    assert models.shape("llama-3.1-8b", max_position_embeddings=32768, rope_scaling=scaling).positions == positions
    assert models.shape("llama-3.1-8b", max_position_embeddings=32768, rope_parameters=scaling).positions == positions


def test_an_unknown_model_type_is_told_and_not_guessed() -> None:
    shape = models.shape("llama-3.1-8b", model_type="never-seen")
    assert shape.family == ""
    assert shape.unknowns[0].why == "'never-seen' is not in the table of families; --like NAME names one"


def test_experts_in_a_family_without_any_are_a_contradiction_and_no_size() -> None:
    shape = models.shape("llama-3.1-8b", num_experts=64, num_experts_per_tok=4)
    assert shape.unknowns[0].why == "'llama' has no experts, the file declares 64"
    told = footprint(Question(shape=shape, target=models.target("h100")))
    assert (told.fits, told.weights_bytes) == ("unknown", None)
    assert models.shape("llama-3.1-8b", num_experts=0).family == "llama"


def test_every_alias_names_a_family() -> None:
    assert set(SAME_AS.values()) <= set(FAMILIES)


def test_layer_types_must_be_known_and_as_many_as_the_layers() -> None:
    with pytest.raises(InvalidConfigError, match=r"no layer of a known kind: 'telepathy'"):
        models.shape("gpt-oss-20b", layer_types=["telepathy"] * 24)
    with pytest.raises(InvalidConfigError, match=r"layer_types: 2 layers are listed, 24 are declared"):
        models.shape("gpt-oss-20b", layer_types=["full_attention"] * 2)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("llama-3.1-8b", "hidden_size"),
        ("llama-3.1-8b", "num_hidden_layers"),
        ("llama-3.1-8b", "num_attention_heads"),
        ("llama-3.1-8b", "vocab_size"),
        ("mistral-7b-v0.1", "num_key_value_heads"),
        ("qwen3-8b", "head_dim"),
        ("deepseek-v3", "qk_rope_head_dim"),
        ("mixtral-8x7b", "num_experts_per_tok"),
        ("jamba-v0.1", "attn_layer_offset"),
        ("mamba2-2.7b", "state_size"),
        ("gpt-oss-20b", "sliding_window"),
    ],
)
def test_a_key_that_is_needed_is_named_when_missing(name: str, key: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        models.shape(name, **{key: ...})
    assert any(problem.what.startswith(f"{key}: the key is missing") for problem in caught.value.problems)


@pytest.mark.parametrize("value", [-1, 0, 10**30, 1.5, float("inf"), float("nan"), "4096", True, [], {}, 2**24 + 1])
@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "vocab_size", "intermediate_size", "head_dim"])
def test_odd_values_are_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(ParityError) as caught:
        models.shape("llama-3.1-8b", **{key: value})
    assert key in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        models.shape("llama-3.1-8b", hidden_size=-4, vocab_size="many", num_attention_heads=True)
    assert str(caught.value) == (
        "config.json: hidden_size: -4 is outside 1 .. 16777216\n"
        "config.json: num_attention_heads: a whole number is needed, not true\n"
        "config.json: vocab_size: a whole number is needed, not 'many'\n  mend: correct the value"
    )


def test_heads_must_be_possible() -> None:
    with pytest.raises(InvalidConfigError, match="7 key heads do not divide 32 query heads"):
        models.shape("llama-3.1-8b", num_key_value_heads=7)
    with pytest.raises(InvalidConfigError, match=r"head_dim: the key is missing, and 32 heads do not divide 4095"):
        models.shape("llama-3.1-8b", hidden_size=4095)
    with pytest.raises(InvalidConfigError, match="9 experts of 8"):
        models.shape("mixtral-8x7b", num_experts_per_tok=9)


@pytest.mark.parametrize("raw", [b"[1]", b"null", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b"1e9", b"{} {}"])
def test_what_is_no_configuration_is_refused(raw: bytes) -> None:
    with pytest.raises(InputFileError):
        read_model_config(raw, where="config.json")


def test_infinity_as_python_writes_it_is_read() -> None:
    raw = json.dumps({**models.config("mamba2-2.7b"), "time_step_limit": [0.0, float("inf")]}).encode()
    assert b"Infinity" in raw
    assert read_model_config(raw, where="config.json") == models.shape("mamba2-2.7b")


def test_a_hostile_name_is_quoted_on_one_line() -> None:
    shape = models.shape("llama-3.1-8b", model_type="\x1b[31mred\n")
    assert all(item.why.isprintable() for item in shape.unknowns)


_KEYS = (
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "intermediate_size", "vocab_size", "max_position_embeddings", "sliding_window", "layer_types", "rope_scaling",
    "tie_word_embeddings", "torch_dtype", "quantization_config", "quant_method", "bits", "group_size", "config_groups",
    "ignore", "dynamic", "num_experts", "num_experts_per_tok", "kv_lora_rank", "vision_config", "text_config",
    "num_nextn_predict_layers", "factor", "type", "original_max_position_embeddings", "weights",
)  # fmt: skip
_ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]), st.just({}),
    st.integers(1, 2**24), st.lists(st.integers(), max_size=3), st.lists(st.text(max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_change_is_read_or_refused_and_answered(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(models.models())))
    base = models.config(name)
    keys = st.sampled_from([*base, "quantization_config", "layer_types", "text_config", "n_routed_experts"])
    changed = {**base, **data.draw(st.dictionaries(keys, _ODD, max_size=3))}
    try:
        shape = models.read(changed)
    except ParityError:
        return
    told = footprint(Question(shape=shape, target=models.target("2xh100")))
    assert told.fits in ("yes", "tight", "no", "unknown")
    even_widest = told.target.why.startswith("even in")  # the file does not say the dtype: the widest one fits
    if not even_widest and (told.target.weights_bytes is None or told.target.kv_bytes is None or shape.vision):
        assert told.fits in ("unknown", "no")


_PARTS = st.recursive(
    _ODD, lambda inner: st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4) | st.lists(inner, max_size=3)
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_nesting_is_refused_or_answered_in_full(data: st.DataObject) -> None:
    base = models.config(data.draw(st.sampled_from(sorted(models.models()))))
    part = {**base, **data.draw(st.dictionaries(st.sampled_from(_KEYS), _PARTS, max_size=4))}
    config = data.draw(
        st.sampled_from(
            [part, {"text_config": part}, {**base, "text_config": part}, {"text_config": {"text_config": part}}]
        )
    )
    raw = data.draw(st.sampled_from([b"", b" ", b"\xef\xbb\xbf"])) + json.dumps(config).encode()
    try:
        shape = read_model_config(raw, where="config.json")
    except ParityError:
        return
    report = estimate(Question(shape=shape, target=models.target("2xh100"), here=models.target("rtx-4090")), source="x")
    if not shape.family or (shape.quantization and shape.quantization.dtype is None):
        assert report.footprint.weights_bytes is None
    if report.footprint.target.weights_bytes is None or not report.footprint.target.complete:
        assert report.footprint.fits in ("unknown", "no")
        assert report.footprint.target.smallest_count is None
        assert report.exit_status != 0
    text = model_text.render(report, verbose=True)
    assert "nan" not in text.split()
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize(
    ("stored", "dtype", "bits"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8", 8),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "int4", 4),
        ({"quant_method": "awq", "bits": 4, "group_size": 64}, "int4", 4),
        ({"quant_method": "mxfp4"}, "fp4", 4),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8", 8),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "fp4", 4),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {
            "weights": {"num_bits": 8, "type": "float"}, "input_activations": {"num_bits": 8}}}}, "fp8", 8),
        ({"quant_method": "never-seen"}, None, None),
        ({}, None, None),
    ],
)  # fmt: skip
def test_quantisation(stored: dict[str, Any], dtype: str | None, bits: float | None) -> None:
    read = models.shape("llama-3.1-8b", quantization_config=stored).quantization
    assert read is not None
    assert (read.dtype, read.bits) == (dtype, bits)


@pytest.mark.parametrize(
    "stored",
    [
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": {r"-:.*layers\.3\..*": {}}},
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "llm_int8_skip_modules": ["model.layers.3.mlp"]},
        {"quant_method": "modelopt", "quant_algo": "FP8", "exclude_modules": ["model.layers.3.mlp"]},
    ],
)
def test_modules_that_are_stored_otherwise_are_told_by_every_method(stored: dict[str, Any]) -> None:
    quantization = models.shape("llama-3.1-8b", quantization_config=stored).quantization
    assert quantization is not None
    assert quantization.single_layers == 1


def test_scales_are_counted() -> None:
    def scale(**stored: Any) -> float:
        read = models.shape("llama-3.1-8b", quantization_config=stored).quantization
        assert read is not None
        return read.scale_bits

    assert scale(quant_method="gptq", bits=4, group_size=128) == 20 / 128
    assert scale(quant_method="gptq", bits=4, group_size=-1) == 0
    assert scale(quant_method="fp8", weight_block_size=[128, 128]) == 32 / 128**2
    assert scale(quant_method="mxfp4") == 0.25
