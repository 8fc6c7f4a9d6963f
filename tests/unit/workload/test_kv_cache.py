"""The cache: bytes per token of every recorded architecture, windows, latents, state, and where ranks stop helping."""

from __future__ import annotations

import models
import pytest

from parity.model.workload import Parallelism
from parity.workload.kv_cache import bytes_per_token, index_bytes, layer_elements, request_bytes, state_bytes

KNOWN = {name: model["kv"] for name, model in models.models().items()}


@pytest.mark.parametrize("name", KNOWN)
def test_bytes_per_token(name: str) -> None:
    assert bytes_per_token(models.shape(name), "bf16") == KNOWN[name]


def test_the_published_check_values_are_among_them() -> None:
    published = {KNOWN[name] for name, model in models.models().items() if model.get("notes")}
    assert published == {131072, 327680, 516096, 524288, 262144, 70272}
    assert len(KNOWN) >= 15


@pytest.mark.parametrize(("dtype", "part"), [("fp32", 2), ("bf16", 1), ("fp8", 0.5), ("fp4", 0.25)])
def test_the_format_of_the_cache_scales_it(dtype: str, part: float) -> None:
    assert bytes_per_token(models.shape("llama-3.1-8b"), dtype) == 131072 * part


@pytest.mark.parametrize(("tp", "elements"), [(1, 2048), (2, 1024), (8, 256), (16, 256), (64, 256)])
def test_beyond_the_key_heads_memory_stops_shrinking(tp: int, elements: int) -> None:
    assert layer_elements(models.shape("llama-3.1-70b"), tp=tp) == elements


def test_latents_are_not_split_at_all() -> None:
    shape = models.shape("deepseek-v3")
    assert layer_elements(shape, tp=1) == layer_elements(shape, tp=8) == 512 + 64


@pytest.mark.parametrize(("context", "tokens"), [(1, 1), (4096, 4096), (4097, 4096), (10**9, 4096)])
def test_a_window_stops_growing(context: int, tokens: int) -> None:
    shape = models.shape("mistral-7b-v0.1")
    assert request_bytes(shape, "bf16", context) == 2 * 32 * 8 * 128 * 2 * tokens


def test_layers_with_and_without_window_add_up() -> None:
    shape = models.shape("gemma-3-1b")
    assert shape.mixers == {"attention": 4, "window": 22}
    assert request_bytes(shape, "bf16", 8192) == 2 * 1 * 256 * 2 * (4 * 8192 + 22 * 512)


def test_recurrent_state_is_the_same_for_any_context() -> None:
    shape = models.shape("mamba2-2.7b")
    inner, state, channels = 5120, 128, 5120 + 2 * 128
    one = 64 * (channels * 4 * 2 + inner * state * 4)
    assert state_bytes(shape) == one
    assert request_bytes(shape, "bf16", 1) == request_bytes(shape, "bf16", 10**6) == one


def test_a_hybrid_has_both() -> None:
    shape = models.shape("jamba-v0.1")
    assert shape.mixers == {"attention": 4, "ssm": 28}
    one = 28 * (8192 * 4 * 2 + 8192 * 16 * 4)
    assert request_bytes(shape, "bf16", 1000) == 16384 * 1000 + one


def test_pipeline_stages_share_the_layers() -> None:
    shape = models.shape("llama-3.1-8b")
    whole, half, third = (request_bytes(shape, "bf16", 64, Parallelism(pp=pp)) for pp in (1, 2, 3))
    assert whole is not None
    assert half == whole // 2
    assert third == whole * 11 // 32


def test_an_unknown_family_has_no_known_cache() -> None:
    assert bytes_per_token(models.shape("llama-3.1-8b", model_type="never-seen"), "bf16") is None
    like = models.read(models.config("llama-3.1-8b", model_type="never-seen"), like="llama")
    assert bytes_per_token(like, "bf16") == 131072


def test_an_indexer_keeps_a_key_in_fp8_with_its_scale_beside_the_latents() -> None:
    """DeepSeek-V3.2: 132 bytes of index per token and layer, whatever the format of the cache, on every rank."""
    shape = models.read(models.counted()["deepseek_v32-default"]["config"])
    assert index_bytes(shape) == 132
    assert bytes_per_token(shape, "bf16") == 61 * (2 * 576 + 132)
    assert bytes_per_token(shape, "fp8") == 61 * (656 + 132)  # the latent's scales, and a rotary key that stays wide
    assert bytes_per_token(models.shape("deepseek-v3"), "fp8") == 61 * 576
    assert request_bytes(shape, "bf16", 1000, Parallelism(tp=8)) == 1000 * 61 * (2 * 576 + 132)
    assert index_bytes(models.shape("deepseek-v3")) == 0


def test_a_step_reads_only_the_latents_that_the_indexer_chooses() -> None:
    shape = models.read(models.counted()["deepseek_v32-default"]["config"])
    assert request_bytes(shape, "bf16", 100_000, read=True) == 61 * (2048 * 2 * 576 + 100_000 * 132)
    assert request_bytes(shape, "bf16", 100, read=True) == request_bytes(shape, "bf16", 100)
    plain = models.shape("deepseek-v3")
    assert request_bytes(plain, "bf16", 100_000, read=True) == request_bytes(plain, "bf16", 100_000)


@pytest.mark.parametrize(
    ("changes", "full"),
    [
        ({}, 12),
        ({"no_rope_layers": []}, 12),
        ({"no_rope_layers": [1, 0] * 24}, 24),
        ({"attention_chunk_size": None}, 48),
    ],
)
def test_llama_4_keeps_a_chunk_where_it_has_rope(changes: dict[str, object], full: int) -> None:
    shape = models.read({**models.counted()["llama4_text-default"]["config"], **changes})
    assert (shape.growing_layers, shape.bounded_layers) == (full, 48 - full)
    assert bytes_per_token(shape, "bf16") == full * 2 * 8 * 128 * 2


def test_half_of_nemotron_h_keeps_nothing_of_a_token() -> None:
    shape = models.read(models.counted()["nemotron_h-1"]["config"])
    attention = models.counted()["nemotron_h-1"]["config"]["layers_block_type"].count("full_attention")
    assert shape.growing_layers == attention
    assert bytes_per_token(shape, "bf16") == attention * 2 * 2 * (shape.head_dim or 0) * 2
