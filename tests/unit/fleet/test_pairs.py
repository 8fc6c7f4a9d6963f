"""Pairs of one node held against each other: how many it takes, and how far behind is too far."""

from __future__ import annotations

import itertools

import pytest

from parity.fleet.pairs import slow_pairs
from parity.model.measurement import Measurement

H100, OTHER = ("H100", "10de:2330"), ("H100", "10de:2331")


def pairs(values: list[float], *, count: int = 8, name: str = "peer_to_peer") -> tuple[Measurement, ...]:
    """Return measurements of the first pairs of so many devices."""
    places = list(itertools.permutations(range(count), 2))[: len(values)]
    return tuple(
        Measurement(name=name, device=a, peer=b, value=value, unit="GB/s", kernel="copy")
        for (a, b), value in zip(places, values, strict=True)
    )


def slow(values: list[float], parts: dict[int, tuple[str, ...]] | None = None) -> list[tuple[int, int]]:
    return [pair for pair, _ in slow_pairs(pairs(values), parts or dict.fromkeys(range(8), H100))]


@pytest.mark.parametrize(("count", "is_told"), [(1, False), (2, False), (5, False), (6, True), (7, True), (56, True)])
def test_it_takes_the_pairs_of_three_devices(count: int, is_told: bool) -> None:
    assert slow([50.0, *[100.0] * (count - 1)]) == ([(0, 1)] if is_told else [])


@pytest.mark.parametrize(("value", "is_told"), [(90.1, False), (89.9, True)])
def test_a_pair_may_be_twice_a_healthy_spread_behind(value: float, is_told: bool) -> None:
    assert slow([value, *[100.0] * 11]) == ([(0, 1)] if is_told else [])


@pytest.mark.parametrize(("value", "is_told"), [(79.4, False), (79.1, True)])
def test_where_pairs_spread_a_slow_one_is_further_behind(value: float, is_told: bool) -> None:
    """Half are at 96, half at 104: 3.5 robust standard deviations are 20.8."""
    assert slow([value, *[96.0] * 10, 100.0, 100.0, *[104.0] * 10]) == ([(0, 1)] if is_told else [])


def test_only_pairs_of_like_devices_are_held_against_each_other() -> None:
    values = [100.0] * 14
    values[0] = 50.0
    assert slow(values, {0: H100, 1: OTHER, **dict.fromkeys(range(2, 8), H100)}) == [], "another path, and alone"
    assert slow(values, {0: H100, 1: H100}) == [], "the others are not visible"


def test_what_is_no_copy_between_peers_is_none() -> None:
    parts = dict.fromkeys(range(8), H100)
    assert list(slow_pairs(pairs([50.0, *[100.0] * 11], name="host_to_device"), parts)) == []
    assert list(slow_pairs(pairs([-1.0, 1e15, *[100.0] * 10]), parts)) == []
