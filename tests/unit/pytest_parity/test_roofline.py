"""Tests shares of peak: what binds, which peak is needed, and that an unknown peak is never a number."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_parity.roofline import (
    MOST_NOTED,
    MOST_OF_PEAK,
    AboveRoofError,
    Peaks,
    PeakUnknownError,
    Roofline,
    check_roof,
    note,
    read_peaks,
    roofline,
    take_notes,
)

H100 = Peaks("h100", {"memory_bandwidth_gbps": 3352.0, "tflops_bf16": 989.4, "tflops_fp8": 1979.0, "tops_int8": 1979.0})
RTX = Peaks("rtx-4090", {"memory_bandwidth_gbps": 1008.0, "tflops_bf16": 165.2})


def measure(**numbers: Any) -> Roofline:
    return roofline(peaks=lambda _: (RTX, H100), **numbers)


def test_bandwidth_alone() -> None:
    copy = measure(seconds=1e-3, bytes=0.9e9)
    assert copy.gbps == pytest.approx(900)
    assert copy.of_here == pytest.approx(900 / 1008)
    assert copy.of_target == pytest.approx(900 / 3352)
    assert (copy.bound_here, copy.intensity) == ("memory", 0)


def test_operations_alone() -> None:
    matmul = measure(seconds=1e-3, flops=1.4e11)
    assert matmul.tflops == pytest.approx(140)
    assert matmul.of_here == pytest.approx(140 / 165.2)
    assert (matmul.bound_here, matmul.intensity) == ("compute", math.inf)


def test_what_binds_may_differ_between_here_and_the_target() -> None:
    work = measure(seconds=1e-3, bytes=1e8, flops=2e10)  # 200 operations per byte
    assert (work.bound_here, work.bound_on_target) == ("compute", "memory")
    assert work.of_here == pytest.approx(2e10 / 165.2e12 / 1e-3)
    assert work.of_target == pytest.approx(1e8 / 3352e9 / 1e-3)


def test_int8_has_operations_not_flops() -> None:
    assert measure(seconds=1e-3, flops=1.979e12, dtype="int8").of_target == pytest.approx(1.0)


def test_an_unknown_peak_is_told_not_guessed() -> None:
    work = measure(seconds=1e-3, bytes=1e8, flops=1e10, dtype="fp8")
    assert work.of_target > 0
    with pytest.raises(PeakUnknownError, match=r"^tflops_fp8 of rtx-4090 is not known$"):
        _ = work.of_here


def test_a_peak_nobody_needs_may_be_unknown() -> None:
    assert measure(seconds=1e-3, bytes=1e8, dtype="fp8").of_here > 0


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"seconds": 0, "bytes": 1}, "seconds: 0 is not a positive finite number"),
        ({"seconds": math.nan, "bytes": 1}, "seconds: nan is not a positive finite number"),
        ({"seconds": "1", "bytes": 1}, "seconds: '1' is not a positive finite number"),
        ({"seconds": True, "bytes": 1}, "seconds: True is not a positive finite number"),
        ({"seconds": 1, "bytes": -1}, "bytes: -1 is not a finite number"),
        ({"seconds": 1, "flops": math.inf}, "flops: inf is not a finite number"),
        ({"seconds": 1}, "give bytes, flops or both: without them there is no roof"),
        ({"seconds": 1, "flops": 1, "dtype": "half"}, "dtype: 'half' is not one of fp64, fp64_tensor, fp32, tf32, "),
    ],
)
def test_mistakes(numbers: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        measure(**numbers)


@given(st.floats(1e-9, 1e3), st.floats(0, 1e15), st.floats(1, 1e18))
def test_share_times_time_is_the_least_time(seconds: float, moved: float, done: float) -> None:
    work = measure(seconds=seconds, bytes=moved, flops=done)
    assert work.of_here * seconds == pytest.approx(max(moved / 1008e9, done / 165.2e12))


class Item:
    """As much of a test as notes need."""

    def __init__(self) -> None:
        self.stash = pytest.Stash()


def test_measures_are_noted_as_plain_data_and_taken_once() -> None:
    item: Any = Item()
    assert take_notes(item) == {}
    note(item, measure(seconds=1e-3, bytes=1e8, flops=2e10, dtype="fp8"))
    [noted] = take_notes(item)["rooflines"]
    assert noted == {
        "seconds": 1e-3, "bytes": 1e8, "flops": 2e10, "dtype": "fp8",
        "here": {"name": "rtx-4090", "bandwidth_gbps": 1008.0, "dense_rate": None},
        "target": {"name": "h100", "bandwidth_gbps": 3352.0, "dense_rate": 1979.0},
        "above_roof": False,
    }  # fmt: skip
    assert take_notes(item) == {}


@pytest.mark.parametrize(
    ("numbers", "times"),
    [
        ({"seconds": 1e-6, "bytes": 1e12}, "9.92e+05"),
        ({"seconds": 1e-3, "flops": 165.2e9 * 1.3}, "1.3"),
        ({"seconds": 1e-3, "bytes": 1.3 * 1008e6, "flops": 1e9, "dtype": "fp8"}, "1.3"),  # whose rate is not known
    ],
)
def test_a_time_beyond_the_roof_is_no_measurement(numbers: dict[str, Any], times: str) -> None:
    work = measure(**numbers)
    text = rf"^parity_roofline: {re.escape(times)} times what rtx-4090 can do at most: this is no measurement\n.*not awaited"
    with pytest.raises(AboveRoofError, match=text):
        check_roof(work)
    item: Any = Item()
    note(item, work)
    assert take_notes(item)["rooflines"][0]["above_roof"] is True


@pytest.mark.parametrize(
    "numbers",
    [
        {"bytes": 1008e6 * (MOST_OF_PEAK - 0.01)},  # a clock over the data sheet's
        {"bytes": 1e3, "flops": 1e30, "dtype": "fp8"},  # its peak here is not known
        {"flops": 160e9},
    ],
)
def test_what_the_device_may_have_done_is_taken(numbers: dict[str, Any]) -> None:
    work = measure(seconds=1e-3, **numbers)
    check_roof(work)
    assert work.above_roof == 0


def test_only_the_roof_of_the_running_device_counts() -> None:
    fast = roofline(seconds=1e-3, bytes=2e9, peaks=lambda _: (H100, RTX))
    check_roof(fast)
    assert fast.of_target > MOST_OF_PEAK


def test_endless_measures_are_counted_not_kept() -> None:
    item: Any = Item()
    for _ in range(MOST_NOTED + 7):
        note(item, measure(seconds=1e-3, bytes=1e8, dtype="int8"))
    noted = take_notes(item)
    assert (len(noted["rooflines"]), noted["more_rooflines"]) == (MOST_NOTED, 7)
    assert noted["rooflines"][0]["target"]["dense_rate"] == 1979.0


def test_a_measure_beyond_the_roof_is_kept_among_endless_ones() -> None:
    item: Any = Item()
    for number in range(MOST_NOTED + 7):
        note(item, measure(seconds=1e-3, bytes=1e10 if number == MOST_NOTED + 3 else 1e8))
    noted = take_notes(item)
    assert (len(noted["rooflines"]), noted["more_rooflines"]) == (MOST_NOTED, 7)
    assert [one["above_roof"] for one in noted["rooflines"]].count(True) == 1


ANSWER = {
    "here": [{"name": "rtx-4090", "facts": {"memory_bandwidth_gbps": 1008}}, {"name": "rtx-3090", "facts": {}}],
    "target": {"name": "h100-sxm5-80gb", "facts": {"tflops_bf16": 989.4}},
}


def test_unlike_devices_must_be_named() -> None:
    with pytest.raises(ValueError, match=r"not all the same \(rtx-3090, rtx-4090\); mend: give device=INDEX"):
        read_peaks(ANSWER, None)
    assert read_peaks(ANSWER, 1)[0].name == "rtx-3090"
    with pytest.raises(ValueError, match="device=2: 2 are visible"):
        read_peaks(ANSWER, 2)


def test_no_device_and_no_target() -> None:
    here, target = read_peaks({"problem": "NVML cannot be used"}, None)
    with pytest.raises(PeakUnknownError, match="of the running device is not known: NVML cannot be used"):
        here.bandwidth()
    with pytest.raises(PeakUnknownError, match="of the target is not known: no target is declared"):
        target.rate("bf16")
