"""Measured against the device's own peak: published fractions, general floors, what cannot be true, slices."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import machines
import msgspec
import pytest

from parity import session
from parity.config.project import Project
from parity.model.measurement import Measurement

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint
    from parity.model.verdict import Verdict

BANDWIDTH, MATRIX = "measured-bandwidth-below-peak", "measured-matrix-rate-below-peak"
KERNEL, MEMCPY = "torch.neg float32, torch 2.9.0", "cuMemcpyDtoDAsync, CUDA driver 13.0"


def verdict(part: str, *measured: Measurement, target: str = "h100-sxm5-80gb") -> Verdict:
    here: Fingerprint = msgspec.structs.replace(machines.machine(part), measured=measured)
    day = dt.date(2026, 11, 22)
    return session.judge_fingerprint(here, machines.target(target), Project(), only=(BANDWIDTH, MATRIX), today=day)


def one(value: float, kernel: str = MEMCPY, name: str = "dram_copy", **more: Any) -> Measurement:
    unit: Any = "GB/s" if name.startswith("dram") else "TFLOPS"
    return Measurement(name=name, device=more.pop("device", 0), value=value, unit=unit, kernel=kernel, **more)


def messages(found: Verdict) -> list[str]:
    return [finding.message for finding in found.findings]


def test_a_slow_part_is_told_what_healthy_ones_reach() -> None:
    assert messages(verdict("h100-sxm5-80gb", one(2045.0))) == [
        (
            "dram_copy delivers 61 % of its own peak (2045 of 3352 GB/s, cuMemcpyDtoDAsync, CUDA driver 13.0); "
            "healthy parts reach 77 %"
        )
    ]


def test_the_same_value_from_another_kind_of_kernel_is_judged_by_its_own_measure() -> None:
    assert messages(verdict("h100-sxm5-80gb", one(2400.0))) == []  # 72 %: a memcpy
    told = messages(verdict("mi300x", one(3100.0, "a kernel of one's own"), target="mi300x"))
    assert told[0].endswith("; healthy parts reach 76 %")


@pytest.mark.parametrize(("value", "stands"), [(3205.0, False), (1690.0, False), (1200.0, True)])
def test_torchs_sum_on_rocm_is_not_held_against_hand_tuned_kernels(value: float, stands: bool) -> None:
    """A healthy MI300X reads 3205 GB/s with torch 2.5 and 1690 before: pytorch#132964, pytorch#135397."""
    here = one(value, "torch.sum float32, torch 2.5.1+rocm6.2", "dram_read")
    told = messages(verdict("mi300x", here, target="mi300x"))
    assert bool(told) is stands
    assert all(message.endswith("; 25 % is the least expected of any part") for message in told)


def test_what_torchs_library_reaches_on_rocm_is_not_the_devices() -> None:
    fp8 = one(110.0, "torch._scaled_mm e4m3fnuz 8192, torch 2.6.0+rocm6.2", "matmul_fp8")
    bf16 = one(400.0, "torch.matmul bf16 8192, torch 2.3.0+rocm6.0", "matmul_bf16")
    assert messages(verdict("mi300x", fp8, bf16, target="mi300x")) == []
    dead = one(200.0, "torch.matmul bf16 8192, torch 2.9.0+rocm6.4", "matmul_bf16")
    assert messages(verdict("mi300x", dead, target="mi300x"))


@pytest.mark.parametrize(("value", "is_wrong"), [(235.0, False), (240.0, False), (330.0, True)])
def test_a_card_that_boosts_beyond_its_rated_clock_is_not_told_that_its_rate_is_wrong(
    value: float, is_wrong: bool
) -> None:
    """A healthy RTX 5090 reaches 235 TFLOPS of a dense rate of 209.5 at its rated clock."""
    found = verdict("rtx-5090", one(value, "torch.matmul bf16", "matmul_bf16"), target="rtx-5090")
    assert messages(found) == []
    assert any("one of the two is wrong" in unknown.detail for unknown in found.unknowns) is is_wrong


@pytest.mark.parametrize(("value", "stands"), [(0.9 * 2569.5 + 1, False), (0.9 * 2569.5 - 1, True)])
def test_the_margin_under_the_least_published_figure_passes(value: float, stands: bool) -> None:
    assert bool(messages(verdict("h100-sxm5-80gb", one(value)))) is stands


def test_without_a_published_figure_a_general_floor_holds() -> None:
    assert messages(verdict("rtx-3090", one(590.0, KERNEL), target="rtx-3090")) == []
    (told,) = messages(verdict("rtx-3090", one(500.0, KERNEL), target="rtx-3090"))
    assert told.endswith("; 60 % is the least expected of any part")


def test_a_disturbed_measurement_says_so() -> None:
    (told,) = messages(verdict("h100-sxm5-80gb", one(1000.0, conditions="disturbed")))
    assert told.endswith("; something disturbed the device meanwhile")


def test_more_than_the_peak_is_no_pass() -> None:
    found = verdict("h100-sxm5-80gb", one(3868.0))
    assert messages(found) == []
    (unknown,) = found.unknowns
    assert unknown.detail.endswith(": one of the two is wrong")


def test_a_slice_has_no_peak_to_be_held_against() -> None:
    (unknown,) = verdict("a100-mig-1g.5gb", one(150.0), target="a100-sxm4-40gb/1g.5gb").unknowns
    assert "no theoretical peak is known that dram_copy could be held against" in unknown.detail


def test_a_device_is_held_against_itself_not_the_target() -> None:
    assert messages(verdict("rtx-4090", one(900.0, KERNEL))) == []  # 89 % of its own, 27 % of an H100's


def test_matrix_rates_are_held_against_published_products() -> None:
    told = messages(verdict("h100-sxm5-80gb", one(500.0, "torch.matmul bf16 8192", "matmul_bf16")))
    assert told == [
        "matmul_bf16 delivers 51 % of its own peak (500 of 989.4 TFLOPS, torch.matmul bf16 8192); healthy parts reach 80 %"
    ]
    assert messages(verdict("h100-sxm5-80gb", one(650.0, "torch.matmul", "matmul_bf16"))) == []
    assert messages(verdict("h100-sxm5-80gb", one(10.0, "torch.matmul", "matmul_fp32"))) == []  # measured, not judged


@pytest.mark.parametrize("device", [-1, 5])
def test_a_measurement_of_no_device_is_passed_over(device: int) -> None:
    found = verdict("h100-sxm5-80gb", one(1.0, device=device))
    assert (found.findings, found.unknowns) == ((), ())


def test_measurements_change_no_other_rule() -> None:
    def judged(*measured: Measurement) -> Any:
        here = msgspec.structs.replace(machines.machine("h100-sxm5-80gb"), measured=measured)
        found = session.judge_fingerprint(here, machines.target("h100-sxm5-80gb"), Project())
        return found.level, found.outcome, [f.rule for f in found.findings if not f.rule.startswith("measured-")]

    assert judged() == judged(one(1.0), one(1.0, "torch.matmul", "matmul_bf16"))
