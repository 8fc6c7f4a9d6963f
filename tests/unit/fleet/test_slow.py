"""Slow devices: few, some, half or most of them; never taken for healthy, never invented."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from parity.fleet.slow import Rates
from parity.model.measurement import Measurement, Unit

if TYPE_CHECKING:
    from parity.model.fleet import SlowDevice, Undecided

H100 = ("H100", "10de:2330")


def judged(
    values: list[float], *, name: str = "dram_copy", unit: Unit = "GB/s"
) -> tuple[tuple[SlowDevice, ...], tuple[Undecided, ...]]:
    """Return what is said of nodes with one device each."""
    rates = Rates()
    for number, value in enumerate(values):
        rates.add(number, {0: H100}, (Measurement(name=name, device=0, value=value, unit=unit, kernel="copy"),))
    return rates.judged([f"n{number}" for number in range(len(values))], frozenset(range(len(values))))


def healthy(count: int, around: float = 2900.0, seed: int = 1) -> list[float]:
    dice = random.Random(seed)
    return [dice.gauss(around, around / 200) for _ in range(count)]


@pytest.mark.parametrize("count", [3, 5, 8, 1000])
def test_one_slow_device_among_few_or_many(count: int) -> None:
    slow, undecided = judged([*healthy(count - 1), 2552.0])
    assert [one.node for one in slow] == [f"n{count - 1}"]
    assert undecided == ()


@pytest.mark.parametrize("count", [2, 3, 5, 1000])
def test_healthy_devices_are_not_slow(count: int) -> None:
    slow, undecided = judged(healthy(count))
    assert slow == ()
    assert [one.why for one in undecided] == (["few"] if count < 3 else [])


def test_two_devices_decide_nothing_and_that_is_said() -> None:
    slow, (undecided,) = judged([2900.0, 2000.0])
    assert slow == ()
    assert (undecided.why, undecided.devices, undecided.part) == ("few", 2, "H100")


@pytest.mark.parametrize(("slow_ones", "why"), [(50, "split"), (51, "split"), (70, "split"), (99, "fast")])
def test_where_half_or_most_are_slow_the_median_is_not_believed(slow_ones: int, why: str) -> None:
    values = [*healthy(100 - slow_ones), *healthy(slow_ones, 2552.0)]
    slow, (undecided,) = judged(values)
    assert slow == ()
    assert undecided.why == why
    assert undecided.fast == (100 - slow_ones if slow_ones > 50 else 0)
    assert [kind.devices for kind in undecided.clusters] == ([slow_ones, 100 - slow_ones] if why == "split" else [])
    slowest_first = sorted(range(100), key=values.__getitem__)
    assert undecided.behind[:20] == tuple(f"n{number}" for number in slowest_first[:20])
    assert {int(name[1:]) for name in undecided.behind} <= set(range(100 - slow_ones, 100))


def test_half_of_them_a_little_more_than_a_healthy_spread_behind_are_named() -> None:
    values = [*healthy(20), *healthy(20, 2900 * 0.94)]
    slow, (undecided,) = judged(values)
    assert slow == ()
    assert undecided.why == "split"
    assert set(undecided.behind) == {f"n{number}" for number in range(20, 40)}
    assert [round(kind.mean, -1) for kind in undecided.clusters] == [2730, 2900]
    assert judged([*healthy(20), *healthy(20, 2900 * 0.97)]) == ((), ()), "within what is normal"


@pytest.mark.parametrize(("fast", "told"), [(2, []), (3, ["fast"])])
def test_one_in_a_thousand_may_be_fast_by_chance(fast: int, told: list[str]) -> None:
    _, undecided = judged([*healthy(2500 - fast), *[3200.0] * fast])
    assert [one.why for one in undecided] == told


def test_of_times_the_longest_are_behind() -> None:
    _, (undecided,) = judged([4.0, 4.0, 9.0, 8.0], name="launch_latency", unit="us")
    assert (undecided.why, undecided.behind) == ("spread", ("n2", "n3"))


@pytest.mark.parametrize("slow_ones", [1, 10, 30, 45])
def test_a_slow_minority_is_found_whole(slow_ones: int) -> None:
    slow, _ = judged([*healthy(100 - slow_ones), *healthy(slow_ones, 2552.0)])
    assert len(slow) == slow_ones


def test_a_wide_spread_of_three_is_said() -> None:
    _, (undecided,) = judged([2900.0, 2700.0, 2500.0])
    assert undecided.why == "spread"


def test_times_are_slow_when_they_are_long() -> None:
    slow, undecided = judged([3.0, 3.1, 3.2, 3.1, 9.0], name="launch_latency", unit="us")
    assert [one.node for one in slow] == ["n4"]
    assert undecided == ()
    assert judged([3.0, 3.1, 3.2, 3.1, 3.5], name="launch_latency", unit="us") == ((), ())


def test_pairs_are_held_against_the_same_pair() -> None:
    rates = Rates()
    for number in range(5):
        near, far = (20.0 if number == 3 else 40.0), 25.0
        pairs = [
            Measurement(name="peer_to_peer", device=0, peer=peer, value=value, unit="GB/s", kernel="copy")
            for peer, value in ((1, near), (2, far))
        ]
        rates.add(number, {0: H100, 1: H100, 2: H100}, tuple(pairs))
    (slow,), undecided = rates.judged([f"n{number}" for number in range(5)], frozenset(range(5)))
    assert (slow.node, slow.device, slow.peer) == ("n3", 0, 1)
    assert undecided == ()


def test_buffers_and_versions_make_no_kernel_another() -> None:
    count = 32
    rates = Rates()
    for number in range(count):
        odd = number == 5
        one = Measurement(
            name="dram_copy", device=0, value=2320.0 if odd else 2900.0, unit="GB/s",
            kernel=f"torch.neg float32, torch 2.{8 if odd else 9}", bytes=1 << (29 if odd else 30), conditions="disturbed",
        )  # fmt: skip
        rates.add(number, {0: H100}, (one,))
    (slow,), undecided = rates.judged([f"n{number}" for number in range(count)], frozenset(range(count)))
    assert (slow.node, slow.disturbed, undecided) == ("n5", True, ())


def test_a_device_measured_by_another_kernel_than_its_like_is_undecided() -> None:
    rates = Rates()
    for number in range(6):
        kernel = "cuMemcpyDtoDAsync" if number == 2 else "torch.neg float32"
        one = Measurement(name="dram_copy", device=0, value=1000.0 + number, unit="GB/s", kernel=kernel)
        rates.add(number, {0: H100}, (one,))
    slow, (undecided,) = rates.judged([f"n{number}" for number in range(6)], frozenset(range(6)))
    assert slow == ()
    assert (undecided.why, undecided.kernel, undecided.behind) == ("kernel", "cuMemcpyDtoDAsync", ("n2",))


def test_readings_that_do_not_count_play_no_part() -> None:
    rates = Rates()
    for number, value in enumerate([2900.0, 2890.0, 2910.0, 1000.0]):
        one = Measurement(name="dram_copy", device=0, value=value, unit="GB/s", kernel="copy")
        rates.add(number, {0: H100}, (one,))
    names = ["a", "b", "c", "d"]
    assert [one.node for one in rates.judged(names, frozenset(range(4)))[0]] == ["d"]
    assert rates.judged(names, frozenset(range(3))) == ((), ())


WIDE = [*[98.0] * 10, 100.0, 100.0, *[102.0] * 10]  # 3.5 robust standard deviations are 10.4


@pytest.mark.parametrize(
    ("name", "unit", "others", "value", "is_slow"),
    [
        ("dram_copy", "GB/s", [100.0] * 4, 95.1, False),
        ("dram_copy", "GB/s", [100.0] * 4, 94.9, True),
        ("matmul_bf16", "TFLOPS", [100.0] * 2, 94.9, True),
        ("launch_latency", "us", [4.0] * 4, 4.99, False),
        ("launch_latency", "us", [4.0] * 4, 5.01, True),
        ("dram_copy", "GB/s", WIDE, 89.7, False),
        ("dram_copy", "GB/s", WIDE, 89.5, True),
    ],
)
def test_slow_is_more_than_a_healthy_spread_and_more_than_chance(
    name: str, unit: Unit, others: list[float], value: float, is_slow: bool
) -> None:
    slow, undecided = judged([*others, value], name=name, unit=unit)
    assert [one.node for one in slow] == ([f"n{len(others)}"] if is_slow else [])
    assert undecided == ()


@pytest.mark.parametrize(("value", "why"), [(104.9, []), (105.1, ["fast"])])
def test_a_device_that_is_faster_than_its_like_is_doubted_beyond_a_healthy_spread(value: float, why: list[str]) -> None:
    slow, undecided = judged([*[100.0] * 4, value])
    assert (slow, [one.why for one in undecided]) == ((), why)


@pytest.mark.parametrize(("lowest", "why"), [(96.7, []), (96.5, ["spread"])])
def test_a_spread_wider_than_that_of_healthy_devices_is_doubted(lowest: float, why: list[str]) -> None:
    """1.4826 times the median distance from the median is 5 % of it between the two."""
    assert [one.why for one in judged([lowest, 100.0, 200 - lowest])[1]] == why


def moved(before: float, now: float, *, name: str = "dram_copy", bytes_now: int = 1) -> list[tuple[float, float]]:
    """Return (before, ratio) of the medians that are told to have moved."""
    old, new = Rates(), Rates()
    for rates, value, size in ((old, before, 1), (new, now, bytes_now)):
        one = Measurement(name=name, device=0, value=value, unit="GB/s", kernel="copy", bytes=size)
        rates.add(0, {0: H100}, (one,))
    return [(one.before, one.ratio) for one in new.drifts(old, frozenset({0}), frozenset({0}))]


@pytest.mark.parametrize(
    ("now", "ratio"), [(95.1, None), (94.9, 0.949), (104.9, None), (105.1, 1.051)]
)  # fmt: skip
def test_a_median_that_fell_or_rose_by_more_than_a_healthy_spread_has_moved(now: float, ratio: float | None) -> None:
    assert moved(100.0, now) == ([] if ratio is None else [(100.0, ratio)])
    assert moved(100.0, now, bytes_now=2) == moved(100.0, now), "buffers of any size are comparable"
    assert moved(100.0, now, name="host_to_device") == [], "follows the slot"


def test_of_earlier_rates_those_that_a_device_delivers_alone_are_compared() -> None:
    rates = Rates()
    told = [("dram_copy", 0, None), ("host_to_device", 0, None), ("peer_to_peer", 0, 1), ("matmul_bf16", 1, None)]
    measured = [
        Measurement(name=name, device=device, peer=peer, value=10.0, unit="GB/s", kernel="copy")
        for name, device, peer in told
    ]
    rates.add(0, {0: H100, 1: H100}, tuple(measured))
    assert rates.by_name(["a"], frozenset({0})) == {
        ("a", 0, "dram_copy", "copy"): (10.0, "GB/s"),
        ("a", 1, "matmul_bf16", "copy"): (10.0, "GB/s"),
    }
    assert rates.by_name(["a"], frozenset()) == {}


@pytest.mark.parametrize(
    ("count", "fast", "is_doubted"),
    [(999, 1, True), (1000, 1, False), (1001, 1, False), (2000, 2, False), (1999, 2, True)],
)
def test_among_thousands_one_in_a_thousand_may_be_fast_by_chance(count: int, fast: int, is_doubted: bool) -> None:
    slow, undecided = judged([*[100.0] * (count - fast), *[106.0] * fast])
    assert (slow, [(one.why, one.fast) for one in undecided]) == ((), [("fast", fast)] if is_doubted else [])
