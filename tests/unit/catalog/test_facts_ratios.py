"""Facts of one architecture must stand in the ratios that its hardware has; what does not is explained here, by name."""

from __future__ import annotations

import re

import pytest

from parity.catalog import store
from parity.catalog.identify import weigh_all
from parity.model.absent import Reading
from parity.model.device import Device, DeviceIdentity, Locator
from parity.model.spec import DeviceSpec, derived_bandwidth_gbps
from parity.units import GIB

SPECS = [store.device_spec(entry.id) for entry in store.index()]
BY_ID = {spec.id: spec for spec in SPECS}

# Dense rate against dense BF16, where the two share one unit: published figures are rounded to three digits.
RATIO_TOLERANCE = 0.02
RATIOS = {
    "tflops_tf32": 0.5,
    "tflops_fp16": 1.0,
    "tflops_fp8": 2.0,
    "tops_int8": 2.0,
    "tflops_fp6": 2.0,
    "tflops_fp4": 4.0,
}
# Architectures whose units differ from that pattern, and what they have instead.
ARCH_RATIOS = {
    ("gfx908", "tflops_fp16"): 2.0,  # CDNA 1: BF16 at half the FP16 rate
    ("gfx90a", "tops_int8"): 1.0,  # CDNA 2 and RDNA 3: INT8 at the FP16 rate
    ("gfx1100", "tops_int8"): 1.0,
    ("gfx1101", "tops_int8"): 1.0,
    ("gfx1102", "tops_int8"): 1.0,
    ("gfx950", "tflops_fp6"): 4.0,  # CDNA 4: FP6 at the FP4 rate
    ("sm_103", "tops_int8"): None,  # B300: INT8 units were cut, no power of two
    ("sm_103", "tflops_fp4"): 6.0,  # B300: FP4 was raised by half
    ("sm_89", "tops_int8"): (2.0, 4.0),  # GeForce halves products with FP32 accumulate, not INT8
    ("sm_120", "tops_int8"): (2.0, 4.0),
}
# Published bandwidth against clock x width x factor; the rest of the catalog is within two percent.
BANDWIDTH_TOLERANCE = 0.02
ROUNDED_BANDWIDTH = {
    "mi350x": "the maker writes 8 TB/s for 8.19",
    "mi355x": "the maker writes 8 TB/s for 8.19",
}
# Board or package power of a whole class, in watts; a typing error by a factor of ten or a thousand lies outside.
POWER_RANGE = {"sxm": (250, 1400), "oam": (500, 1400), "superchip": (900, 1400), "pcie": (30, 700), "module": (7, 130)}
# Parts that nothing a driver prints tells apart: both stay candidates, and neither is an identity.
TWINS = {("orin-nano-8gb", "orin-nx-8gb")}


def rated() -> list[object]:
    return [
        pytest.param(spec, name, ratio, id=f"{spec.id}-{name}")
        for spec in SPECS
        for name, ratio in RATIOS.items()
        if spec.number("tflops_bf16") is not None and spec.number(name) is not None
    ]


@pytest.mark.parametrize(("spec", "name", "usual"), rated())
def test_a_dense_rate_is_its_architectures_multiple_of_bf16(spec: DeviceSpec, name: str, usual: float) -> None:
    wanted = ARCH_RATIOS.get((spec.arch, name), usual)
    if wanted is None:
        return
    bf16, rate = spec.number("tflops_bf16"), spec.number(name)
    assert bf16 is not None
    assert rate is not None
    allowed = wanted if isinstance(wanted, tuple) else (wanted,)
    # A fact whose sources disagree fits when one of its sources does.
    values = [
        rate,
        *(float(other.value) for other in spec.facts[name].conflicts if isinstance(other.value, (int, float))),
    ]
    fits = [value for value in values for ratio in allowed if value / bf16 == pytest.approx(ratio, rel=RATIO_TOLERANCE)]
    assert fits, f"{spec.id}: {name} {rate} is {rate / bf16:.2f} x BF16, not {allowed}"


def test_the_named_ratios_are_still_needed() -> None:
    used = {(spec.arch, name) for spec in SPECS for name in spec.facts}
    assert set(ARCH_RATIOS) <= used


def test_no_rate_is_a_sparse_one() -> None:
    """A sparse figure is twice the dense one: no part may have more than twice the BF16 of its like per unit and clock."""
    for arch in {spec.arch for spec in SPECS}:
        per_clock = {}
        for spec in SPECS:
            units = spec.number("sm_count") or spec.number("cu_count")
            clock = spec.number("clock_rate_mhz") or spec.number("clock_boost_mhz")
            rate = spec.number("tflops_bf16")
            if spec.arch == arch and units and clock and rate:
                per_clock[spec.id] = round(rate * 1e6 / (units * clock) / 32) * 32
        # At most two figures: GeForce and professional parts, or an export part.
        assert len(set(per_clock.values())) <= (3 if arch in ("sm_90", "sm_89") else 2), per_clock


@pytest.mark.parametrize("spec", [s for s in SPECS if derived_bandwidth_gbps(s)], ids=lambda spec: spec.id)
def test_bandwidth_is_within_two_percent_of_clock_width_and_factor(spec: DeviceSpec) -> None:
    derived, published = derived_bandwidth_gbps(spec), spec.number("memory_bandwidth_gbps")
    if published is None or derived is None:
        return
    close = published == pytest.approx(derived, rel=BANDWIDTH_TOLERANCE)
    assert close != (spec.id in ROUNDED_BANDWIDTH), f"{spec.id}: {published} against {derived:.0f}"


@pytest.mark.parametrize("spec", [s for s in SPECS if s.number("power_default_w")], ids=lambda spec: spec.id)
def test_power_is_that_of_its_form_factor(spec: DeviceSpec) -> None:
    form, power = str(spec.value("form_factor") or ""), spec.number("power_default_w")
    kind = next((name for name in POWER_RANGE if form.startswith(name)), "")
    assert power is not None
    if kind:
        low, high = POWER_RANGE[kind]
        assert low <= power <= high, f"{spec.id}: {power} W on {form}"


@pytest.mark.parametrize("spec", [s for s in SPECS if s.partitions], ids=lambda spec: spec.id)
def test_slices_add_up(spec: DeviceSpec) -> None:
    """MIG slices of one kind fit the part together, and their memory is near their name; AMD partitions fill the part."""
    for part in spec.partitions:
        units, whole = part.sm_count or part.cu_count, spec.number("sm_count") or spec.number("cu_count")
        if units and part.count and whole:
            total = units * part.count
            assert total <= whole, f"{spec.id}: {part.count} x {part.profile}"
            if part.kind == "compute":
                assert total == whole, f"{spec.id}: {part.profile}"
        named = re.fullmatch(r"(\d)g\.(\d+)gb", part.profile)
        assert (named is None) == (part.kind != "mig"), f"{spec.id}: {part.profile}"
        if named and part.count:
            assert part.count <= 8 // int(named[1]) or (part.count, named[1]) == (4, "2"), f"{spec.id}: {part.profile}"
        if named and part.memory_bytes:
            assert 0.85 < part.memory_bytes / (int(named[2]) * GIB) < 1.1, f"{spec.id}: {part.profile}"


def test_a_larger_slice_has_no_fewer_units_and_no_less_memory() -> None:
    for spec in SPECS:
        mig = [p for p in spec.partitions if p.kind == "mig" and p.sm_count]
        ordered = sorted(mig, key=lambda p: int(p.profile[0]))
        plain = [p.sm_count or 0 for p in ordered if not (p.profile.startswith("1g") and p.count == 4)]
        assert plain == sorted(plain), spec.id


def test_one_printed_name_of_several_parts_is_told_apart_by_an_id_or_a_size() -> None:
    """Two parts may print one name; then a PCI id, the units or the memory must differ, or a name decides falsely."""
    by_name: dict[str, list[DeviceSpec]] = {}
    for spec in SPECS:
        for name in spec.reported_names:
            by_name.setdefault(name.lower(), []).append(spec)
    for name, parts in by_name.items():
        for one in parts:
            for other in parts:
                if one.id >= other.id or (one.id, other.id) in TWINS:
                    continue
                ids = {(p.id, p.subsystems, p.revisions) for p in one.pci_ids} & {
                    (p.id, p.subsystems, p.revisions) for p in other.pci_ids
                }
                told = [
                    fact
                    for fact in ("sm_count", "cu_count", "memory_bytes", "memory_bus_width_bits", "memory_clock_mhz")
                    if one.number(fact) is not None
                    and other.number(fact) is not None
                    and one.number(fact) != other.number(fact)
                ]
                assert (one.pci_ids and other.pci_ids and not ids) or told, f"{name}: {one.id} and {other.id}"


def test_a_board_of_another_memory_size_is_told_by_its_id() -> None:
    """The B200 of 168 GB prints the name of the one of 180 GB, and its memory lies inside the tolerance."""
    told = {"vendor": "nvidia", "name": "NVIDIA B200", "memory_bytes": 168 << 30}
    for pci_id, part in (("10de:2909", "b200-sxm-168gb"), ("10de:2901", "b200-sxm-180gb")):
        readings = {
            name: Reading(value=value, source="nvml") for name, value in {**told, "pci_device_id": pci_id}.items()
        }
        device = Device(locator=Locator(index=0), identity=DeviceIdentity(**readings))
        found = [one.id for one in weigh_all(device, store.index()) if one.accepted]
        assert found == [part]
