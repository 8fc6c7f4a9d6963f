"""Ranks that quantised weights do not allow: blocks of FP8, groups of AWQ and GPTQ, in shapes and in what is chosen."""

from __future__ import annotations

from typing import Any

import models
import pytest

from parity.model.workload import Parallelism
from parity.workload.block_splits import block_splits
from parity.workload.estimate import estimate
from parity.workload.question import Question, divides, spread_over
from parity.workload.shapes import check_shapes

FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128}


def bad(name: str, tp: int, stored: dict[str, Any], **changes: Any) -> dict[str, int]:
    shape = models.shape(name, quantization_config=stored, **changes)
    return {one.name: one.value for one in block_splits(shape, tp) if one.good == "no"}


@pytest.mark.parametrize(
    ("name", "tp", "told"),
    [
        ("qwen3-235b-a22b", 4, {}),
        ("qwen3-235b-a22b", 8, {"moe_intermediate_size": 192}),  # vllm-project/vllm#17569
        ("deepseek-v3", 16, {}),
        ("deepseek-v3", 32, {"intermediate_size": 576, "moe_intermediate_size": 64, "shared expert's width": 64}),
        ("llama-3.1-8b", 8, {}),
    ],
)
def test_ranks_cannot_share_a_block_of_fp8(name: str, tp: int, told: dict[str, int]) -> None:
    assert bad(name, tp, FP8) == told


def test_heads_narrower_than_a_block_cannot_be_shared() -> None:
    told = bad("llama-3.1-8b", 8, FP8, head_dim=64)
    assert told == {"keys": 64}
    assert bad("deepseek-v3", 128, {**FP8, "weight_block_size": [128, 64]}, n_routed_experts=256)["queries"] == 192


def test_ranks_cannot_share_a_group_of_awq() -> None:
    """Qwen pads 29568 to 29696 for its AWQ files: 14784 are 115.5 groups."""
    assert bad("qwen2.5-7b", 2, AWQ, intermediate_size=29568) == {"intermediate_size": 14784}
    assert bad("qwen2.5-7b", 2, AWQ, intermediate_size=29696) == {}
    assert bad("qwen2.5-7b", 2, {**AWQ, "group_size": -1}, intermediate_size=29568) == {}


def test_what_stays_wide_can_be_split() -> None:
    assert bad("qwen3-235b-a22b", 8, {**FP8, "modules_to_not_convert": ["mlp.experts"]}) == {}
    assert bad("qwen3-235b-a22b", 8, {"quant_method": "fp8"}) == {}


def test_groups_of_experts_are_halved_by_some_engines() -> None:
    shape = models.shape("qwen3-235b-a22b", quantization_config=AWQ)
    told = {one.name: one.good for one in block_splits(shape, 8)}
    assert told["moe_intermediate_size"] == "unknown"
    assert bad("qwen3-235b-a22b", 8, AWQ, moe_intermediate_size=1408)["moe_intermediate_size"] == 176


def test_the_split_is_an_error_and_none_with_expert_ranks_or_another_format() -> None:
    shape = models.shape("qwen3-235b-a22b", quantization_config=FP8)
    question = Question(shape=shape, target=models.target("8xh100"), spread=Parallelism(tp=8))
    report = estimate(question, source="x")
    told = [finding for finding in report.findings if finding.rule == "uneven-split"]
    assert [(one.subject, one.message, one.mend) for one in told] == [
        ("moe_intermediate_size / tp in blocks", "192 is not a multiple of 128, the block of its fp8 scales",
         "use fewer ranks, or keep experts whole with --ep")
    ]  # fmt: skip
    assert report.exit_status == 1
    for changes in ({"spread": Parallelism(tp=8, ep=8)}, {"spread": Parallelism(tp=8), "dtype": "fp8"}):
        checks = check_shapes(Question(shape=shape, target=question.target, **changes), changes["spread"])  # type: ignore[arg-type]
        assert not any(check.good == "no" and "in blocks" in check.dimension for check in checks)


def test_no_such_split_is_chosen() -> None:
    shape = models.shape("qwen3-235b-a22b", quantization_config=FP8)
    assert [n for n in (1, 2, 4, 8, 16) if divides(shape, n)] == [1, 2, 4]
    spread = spread_over(shape, models.target("8xh100"), None, where="--target")
    assert (spread.tp, spread.pp) == (4, 2)
    place = estimate(Question(shape=shape, target=models.target("8xh100")), source="x").footprint.target
    assert place.smallest_count == 4
