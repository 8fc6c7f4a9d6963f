"""What bound a device: the nearer roof, and never a claim without counters and peaks."""

from __future__ import annotations

import pytest

from parity.model.watch import Use
from parity.verdict.bound import bound_of

H100 = ("h100", {"memory_bandwidth_gbps": 3350.0, "tflops_bf16": 989.4, "tflops_fp8": 1978.9})
B200 = ("b200", {"memory_bandwidth_gbps": 7700.0, "tflops_bf16": 2250.0})
CARD = ("card", {"memory_bandwidth_gbps": 1000.0, "tflops_bf16": 989.4})


def use(dram: float, tensor: float) -> dict[str, Use]:
    return {
        "dram_active": Use(mean=dram / 2, max=1.0, busy=dram),
        "tensor_active": Use(mean=tensor / 2, max=1.0, busy=tensor),
    }


@pytest.mark.parametrize(
    ("dram", "tensor", "side"),
    [(0.85, 0.2, "dram"), (0.3, 0.9, "tensor"), (0.3, 0.2, "neither"), (0.0, 0.0, "neither"), (0.6, 0.1, "dram")],
)
def test_the_busier_unit_binds_if_it_is_near_its_roof(dram: float, tensor: float, side: str) -> None:
    assert bound_of(use(dram, tensor), here=H100).here == side


def test_the_time_while_busy_counts_not_the_pauses() -> None:
    """Half of the time was idle: the means over everything are half of these."""
    assert "DRAM 85 % and tensor cores 20 % active while busy" in bound_of(use(0.85, 0.2), here=H100).why


def test_intensity_is_the_ridge_times_the_ratio_of_both() -> None:
    bound = bound_of(use(0.8, 0.4), here=H100)
    assert bound.roof_here is not None
    assert bound.roof_here.ridge == pytest.approx(989.4e12 / 3350e9, rel=1e-4)
    assert bound.intensity_at_most == pytest.approx(0.5 * 295.34, rel=1e-3)
    assert bound_of(use(0.0, 0.4), here=H100).intensity_at_most is None


def test_on_the_target_the_same_pace_takes_another_share_of_each_roof() -> None:
    roof = bound_of(use(0.8, 0.4), here=H100, target=B200).roof_target
    assert roof is not None
    assert roof.dram_share == pytest.approx(0.8 * 3350 / 7700, rel=1e-4)
    assert roof.tensor_share == pytest.approx(0.4 * 989.4 / 2250, rel=1e-4)
    assert roof.side == "dram"


def test_what_is_bound_by_the_rate_here_may_be_bound_by_memory_there() -> None:
    bound = bound_of(use(0.4, 0.9), here=H100, target=CARD)
    assert bound.roof_target is not None
    assert (bound.here, bound.roof_target.side) == ("tensor", "dram")
    assert bound.roof_target.dram_share > 1  # this pace is out of its reach


def test_without_counters_nothing_is_claimed() -> None:
    bound = bound_of({"utilization_percent": Use(mean=99, max=100, busy=99)}, here=H100, target=B200)
    assert (bound.here, bound.roof_here, bound.roof_target) == ("unknown", None, None)
    assert bound.why == "no hardware counters (dram_active, tensor_active) were read"


def test_a_device_that_was_never_busy_was_bound_by_nothing() -> None:
    idle = {name: Use(mean=0.0, max=0.0) for name in ("dram_active", "tensor_active")}
    assert bound_of(idle, here=H100).why == "the device was never busy"


def test_peaks_that_are_not_known_are_said_and_not_guessed() -> None:
    bound = bound_of(use(0.8, 0.4), dtype="fp8", here=H100, target=B200)
    assert bound.roof_here is not None
    assert bound.roof_target is None
    assert [(gap.what, gap.detail) for gap in bound.unknowns] == [
        ("target ridge", "memory_bandwidth_gbps and tflops_fp8 of b200 are not both known")
    ]
    nobody = bound_of(use(0.8, 0.4), target=B200, why_not_here="the device is not in the catalog")
    assert (nobody.here, nobody.roof_here, nobody.roof_target) == ("dram", None, None)
    assert nobody.unknowns[0].detail == "the device is not in the catalog"


def test_a_device_above_the_clock_of_its_rates_did_more_than_they_say() -> None:
    """An H100 is rated at 1830 MHz and runs at 1980: an upper bound must hold there, too."""
    rated = ("h100", {**H100[1], "clock_rate_mhz": 1830.0})
    fast = {**use(0.8, 0.4), "clock_sm_mhz": Use(mean=1900.0, max=1980.0, busy=1980.0)}
    slow = {**use(0.8, 0.4), "clock_sm_mhz": Use(mean=1200.0, max=1300.0, busy=1300.0)}
    plain = bound_of(use(0.8, 0.4), here=rated, target=B200)
    faster, slower = (bound_of(one, here=rated, target=B200) for one in (fast, slow))
    assert plain.intensity_at_most is not None
    assert faster.intensity_at_most == pytest.approx(plain.intensity_at_most * 1980 / 1830, rel=1e-4)
    assert slower.intensity_at_most == plain.intensity_at_most  # still a bound
    assert faster.roof_target is not None
    assert plain.roof_target is not None
    assert faster.roof_target.tensor_share == pytest.approx(plain.roof_target.tensor_share * 1980 / 1830, rel=1e-4)
    assert faster.roof_target.dram_share == plain.roof_target.dram_share
    assert faster.roof_here == plain.roof_here  # of what it did, not of what it was rated for
