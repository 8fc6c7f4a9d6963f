"""How many devices one link joins: boards, racks, meshes and bridges; and how a model is spread over more than that."""

from __future__ import annotations

import models
import pytest

from parity.errors import UsageError
from parity.model.footprint import Parallelism
from parity.workload.link_domain import link_domain
from parity.workload.question import spread_over


@pytest.mark.parametrize(
    ("name", "joined"),
    [
        ("h100", 8), ("a100-sxm4-40gb", 8), ("b200", 8), ("gb200", 72), ("gb300", 72), ("h100-nvl", 2), ("rtx-3090", 2),
        ("mi300x", 8), ("rtx-4090", None), ("gh200", None),
    ],
)  # fmt: skip
def test_how_many_a_link_joins(name: str, joined: int | None) -> None:
    assert link_domain(models.target(name)) == joined


def test_no_device_is_left_out_unsaid() -> None:
    shape = models.shape("llama-3.1-70b")
    for count in (12, 100, 999, 1000, 1024):
        spread = spread_over(shape, models.target(f"{count}xh100"), None, where="--target")
        assert spread.devices == count
        assert spread.pp <= 80


def test_a_dense_model_has_no_expert_ranks() -> None:
    asked = Parallelism(tp=4, ep=4)
    with pytest.raises(UsageError, match="no experts"):
        spread_over(models.shape("llama-3.1-70b"), models.target("4xh100"), asked, where="--target")
    assert spread_over(models.shape("mixtral-8x7b"), models.target("4xh100"), asked, where="--target") == asked


@pytest.mark.parametrize(
    ("target", "tp", "pp"),
    [
        ("8xh100", 8, 1),
        ("16xh100", 8, 2),
        ("16xmi300x", 8, 2),
        ("64xgb200", 64, 1),
        ("4xh100-nvl", 4, 1),
        ("16xl40s", 16, 1),
    ],
)
def test_tensor_ranks_stay_where_a_link_joins_them(target: str, tp: int, pp: int) -> None:
    shape = models.shape("llama-3.1-70b")
    assert spread_over(shape, models.target(target), None, where="--target") == Parallelism(tp=tp, pp=pp)
