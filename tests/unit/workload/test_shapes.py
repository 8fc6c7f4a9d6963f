"""Dimensions: alignment per format and device, the published pads, what ranks must divide."""

from __future__ import annotations

import models
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.model.workload import Parallelism, ShapeCheck
from parity.workload.head_dims import PREFIX
from parity.workload.question import Question
from parity.workload.shapes import alignment, check_shapes, gemms, nearest_multiple


def checks(name: str, on: str, spread: Parallelism | None = None, **changes: object) -> dict[str, ShapeCheck]:
    question = Question(shape=models.shape(name, **changes), target=models.target(on))
    return {check.dimension: check for check in check_shapes(question, spread or Parallelism())}


@pytest.mark.parametrize(
    ("target", "dtype", "step"),
    [("v100", "fp16", 8), ("a100", "bf16", 64), ("a100", "int8", 128), ("h100", "fp8", 128), ("h100", "bf16", 64), ("b200", "fp4", 256), ("mi300x", "bf16", None), ("h100", "fp4", None)],
)  # fmt: skip
def test_alignment_in_elements(target: str, dtype: str, step: int | None) -> None:
    if target == "v100":
        target = "v100-sxm2-16gb"
    assert alignment(models.target(target), dtype) == step


@pytest.mark.parametrize(("given", "padded"), [(50257, 50304), (32001, 32064), (151643, 151680), (128256, 128256)])
def test_vocabularies_are_padded_up(given: int, padded: int) -> None:
    assert nearest_multiple(given, 64, up=True) == padded
    check = checks("llama-3.1-8b", "h100", vocab_size=given)["vocab_size"]
    assert (check.good, check.better) == (("yes", None) if given == padded else ("no", padded))


@given(st.integers(1, 10**6), st.integers(1, 512))
def test_nearest_multiple_against_looking_everywhere(value: int, step: int) -> None:
    found = nearest_multiple(value, step)
    near = range(max(step, (value // step - 2) * step), value + 3 * step, step)
    assert found % step == 0
    assert abs(found - value) == min(abs(other - value) for other in near)


def test_a_width_that_cannot_be_loaded_whole_costs_what_was_measured() -> None:
    check = checks("llama-3.1-8b", "h100", intermediate_size=10922)["intermediate_size"]
    assert (check.good, check.better, check.gain) == ("no", 10944, 1.46)
    assert checks("llama-3.1-8b", "h100", intermediate_size=11008)["intermediate_size"].good == "yes"
    assert checks("llama-3.1-8b", "h100", intermediate_size=10928)["intermediate_size"].gain is None


def test_a_device_without_a_rule_is_unknown_not_good() -> None:
    check = checks("llama-3.1-8b", "mi300x", intermediate_size=10922)["intermediate_size"]
    assert (check.good, check.better) == ("unknown", None)


def test_what_tensor_ranks_must_divide() -> None:
    told = checks("qwen2.5-7b", "8xh100", Parallelism(tp=8))
    assert (told["num_attention_heads / tp"].better, told["num_attention_heads / tp"].note) == (
        None,
        "tp 7 or 14 divide it",
    )
    assert told["num_key_value_heads / tp"].note == (
        "each of 4 key heads is kept 2 times: the cache does not shrink beyond tp = 4"
    )
    assert told["intermediate_size / 8"].value == 2368
    even = checks("llama-3.1-70b", "8xh100", Parallelism(tp=8))
    assert all(check.good == "yes" for name, check in even.items() if not name.startswith(PREFIX))


def test_what_expert_and_pipeline_ranks_must_divide() -> None:
    told = checks("qwen1.5-moe-a2.7b", "8xh100", Parallelism(dp=8, ep=8))
    assert (told["experts / ep"].better, told["experts / ep"].note) == (None, "ep 6 or 10 divide it")
    assert checks("deepseek-v3", "h100", Parallelism(pp=8))["num_hidden_layers / pp"].good == "no"


def test_the_same_product_wastes_differently_here_and_there() -> None:
    question = models.question("llama-3.1-8b", "h100", here="rtx-5090", context=4096)
    product = {one.name: one for one in gemms(question, Parallelism())}["attention out"]
    assert (product.m, product.n, product.k) == (4096, 4096, 4096)
    assert product.target is not None
    assert product.here is not None
    assert product.target.wave_efficiency == pytest.approx(0.9697, abs=5e-5)
    assert product.here.efficiency < 0.93


def test_products_of_one_rank() -> None:
    told = {one.name: (one.n, one.k) for one in gemms(models.question("llama-3.1-70b", "8xh100"), Parallelism(tp=8))}
    assert told == {
        "qkv": (1280, 8192),
        "attention out": (8192, 1024),
        "gate and up": (7168, 8192),
        "down": (8192, 3584),
        "head": (16032, 8192),
    }
