"""Ceilings: the published check values, through the pure functions and through the catalog."""

from __future__ import annotations

import itertools

import models
import pytest

from parity.model.footprint import Parallelism
from parity.workload.bound import (
    bound,
    decode_ceiling,
    expert_fraction,
    ridge_point,
    token_flops,
    visited,
)

WEIGHTS = 8.03e9 * 2  # 8.03 B parameters in BF16
# device -> (bandwidth in GB/s, tokens per second at batch 1)
DECODE = {
    "h100": (3350, 208.6), "h200": (4800, 298.9), "b200": (7700, 479.5), "mi300x": (5300, 330.0), "a100": (2039, 127.0),
    "rtx-5090": (1792, 111.6), "rtx-4090": (1008, 62.8), "l40s": (864, 53.8), "t4": (320, 19.9), "l4": (300, 18.7),
}  # fmt: skip
RIDGE = {"h100": (989.4, 3350, 295), "mi300x": (1307.4, 5300, 247), "rtx-4090": (165.2, 1008, 164)}


@pytest.mark.parametrize("name", DECODE)
def test_decode_ceiling(name: str) -> None:
    bandwidth, tokens = DECODE[name]
    assert decode_ceiling(bandwidth, WEIGHTS) == pytest.approx(tokens, abs=0.06)


@pytest.mark.parametrize("name", DECODE)
def test_decode_ceiling_through_the_catalog(name: str) -> None:
    """The catalog's bandwidth is clock x width, up to half a percent from the rounded figure."""
    told = bound(models.question("llama-3.1-8b", name)).target
    assert told.decode_tokens_s == pytest.approx(DECODE[name][1], rel=0.006)


def test_the_press_figure_of_b200() -> None:
    assert decode_ceiling(8000, WEIGHTS) == pytest.approx(498.1, abs=0.06)


def test_a_long_context_is_read_too() -> None:
    assert decode_ceiling(3350, 16.06e9 + 4.29e9) == pytest.approx(164.6, abs=0.05)
    told = bound(models.question("llama-3.1-8b", "h100", context=32768)).target
    assert told.kv_read_bytes_per_step == 131072 * 32768
    assert told.decode_tokens_s_at_context == pytest.approx(164.6, rel=0.002)


@pytest.mark.parametrize("name", RIDGE)
def test_ridge_point(name: str) -> None:
    rate, bandwidth, wanted = RIDGE[name]
    assert round(ridge_point(rate, bandwidth)) == wanted
    told = bound(models.question("llama-3.1-8b", name)).target
    assert told.ridge_flop_per_byte == pytest.approx(wanted, rel=0.007)


def test_an_embedding_that_is_looked_up_raises_the_ceiling() -> None:
    apart = bound(models.question("llama-3.1-8b", "h100")).target
    assert apart.decode_tokens_s is not None
    part = 128256 * 4096 / 8_030_261_248
    assert apart.decode_tokens_s_without_embedding == pytest.approx(apart.decode_tokens_s / (1 - part))
    tied = bound(models.question("llama-3.2-1b", "h100")).target
    assert tied.decode_tokens_s_without_embedding == tied.decode_tokens_s


def test_batches_share_the_weights() -> None:
    one = bound(models.question("llama-3.1-8b", "h100", context=1)).target.decode_tokens_s_at_context
    many = bound(models.question("llama-3.1-8b", "h100", context=1, batch=100)).target.decode_tokens_s_at_context
    assert one is not None
    assert many == pytest.approx(100 * one, rel=0.01)


@pytest.mark.parametrize(("experts", "top", "tokens"), [(8, 2, 1), (8, 2, 3), (4, 1, 5)])
def test_visited_experts_against_counting_every_draw(experts: int, top: int, tokens: int) -> None:
    choices = list(itertools.combinations(range(experts), top))
    total = count = 0
    for drawn in itertools.product(choices, repeat=tokens):
        total += len(set(itertools.chain(*drawn)))
        count += 1
    assert expert_fraction(experts, top, tokens) == pytest.approx(total / count / experts)


def test_a_mixture_reads_what_a_step_visits() -> None:
    question = models.question("mixtral-8x7b", "2xh100")
    assert visited(question, 1) == pytest.approx(12_879_925_248 / 46_702_792_704)
    assert visited(question, 1) < visited(question, 4) < visited(question, 64) <= 1


def test_flop_per_token_is_two_per_parameter_and_attention() -> None:
    question = models.question("llama-3.1-8b", "h100")
    assert token_flops(question, 0) == 2 * (8_030_261_248 - 128256 * 4096)
    assert token_flops(question, 8192) == token_flops(question, 0) + 2 * 2 * 32 * 32 * 128 * 4096  # type: ignore[operator]


def test_prefill_is_the_dense_rate_over_the_work() -> None:
    question = models.question("llama-3.1-8b", "4xh100")
    work = token_flops(question, 8192)
    assert work is not None
    assert bound(question).target.prefill_tokens_s == pytest.approx(4 * 989.4e12 / work)


def test_both_all_reduces_of_a_layer_are_told_at_the_rate_of_the_link() -> None:
    told = bound(models.question("llama-3.1-70b", "8xh100")).target
    assert told.all_reduce_s_per_layer_decode == pytest.approx(2 * 1.75 * 8192 * 2 / 450e9)
    assert told.all_reduce_s_per_layer_prefill == pytest.approx(2 * 1.75 * 8192 * 8192 * 2 / 450e9)
    assert (told.tensor_parallel, told.link_gbps_one_way, told.link, told.link_why) == (8, 450, "nvlink", "")


def test_no_rate_is_no_time() -> None:
    told = bound(models.question("llama-3.1-70b", "4xh100-nvl", spread=Parallelism(tp=4))).target
    assert told.all_reduce_s_per_layer_decode is None
    assert told.all_reduce_s_per_layer_prefill is None
    assert told.link_why == "NVLink joins 2 of them, and what joins 4 is not known"


def test_one_device_reduces_nothing() -> None:
    assert bound(models.question("llama-3.1-8b", "h100")).target.all_reduce_s_per_layer_decode is None


def test_a_batch_can_be_bound_by_one_thing_here_and_by_the_other_there() -> None:
    told = bound(models.question("llama-3.1-8b", "h100", here="rtx-4090", context=1, batch=220))
    phase = told.phases[1]
    assert (phase.target, phase.here, phase.flips) == ("memory", "compute", True)
    assert told.target.decode_compute_batch == 296
    assert told.here is not None
    assert told.here.decode_compute_batch == 164
    assert not told.phases[0].flips


def test_a_slice_has_no_figures_of_the_whole() -> None:
    told = bound(models.question("llama-3.2-1b", "h100/1g.10gb"))
    assert (told.target.bandwidth_gbps, told.target.dense_tflops, told.target.decode_tokens_s) == (None, None, None)
    assert {phase.target for phase in told.phases} == {"unknown"}
