"""Measured against the device's own peak: published fractions, general floors, what cannot be true, slices."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import machines
import msgspec
import pytest

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.catalog.identified import identified
from parity.checks import measured, measured_bandwidth_below_peak, measured_matrix_rate_below_peak
from parity.checks.subject import Machine, Subject
from parity.config.project import Project
from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.finding import Mismatch
from parity.model.fingerprint import Note
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


def subject(part: str = "h100-sxm5-80gb", *, is_known: bool = True, **identity: Any) -> Subject:
    """Return a device that is a part, or may be; with other values of its own."""
    (device,) = as_fingerprint(store.device_spec(part)).devices
    told = {
        name: NOT_ASKED if value is None else Reading(value=value, source="test") for name, value in identity.items()
    }
    found = identified(msgspec.structs.replace(device, identity=msgspec.structs.replace(device.identity, **told)))
    found = msgspec.structs.replace(found, identity=part if is_known else None)
    return Subject(found, store.device_spec(part))


def below(
    value: float, *, published: tuple[float, ...] = (), is_known: bool = True, most: float = 2.0
) -> Mismatch | Absent | None:
    """Return what is said of a value beside a peak of 100: margin 0.5 of what was published, floor 0.25."""
    told = measured.below(
        one(value), subject(is_known=is_known), 100.0, published, published_margin=0.5, floor=0.25, most=most
    )
    return next(iter(told), None)


@pytest.mark.parametrize(
    ("value", "published", "is_known", "wanted"),
    [
        (25.0, (), True, ""),
        (24.9, (), True, "25 % of its own peak"),
        (40.0, (0.8, 0.9), True, ""),
        (39.9, (0.8, 0.9), True, "40 % of its own peak"),
        (39.9, (0.8, 0.9), False, ""),  # published of a part that this may not be
        (24.9, (0.8, 0.9), False, "25 % of its own peak"),
    ],
)
def test_what_is_at_the_least_of_healthy_parts_passes(
    value: float, published: tuple[float, ...], is_known: bool, wanted: str
) -> None:
    found = below(value, published=published, is_known=is_known)
    assert (found.wanted if isinstance(found, Mismatch) else "") == wanted
    assert not isinstance(found, Absent)


@pytest.mark.parametrize(("value", "is_wrong"), [(150.0, False), (150.1, True)])
def test_what_is_above_the_most_that_can_be_is_wrong(value: float, is_wrong: bool) -> None:
    found = below(value, most=1.5)
    assert isinstance(found, Absent) is is_wrong
    assert not isinstance(found, Mismatch)


def test_clocks_in_whole_megahertz_explain_two_percent() -> None:
    assert measured.ABOVE_PEAK == 1.02


def bandwidth(value: float, kernel: str) -> list[str]:
    return messages(verdict("h100-sxm5-80gb", one(value, kernel)))


def test_what_was_published_of_the_drivers_copy_says_nothing_of_a_kernel() -> None:
    """Of this part the driver's own copy alone was published, at 77 %; a kernel is held against the general floor."""
    assert bandwidth(2200.0, KERNEL) == []
    assert len(bandwidth(2200.0, MEMCPY)) == 1
    assert bandwidth(2000.0, KERNEL)[0].endswith("; 60 % is the least expected of any part")


@pytest.mark.parametrize(
    ("kernel", "share", "stands"),
    [(KERNEL, 0.601, False), (KERNEL, 0.599, True), (MEMCPY, 0.401, False), (MEMCPY, 0.399, True)],
)
def test_kernels_and_the_drivers_copies_have_floors_of_their_own(kernel: str, share: float, stands: bool) -> None:
    peak = 936.2  # of an RTX 3090, of which nothing is published
    assert bool(messages(verdict("rtx-3090", one(share * peak, kernel), target="rtx-3090"))) is stands


@pytest.mark.parametrize(
    ("vendor", "kernel", "expected"),
    [
        ("amd", "torch.sum float32, torch 2.5.1", True),
        ("amd", "hipMemcpyDtoD", False),
        ("nvidia", "torch.sum float32, torch 2.5.1", False),
        (None, "torch.sum float32, torch 2.5.1", False),  # nobody says whose it is
    ],
)
def test_torch_on_rocm_is_torch_on_a_device_of_amds(vendor: str | None, kernel: str, expected: bool) -> None:
    part = "mi300x" if vendor == "amd" else "h100-sxm5-80gb"
    assert measured.is_torch_on_rocm(one(1.0, kernel), subject(part, vendor=vendor)) is expected


def peaks(here: Subject, *taken: Measurement, names: tuple[str, ...] = ("dram_copy",)) -> list[float | None]:
    fingerprint = msgspec.structs.replace(
        as_fingerprint(store.device_spec("h100-sxm5-80gb")), devices=(here.device,), measured=taken
    )
    machine = Machine(fingerprint, (here,), (), store.stack_facts())
    return [peak for _, _, peak in measured.judged(machine, names)]


def test_a_device_that_may_be_several_parts_has_the_peak_of_its_own_clock_and_no_catalogs() -> None:
    own = 2 * 2619 * 5120 / 8 / 1000
    untold: Any = {"memory_clock_mhz": None, "memory_bus_width_bits": None, "memory_bandwidth_gbps": None}
    assert peaks(subject(is_known=False), one(1.0)) == [pytest.approx(own)]
    (sold,) = peaks(subject(**untold), one(1.0))
    assert sold == pytest.approx(own, rel=0.01)
    assert peaks(subject(is_known=False, **untold), one(1.0)) == [None]


def test_of_other_measurements_there_is_nothing_to_say() -> None:
    assert peaks(subject(), one(1.0, name="dram_read"), one(1.0, device=1)) == []


@pytest.mark.parametrize(
    ("here", "most"),
    [
        (subject("rtx-5090", clock_boost_mhz=2407), 1.02),
        (subject("rtx-5090", clock_boost_mhz=2888), 1.02 * 2888 / 2407),
        (subject("rtx-5090", clock_boost_mhz=2000), 1.02),  # it cannot reach the rate: no reason to call it wrong
        (subject("a10g"), 1.25),  # nobody published the clock that its rate holds for
        (Subject(subject().identified, None), 1.25),
    ],
)
def test_a_dense_rate_may_be_exceeded_as_far_as_clocks_go(here: Subject, most: float) -> None:
    assert measured_matrix_rate_below_peak._most(here) == pytest.approx(most)


def test_what_was_to_be_measured_and_could_not_be_is_unknown_by_its_own_reason() -> None:
    notes = (
        Note(source="measure", text="GPU 0: not measured: the device was lost", why="lost"),
        Note(source="measure", text="GPU 1: not measured", why="odd"),
        Note(source="nvml", text="something else"),
    )
    here = msgspec.structs.replace(machines.machine("h100-sxm5-80gb"), notes=notes)
    machine = Machine(here, (subject(),), (), store.stack_facts())
    settings = {"published_margin": 0.9, "kernel_at_least": 0.6, "memcpy_at_least": 0.4, "torch_on_rocm_at_least": 0.2}
    told = list(measured_bandwidth_below_peak.check(machine, machines.target("h100-sxm5-80gb"), **settings))
    assert [(item.why, item.detail) for item in told if isinstance(item, Absent)] == [
        ("lost", "GPU 0: not measured: the device was lost"),
        ("failed", "GPU 1: not measured"),
    ]
