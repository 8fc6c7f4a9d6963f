"""The mixer of each layer: as listed, as each family's period has it, and unknown where it would contradict the counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import models
import pytest

KNOWN = [*models.models()]


@pytest.mark.parametrize("name", KNOWN)
def test_the_order_agrees_with_the_counts(name: str) -> None:
    shape = models.shape(name)
    assert len(shape.order) == shape.layers
    assert Counter(shape.order) == Counter(shape.mixers)


@pytest.mark.parametrize("name", [*models.counted()])
def test_the_order_of_every_family_is_known(name: str) -> None:
    shape = models.read(models.counted()[name]["config"])
    assert Counter(shape.order) == Counter(shape.mixers)
    assert shape.moe is None or len(shape.moe.at) == shape.moe.layers


@pytest.mark.parametrize(
    ("name", "changes", "first"),
    [
        ("jamba-v0.1", {}, "ssm ssm ssm ssm attention ssm ssm ssm"),
        ("gemma-3-1b", {}, "window window window window window attention window"),
        ("gemma-3-1b", {"layer_types": ["full_attention", *["sliding_attention"] * 25]}, "attention window"),
    ],
)
def test_where_the_layers_stand(name: str, changes: dict[str, Any], first: str) -> None:
    wanted = tuple(first.split())
    assert models.shape(name, **changes).order[: len(wanted)] == wanted
