"""What a check is given: a slice never has the whole's numbers, and bandwidth is derived from what was read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.catalog.identify import identify
from parity.checks.subject import Subject
from parity.model.absent import NOT_ASKED, Absent, Reading, value_of
from parity.model.device import Device, DeviceIdentity, Locator
from parity.model.partition import Partition
from parity.model.spec import FACTS

replace = msgspec.structs.replace
MIG = Partition(kind="mig", profile="1g.5gb")
VGPU = Partition(kind="vgpu", profile="GRID A100-10C")
CPX = Partition(kind="compute", profile="CPX", memory_mode="NPS4")


def subject(part: str, partition: Partition | None = None, **changes: Any) -> Subject:
    """Return a device with the part's identity evidence only, and these readings."""
    whole = as_fingerprint(store.device_spec(part)).devices[0].identity
    bare = {
        name: getattr(whole, name)
        for name in ("vendor", "name", "pci_device_id", "pci_subsystem_id", "pci_revision", "compute_capability")
    }
    readings = {name: Reading(value=value, source="test") for name, value in changes.items()}
    partition_reading = Reading(value=partition or Partition(kind="none"), source="test")
    identity = DeviceIdentity(**{**bare, "partition": partition_reading, **readings})
    device = Device(locator=Locator(index=0), identity=identity)
    return Subject(identify(device, store.index()), store.device_spec(part))


def fact(given: Subject, name: str) -> Any:
    return value_of(given.fact(name))


WHOLE_NUMBERS = (
    "unit_count", "memory_bytes", "memory_bandwidth_gbps", "l2_bytes", "tflops_bf16", "tflops_fp16", "tflops_fp32",
    "tops_int8", "link_count", "link_bandwidth_gbps", "infinity_cache_bytes", "xcd_count",
)  # fmt: skip


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
@pytest.mark.parametrize(
    ("part", "partition"),
    [
        ("a100-sxm4-40gb", MIG),
        ("a100-sxm4-40gb", Partition(kind="mig")),
        ("a100-sxm4-40gb", VGPU),
        ("h100-sxm5-80gb", Partition(kind="mig", profile="9g.99gb")),
        ("mi300x", CPX),
    ],
)
def test_a_slice_never_has_the_wholes_number(part: str, partition: Partition, name: str) -> None:
    sliced = subject(part, partition).fact(name)
    whole = fact(subject(part), name)
    if isinstance(sliced, Reading):
        assert sliced.source.endswith(f": {partition.profile}")
        assert whole is None or 0 < float(str(sliced.value)) < float(whole)
    else:
        assert sliced.detail


def test_a_listed_slice_has_its_own_units() -> None:
    assert fact(subject("a100-sxm4-40gb", MIG), "unit_count") == 14
    assert fact(subject("mi300x", CPX), "unit_count") == 38


def test_a_slice_keeps_what_it_read_itself() -> None:
    sliced = subject("a100-sxm4-40gb", MIG, sm_count=14, memory_bytes=5100273664)
    assert (fact(sliced, "unit_count"), fact(sliced, "memory_bytes")) == (14, 5100273664)


@pytest.mark.parametrize(
    "name", ["memory_type", "fp8_dialect", "shared_memory_per_block_optin_bytes", "clock_boost_mhz"]
)
def test_a_slice_shares_what_slicing_does_not_divide(name: str) -> None:
    whole = fact(subject("a100-sxm4-40gb"), name)
    assert whole is not None
    assert fact(subject("a100-sxm4-40gb", MIG), name) == whole


@pytest.mark.parametrize("name", sorted({*FACTS, "unit_count"} - {"memory_bandwidth_gbps"}))
def test_a_vgpu_has_no_fact_of_the_catalog(name: str) -> None:
    told = subject("a100-sxm4-40gb", VGPU).fact(name)
    assert isinstance(told, Absent)
    assert told == Absent(why="not_supported", source="catalog", detail="a vGPU is not the whole part")


@pytest.mark.parametrize("partition", [MIG, VGPU, CPX])
def test_clock_times_width_is_no_bandwidth_of_a_slice(partition: Partition) -> None:
    part = "mi300x" if partition is CPX else "a100-sxm4-40gb"
    told = subject(part, partition, memory_clock_mhz=1215, memory_bus_width_bits=5120).fact("memory_bandwidth_gbps")
    assert isinstance(told, Absent)


@pytest.mark.parametrize(
    ("part", "clock", "width", "gbps"),
    [
        ("h100-sxm5-80gb", 2619, 5120, 3352.3),  # 2 x clock x width / 8
        ("rtx-4090", 10501, 384, 1008.1),
        ("mi300x", 1300, 8192, 5324.8),  # AMD reports UCLK: HBM3 moves 4 per clock
        ("mi250x", 1600, 4096, 1638.4),  # HBM2e moves 2; one of two dies
        ("gb10", 8533, 256, 273.1),  # LPDDR5X, factor 1
    ],
)
def test_bandwidth_is_factor_clock_and_width(part: str, clock: int, width: int, gbps: float) -> None:
    told = subject(part, memory_clock_mhz=clock, memory_bus_width_bits=width).fact("memory_bandwidth_gbps")
    assert value_of(told) == pytest.approx(gbps, abs=0.1)
    assert told.source.startswith("derived: ")


def test_a_derived_bandwidth_comes_before_the_drivers_own_and_that_before_the_catalogs() -> None:
    every: dict[str, Any] = {"memory_clock_mhz": 2619, "memory_bus_width_bits": 5120, "memory_bandwidth_gbps": 1.0}
    assert fact(subject("h100-sxm5-80gb", **every), "memory_bandwidth_gbps") == pytest.approx(3352.3, abs=0.1)
    assert fact(subject("h100-sxm5-80gb", memory_bandwidth_gbps=3000.0), "memory_bandwidth_gbps") == 3000.0
    assert fact(subject("h100-sxm5-80gb"), "memory_bandwidth_gbps") == pytest.approx(3352.3, abs=0.1)


@pytest.mark.parametrize("lost", ["memory_clock_mhz", "memory_bus_width_bits"])
def test_a_clock_or_width_of_zero_derives_nothing(lost: str) -> None:
    readings: dict[str, Any] = {"memory_clock_mhz": 2619, "memory_bus_width_bits": 5120, lost: 0}
    told = subject("h100-sxm5-80gb", **readings).fact("memory_bandwidth_gbps")
    assert told.source.startswith("catalog: ")


def test_an_unlisted_nvidia_device_has_factor_two_and_an_unlisted_amd_device_none() -> None:
    for vendor, gbps in (("nvidia", 1024.0), ("amd", None)):
        readings: dict[str, Any] = {
            "vendor": Reading(value=vendor, source="test"),
            "memory_clock_mhz": Reading(value=1000, source="test"),
            "memory_bus_width_bits": Reading(value=4096, source="test"),
        }
        device = Device(locator=Locator(index=0), identity=DeviceIdentity(**readings))
        told = Subject(identify(device, store.index()), None).fact("memory_bandwidth_gbps")
        assert value_of(told) == gbps


def test_a_reading_comes_before_the_catalog() -> None:
    assert fact(subject("h100-sxm5-80gb", sm_count=131), "unit_count") == 131
    assert fact(subject("h100-sxm5-80gb"), "unit_count") == 132


def test_a_failed_question_is_told_when_the_catalog_has_no_answer_either() -> None:
    device = as_fingerprint(store.device_spec("rtx-4090")).devices[0]
    failed = Absent(why="failed", source="nvml:test", detail="999")
    broken = replace(device, identity=replace(device.identity, link_bandwidth_gbps=failed, l2_bytes=failed))
    given = Subject(identify(broken, store.index()), store.device_spec("rtx-4090"))
    assert given.fact("link_bandwidth_gbps") == failed
    assert fact(given, "l2_bytes") == 75497472


def test_a_fact_no_part_and_no_source_has_is_absent() -> None:
    told = Subject(identify(Device(locator=Locator(index=0)), store.index()), None).fact("tflops_bf16")
    assert isinstance(told, Absent)
    assert told.detail == "the catalog has no part to take tflops_bf16 from"


@pytest.mark.parametrize(
    ("identity", "arch"),
    [({"gfx_target": "gfx942:sramecc+:xnack-"}, "gfx942"), ({"compute_capability": "12.1"}, "sm_121"), ({}, None)],
)
def test_the_architecture_of_an_unlisted_device_is_what_it_reports(identity: dict[str, str], arch: str | None) -> None:
    readings: dict[str, Any] = {name: Reading(value=value, source="test") for name, value in identity.items()}
    device = Device(locator=Locator(index=0), identity=DeviceIdentity(**readings))
    assert Subject(identify(device, store.index()), None).arch == arch


def test_a_part_is_named_by_id_then_by_its_printed_name() -> None:
    device = as_fingerprint(store.device_spec("rtx-4090")).devices[0]
    found = identify(device, store.index())
    assert Subject(found, store.device_spec("rtx-4090")).part == "rtx-4090"
    assert Subject(found, None).part == "NVIDIA GeForce RTX 4090"
    nameless = replace(device, identity=replace(device.identity, name=NOT_ASKED))
    assert Subject(identify(nameless, store.index()), None).part == "unlisted device"
