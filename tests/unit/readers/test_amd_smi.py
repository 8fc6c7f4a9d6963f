"""amd-smi as JSON and text: three ROCm layouts, partitions, current and maximum clocks, links."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint, Link
from parity.readers import read_report

Read = Callable[[str], Fingerprint]
MIB = 1024**2


@pytest.mark.parametrize("name", ["amd-smi-static.json", "amd-smi-static.txt", "amd-smi-static-flat.txt"])
def test_static(read: Read, name: str) -> None:
    fingerprint = read(name)
    first = fingerprint.devices[0]
    assert value_of(fingerprint.device_count) == 2
    assert value_of(fingerprint.stack.components["driver"]) == "6.10.5"
    assert value_of(first.identity.name) == "AMD Instinct MI300X"
    assert (value_of(first.identity.pci_device_id), value_of(first.identity.pci_revision)) == (
        "1002:74a1",
        "00",
    )
    assert (value_of(first.identity.gfx_target), value_of(first.identity.cu_count)) == ("gfx942", 304)
    assert value_of(first.identity.memory_bytes) == 196592 * MIB
    assert value_of(first.identity.memory_bus_width_bits) == 8192
    assert (value_of(first.identity.pcie_generation), value_of(first.identity.pcie_width)) == (5, 16)
    assert (value_of(first.identity.power_max_w), value_of(first.conditions.power_limit_w)) == (750.0, 700.0)
    assert value_of(first.locator.pci_bus_id) == "00000000:0c:00.0"


@pytest.mark.parametrize("name", ["amd-smi-static.json", "amd-smi-static.txt"])
def test_spx_is_whole(read: Read, name: str) -> None:
    partition = value_of(read(name).devices[0].identity.partition)
    assert partition is not None
    assert (partition.kind, partition.profile, partition.memory_mode) == ("none", "", "NPS1")


def test_rocm7_wrapper_and_compute_partition(read: Read) -> None:
    device = read("amd-smi-static-gpu-data.json").devices[0]
    partition = value_of(device.identity.partition)
    assert partition is not None
    assert (partition.kind, partition.profile, partition.memory_mode) == ("compute", "CPX", "NPS4")
    assert value_of(device.identity.cu_count) == 38
    assert value_of(device.conditions.power_limit_w) == 750.0


def test_rocm57_layout(read: Read) -> None:
    device = read("amd-smi-static-r57.json").devices[0]
    assert isinstance(device.identity.name, Absent)
    assert value_of(device.identity.pci_device_id) == "1002:740c"
    assert value_of(device.identity.memory_bytes) == 65520 * MIB
    assert isinstance(device.identity.partition, Absent)


@pytest.mark.parametrize("name", ["amd-smi-metric.json", "amd-smi-metric.txt"])
def test_metric_clocks(read: Read, name: str) -> None:
    device = read(name).devices[0]
    assert (value_of(device.identity.clock_boost_mhz), value_of(device.conditions.clock_sm_mhz)) == (
        2100,
        132,
    )
    assert (value_of(device.identity.memory_clock_mhz), value_of(device.conditions.clock_memory_mhz)) == (
        1300,
        900,
    )
    assert value_of(device.conditions.throttle_reasons) == ()
    assert value_of(device.conditions.performance_level) == "auto"
    assert value_of(device.conditions.memory_used_bytes) == 285 * MIB


def test_topology_links(read: Read) -> None:
    assert read("amd-smi-topology.json").links == (Link(a=0, b=1, kind="xgmi", path="XGMI"),)


def test_list_and_metric_text_in_one_paste_add_up() -> None:
    raw = b"GPU: 0\n    BDF: 0001:0c:00.0\n    UUID: <redacted>\n\nGPU: 0\n    ASIC:\n        DEVICE_ID: 0x74a1\n"
    device = read_report(raw, where="paste").devices[0]
    assert isinstance(device.locator.pci_bus_id, Reading)
    assert value_of(device.identity.pci_device_id) == "1002:74a1"
    assert isinstance(device.locator.uuid, Absent)
