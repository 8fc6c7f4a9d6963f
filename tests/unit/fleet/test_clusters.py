"""Two kinds are told where there are two, and not where one kind spreads."""

from __future__ import annotations

import random

import pytest

from parity.fleet.clusters import MIN_MEMBERS, two_clusters


def drawn(seed: int, *kinds: tuple[int, float, float]) -> list[float]:
    """Return values of (count, mean, standard deviation) each, ascending."""
    dice = random.Random(seed)
    return sorted(dice.gauss(mean, sigma) for count, mean, sigma in kinds for _ in range(count))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [32, 300])
def test_two_kinds_are_told_apart_and_counted(seed: int, count: int) -> None:
    found = two_clusters(drawn(seed, (count, 92.0, 0.8), (2 * count, 100.0, 0.8)), 0.05)
    assert found is not None
    assert found.lower == count
    assert found.mean_lower == pytest.approx(92.0, abs=0.6)
    assert found.mean_upper == pytest.approx(100.0, abs=0.6)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("sigma", [0.5, 2.0, 3.0])
@pytest.mark.parametrize("count", [64, 500])
def test_one_kind_is_not_split_however_it_spreads(seed: int, sigma: float, count: int) -> None:
    assert two_clusters(drawn(seed, (count, 100.0, sigma)), 0.05) is None


def test_nor_a_uniform_spread() -> None:
    assert two_clusters([90.0 + number / 50 for number in range(500)], 0.05) is None


@pytest.mark.parametrize("lower", range(6))
def test_few_are_no_kind(lower: int) -> None:
    found = two_clusters([*[80.0] * lower, *[100.0] * 10], 0.05)
    assert (found is not None) is (lower >= MIN_MEMBERS)


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 5, [2.0] * 6])
def test_nothing_to_split(values: list[float]) -> None:
    assert two_clusters(values, 0.05) is None


@pytest.mark.parametrize(("lower", "told"), [(95.1, False), (94.9, True)])
def test_kinds_within_a_healthy_spread_are_one(lower: float, told: bool) -> None:
    assert (two_clusters([*[lower] * 10, *[100.0] * 10], 0.05) is not None) is told


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e14])
def test_of_any_size(scale: float) -> None:
    found = two_clusters([value * scale for value in drawn(1, (50, 90.0, 0.5), (50, 100.0, 0.5))], 0.05)
    assert found is not None
    assert found.lower == 50
