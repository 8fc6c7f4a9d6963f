"""The cache: bytes per token of every recorded architecture, windows, latents, state, and where ranks stop helping."""

from __future__ import annotations

import models
import pytest

from parity.model.workload import Parallelism
from parity.workload.kv_cache import bytes_per_token, layer_elements, request_bytes, state_bytes

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
