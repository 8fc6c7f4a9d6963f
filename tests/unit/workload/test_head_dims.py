"""Head dimensions: which attention libraries take them on the target, and whether that flips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import models
import pytest

from parity.workload.head_dims import PREFIX, check_head_dims, head_dims_of
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


def test_libraries_of_another_maker_are_no_news() -> None:
    assert told("mi300x", "h100") == {}


def test_a_model_without_attention_has_none() -> None:
    assert head_dims_of(models.shape("mamba-2.8b")) is None
    assert told("h100", model="mamba-2.8b") == {}


def test_every_answer_names_its_source() -> None:
    assert all(check.note.startswith("from ") for check in told("h100").values())
