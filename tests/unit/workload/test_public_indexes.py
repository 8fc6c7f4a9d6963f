"""Weights counted from a configuration against the total size that public safetensors indexes state."""

from __future__ import annotations

import models
import pytest

from parity.model.workload import Parallelism
from parity.workload.parameters import device_bytes, parts_of

INDEXES = models.indexes()
# Checkpoints that hold more than parameters: rotary tables kept as buffers, 64 values of FP32 in each of 32 layers.
BUFFERS = {"llama-2-7b": 32 * 64 * 4}


def weights(name: str) -> float:
    shape = models.read(INDEXES[name]["config"])
    sizes = device_bytes(parts_of(shape) or (), shape, Parallelism(), None)
    assert sizes is not None
    return sizes[0]


def test_there_are_enough_indexes() -> None:
    assert len(INDEXES) >= 12
    assert len({model["config"]["model_type"] for model in INDEXES.values()}) >= 7


@pytest.mark.parametrize("name", INDEXES)
def test_weights_are_within_a_percent_of_the_index(name: str) -> None:
    assert weights(name) == pytest.approx(INDEXES[name]["total_size"], rel=0.01)


@pytest.mark.parametrize("name", [name for name in INDEXES if "quantization_config" not in INDEXES[name]["config"]])
def test_plain_weights_are_those_of_the_index_to_the_byte(name: str) -> None:
    assert weights(name) == INDEXES[name]["total_size"] - BUFFERS.get(name, 0)


@pytest.mark.parametrize("name", INDEXES)
def test_every_index_says_where_it_was_read(name: str) -> None:
    model = INDEXES[name]
    assert "/" in model["repository"]
    assert len(model["commit"]) == 40
    config = model["config"]
    assert model["tensors"] > config.get("text_config", config)["num_hidden_layers"]
