"""Head dimensions: which attention libraries take them on the target, and whether that flips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import models
import pytest

from parity.catalog import store
from parity.catalog.head_dims import head_dim_libraries
from parity.workload.head_dims import (
    ATTENTION_LIBRARIES,
    LATENT_LIBRARIES,
    PREFIX,
    check_head_dims,
    head_dims_of,
    unknown_head_dims,
)
from parity.workload.question import Question

if TYPE_CHECKING:
    from parity.model.products import ShapeCheck


def told(on: str, here: str | None = None, model: str = "llama-3.1-8b", **changes: Any) -> dict[str, ShapeCheck]:
    question = Question(
        shape=models.shape(model, **changes), target=models.target(on), here=models.target(here) if here else None
    )
    return {check.dimension.removeprefix(PREFIX).rpartition(" ")[0]: check for check in check_head_dims(question)}


def test_a_head_of_160_runs_on_hopper_and_is_refused_on_blackwell() -> None:
    check = told("b200", "h100", head_dim=160)["FlashAttention 4"]
    assert (check.good, check.here, check.value) == ("no", "yes", 160)
    assert "from 8 to 128 or (192, values 128)" in check.asks


def test_a_latent_pair_is_one_of_the_listed() -> None:
    assert head_dims_of(models.shape("deepseek-v3")) == (192, 128)
    assert told("b200", model="deepseek-v3")["FlashAttention 4"].good == "yes"


@pytest.mark.parametrize("target", ["h100", "b200", "rtx-4090", "a100"])
def test_a_head_of_128_is_taken_by_some_library(target: str) -> None:
    assert any(check.good == "yes" for check in told(target).values())


@pytest.mark.parametrize(
    ("target", "head_dim", "name", "good", "words"),
    [
        ("h100", 128, "FlashAttention 3", "yes", "taken by the forward pass: FlashAttention-3, wgmma"),
        ("l40s", 128, "FlashAttention 3", "yes", "the sm_80 kernels of FlashAttention-3 (left out by"),
        ("b200", 256, "FlashAttention 2", "yes", "sm_100 build of the sm_80 code"),
        ("b200", 96, "FlashAttention 4", "yes", "FlashAttention-4, tcgen05"),
        ("b200", 192, "FlashAttention 4", "no", "from 8 to 128 or (192, values 128)"),
        ("b200", 256, "FlashAttention 4", "yes", "taken by the forward pass"),
        ("h100", 512, "FlashAttention 4", "no", "from 8 to 256"),
        ("b200", 512, "FlashAttention 4", "yes", "taken by the forward pass"),
        ("h100", 512, "FlashAttention 3", "no", "at most 256"),
        ("rtx-4090", 80, "SageAttention 2", "yes", "taken by the forward pass; 80 is padded to 128: "),
        ("rtx-4090", 64, "SageAttention 2", "yes", "taken by the forward pass: "),
        ("rtx-4090", 192, "SageAttention 2", "no", "at most 128"),
        ("rtx-4090", 80, "FlashAttention 2", "yes", "taken by the forward pass: FlashAttention-2, sm_80 code"),
    ],
)
def test_each_sentence_says_what_runs_or_what_refuses(
    target: str, head_dim: int, name: str, good: str, words: str
) -> None:
    check = told(target, head_dim=head_dim)[name]
    assert check.good == good
    assert words in check.asks


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("h100", "cuDNN attention, FlashInfer, xFormers"),
        ("rtx-4090", "FlashAttention 4, cuDNN attention, FlashInfer, xFormers"),
        ("mi300x", "AITER"),
    ],
)
def test_libraries_without_a_known_limit_are_named(target: str, names: str) -> None:
    shape = models.shape("llama-3.1-8b", head_dim=1024)
    found = unknown_head_dims(Question(shape=shape, target=models.target(target)))
    assert found is not None
    assert found.what.startswith(f"head_dim of {names} on ")
    assert unknown_head_dims(Question(shape=models.shape("mamba-2.8b"), target=models.target(target))) is None


def test_where_a_known_library_takes_it_the_others_are_not_named() -> None:
    assert unknown_head_dims(Question(shape=models.shape("llama-3.1-8b"), target=models.target("h100"))) is None
    assert unknown_head_dims(Question(shape=models.shape("llama-3.1-8b"), target=models.target("mi300x"))) is not None


def test_a_library_that_refuses_the_target_is_not_called_unknown() -> None:
    shape = models.shape("llama-3.1-8b", head_dim=1024)
    found = unknown_head_dims(Question(shape=shape, target=models.target("b200")))
    assert found is not None
    assert "FlashAttention 3" not in found.what


def test_every_attention_library_is_in_the_data() -> None:
    assert models.target("h100")
    known = {item.id for item in store.stack_facts().libraries}
    assert set(ATTENTION_LIBRARIES) <= known
    assert set(head_dim_libraries()) <= {*ATTENTION_LIBRARIES, *LATENT_LIBRARIES}


def test_libraries_of_another_maker_are_no_news() -> None:
    assert {name: check.good for name, check in told("mi300x", "h100").items()} == {"AITER": "unknown"}


def test_a_model_without_attention_has_none() -> None:
    assert head_dims_of(models.shape("mamba-2.8b")) is None
    assert told("h100", model="mamba-2.8b") == {}


def test_every_answer_names_its_source() -> None:
    assert all(check.note.startswith("from ") for check in told("h100").values() if check.good != "unknown")


def test_a_library_of_unknown_limits_is_named_beside_one_that_takes_it() -> None:
    found = told("h100")
    assert (found["FlashAttention 3"].good, found["xFormers"].good) == ("yes", "unknown")
    assert found["xFormers"].asks.startswith("no limit of xFormers ")


@pytest.mark.parametrize(
    ("target", "head_dim", "name", "good"),
    [
        ("h100", 128, "cuDNN attention", "yes"),
        ("h100", 256, "cuDNN attention", "unknown"),  # the frontend has no bound, the backend may
        ("h100", 100, "cuDNN attention", "no"),  # no multiple of 8
        ("h100", 256, "FlashInfer", "yes"),
        ("h100", 96, "FlashInfer", "unknown"),  # compiled when asked for, unchecked
        ("rtx-4090", 64, "FlashInfer", "yes"),
    ],
)
def test_what_a_gate_does_not_say_is_unknown(target: str, head_dim: int, name: str, good: str) -> None:
    assert told(target, head_dim=head_dim)[name].good == good


@pytest.mark.parametrize(
    ("model", "target", "good", "words"),
    [
        ("deepseek-v3", "h100", "yes", "taken by dense-decode with values of 512: dense decoding"),
        ("deepseek-v3", "b200", "no", "dense decoding is for sm_90a alone"),
        ("deepseek-v3", "a100", "no", "does not run on sm_80"),
        ("deepseek-v2-lite", "h100", "yes", "taken by dense-decode"),
    ],
)
def test_latents_are_decoded_by_libraries_of_their_own(model: str, target: str, good: str, words: str) -> None:
    check = told(target, model=model)["dense-decode by FlashMLA"]
    assert (check.good, check.value) == (good, 576)
    assert words in check.asks
    assert "FlashMLA" not in str(told(target))


def test_sparse_attention_asks_for_sparse_decoding() -> None:
    shape = models.read(
        {
            **models.config("deepseek-v3"),
            "model_type": "deepseek_v32",
            "index_n_heads": 64,
            "index_head_dim": 128,
            "index_topk": 2048,
        }
    )
    found = {
        check.dimension: check.good for check in check_head_dims(Question(shape=shape, target=models.target("b200")))
    }
    assert found["head_dim: sparse-decode by FlashMLA 1.0.0"] == "yes"
