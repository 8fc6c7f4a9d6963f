"""Pipeline stages: layers of each kind, the fullest by the order of the layers, the worst case where it is not known."""

from __future__ import annotations

import models
import msgspec
import pytest

from parity.model.workload import Parallelism
from parity.workload.kv_cache import request_bytes
from parity.workload.parameters import device_bytes, parts_of
from parity.workload.stages import stages_of


def test_a_whole_model_is_one_stage() -> None:
    (whole,) = stages_of(models.shape("jamba-v0.1"), 1)
    assert (whole.layers, whole.attention, whole.state, whole.experts, whole.dense) == (32, 4, 28, 16, 16)


@pytest.mark.parametrize(("pp", "attention"), [(2, {2}), (4, {1}), (8, {0, 1}), (32, {0, 1})])
def test_stages_are_cut_along_the_layers(pp: int, attention: set[int]) -> None:
    found = stages_of(models.shape("jamba-v0.1"), pp)
    assert {one.attention for one in found} == attention
    assert {one.layers for one in found} == {32 // pp}


def test_of_a_remainder_any_run_of_layers_may_be_a_stage() -> None:
    # 32 layers, every eighth from the fifth on has attention: of seven in a row one has it at most, of nine two
    shape = models.shape("jamba-v0.1")
    assert max(one.attention for one in stages_of(shape, 5)) == 1
    assert max(one.attention for one in stages_of(shape, 3)) == 2


def test_without_an_order_the_worst_case_is_taken() -> None:
    shape = msgspec.structs.replace(models.shape("jamba-v0.1"), order=())
    (only,) = stages_of(shape, 8)
    assert (only.layers, only.attention, only.state, only.experts) == (4, 4, 4, 4)


def test_an_order_that_disagrees_with_the_counts_is_not_followed() -> None:
    shape = models.shape("jamba-v0.1")
    turned = msgspec.structs.replace(shape, order=("ssm",) * 32)
    assert stages_of(turned, 8)[0].attention == 4


def test_the_fullest_stage_holds_the_experts_of_its_layers() -> None:
    # every second layer has experts: of three one has two of them, on average one and a half
    shape = models.shape("jamba-v0.1", num_hidden_layers=12)
    parts = parts_of(shape) or ()
    one, many = (device_bytes(parts, shape, Parallelism(pp=pp), None) for pp in (1, 4))
    assert one is not None
    assert many is not None
    experts = sum(part.parameters for part in parts if part.share == "expert") * 2
    assert many[1] > experts / 6 * 2
    averaged = one[1] / 4
    assert many[1] > 1.2 * averaged


def test_the_fullest_stage_keeps_the_cache_of_its_layers() -> None:
    shape = models.shape("jamba-v0.1", attn_layer_period=3, attn_layer_offset=1)
    whole = request_bytes(shape, "bf16", 10**6) or 0
    part = request_bytes(shape, "bf16", 10**6, Parallelism(pp=8)) or 0
    # 11 of 32 layers have attention; of four in a row two at most
    assert part / whole == pytest.approx(2 / 11, rel=0.01)


@pytest.mark.parametrize("pp", [1, 2, 4, 8])
def test_layers_that_are_all_alike_divide_evenly(pp: int) -> None:
    shape = models.shape("llama-3.1-8b")
    assert request_bytes(shape, "bf16", 100, Parallelism(pp=pp)) == 131072 * 100 / pp
