"""What a rank can send to the others: switches, meshes, bridges and PCI Express, and what is not known."""

from __future__ import annotations

import models
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.workload.links import all_reduce_s, link_rate


@pytest.mark.parametrize(
    ("name", "ranks", "over", "gbps"),
    [
        ("h100", 2, "nvlink", 450),
        ("h100", 8, "nvlink", 450),
        ("b200", 8, "nvlink", 900),
        ("gb200", 72, "nvlink", 900),
        ("h100-nvl", 2, "nvlink", 300),
        ("rtx-3090", 2, "nvlink", 56.25),
        ("mi300x", 8, "xgmi", 448),
        ("mi300x", 2, "xgmi", 64),  # of seven links, one leads to the other device
        ("mi300x", 4, "xgmi", 192),
        ("rtx-4090", 2, "pcie", 31.5),
        ("rtx-4090", 8, "pcie", 31.5),
    ],
)
def test_what_a_rank_sends_in_one_direction(name: str, ranks: int, over: str, gbps: float) -> None:
    found = link_rate(models.target(name), ranks)
    assert (found.over, found.why) == (over, "")
    assert found.gbps == pytest.approx(gbps, rel=0.001)


@pytest.mark.parametrize(
    ("name", "ranks", "why"),
    [
        ("h100-nvl", 4, "NVLink joins 2 of them, and what joins 4 is not known"),
        ("rtx-3090", 3, "NVLink joins 2 of them, and what joins 3 is not known"),
        ("h100", 16, "NVLink joins 8 of them, and what joins 16 is not known"),
        ("gb200", 144, "NVLink joins 72 of them, and what joins 144 is not known"),
        ("gh200", 2, "how many of them NVLink joins is not known"),
        ("mi300x", 16, "xGMI joins 8 of them, and what joins 16 is not known"),
        ("mi250x", 2, "the catalog has no link bandwidth"),
        ("t4", 2, "the catalog has no link bandwidth"),
    ],
)
def test_a_rate_that_is_not_known_says_why(name: str, ranks: int, why: str) -> None:
    assert link_rate(models.target(name), ranks)[:] == (None, "", why)


def test_an_all_reduce_sends_twice_the_message_but_for_ones_own_part() -> None:
    assert all_reduce_s(450e9, 2, 450) == 1
    assert all_reduce_s(450e9, 8, 450) == pytest.approx(1.75)


@given(st.integers(2, 64), st.floats(1, 1e12), st.floats(1, 1e4))
def test_bus_bandwidth_is_the_link_as_nccl_tests_define_it(ranks: int, size: float, gbps: float) -> None:
    seconds = all_reduce_s(size, ranks, gbps)
    assert size / seconds * 2 * (ranks - 1) / ranks == pytest.approx(gbps * 1e9)
