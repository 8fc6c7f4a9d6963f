"""rocm-smi as JSON, label lines and three table layouts."""

from __future__ import annotations

from collections.abc import Callable

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint, Link
from parity.readers import read_report

Read = Callable[[str], Fingerprint]


def test_json(read: Read) -> None:
    fingerprint = read("rocm-smi.json")
    first = fingerprint.devices[0]
    assert value_of(fingerprint.device_count) == 2
    assert (value_of(first.identity.pci_device_id), value_of(first.identity.gfx_target)) == (
        "1002:74a1",
        "gfx942",
    )
    assert value_of(first.identity.memory_bytes) == 206141652992
    assert value_of(fingerprint.stack.components["driver"]) == "6.8.5"
    assert fingerprint.links == (Link(a=0, b=1, kind="xgmi", path="XGMI"),)


def test_current_clocks_never_become_maximum_clocks(read: Read) -> None:
    device = read("rocm-smi.json").devices[0]
    assert value_of(device.conditions.clock_memory_mhz) == 900
    assert isinstance(device.identity.memory_clock_mhz, Absent)
    assert isinstance(device.identity.clock_boost_mhz, Absent)


def test_table_of_rocm5(read: Read) -> None:
    first, second = read("rocm-smi-table-r5.txt").devices
    assert (value_of(first.conditions.power_draw_w), value_of(first.conditions.power_limit_w)) == (
        91.0,
        560.0,
    )
    assert isinstance(second.conditions.power_draw_w, Absent)
    assert isinstance(second.conditions.power_limit_w, Absent)
    assert isinstance(first.identity.name, Absent)


def test_table_of_rocm60_has_names(read: Read) -> None:
    first, second = read("rocm-smi-table-r60.txt").devices
    assert value_of(first.identity.name) == "AMD Instinct MI300X"
    assert (value_of(first.identity.pci_device_id), value_of(first.identity.pci_revision)) == (
        "1002:74a1",
        "00",
    )
    partition = value_of(second.identity.partition)
    assert partition is not None
    assert (partition.kind, partition.profile, partition.memory_mode) == ("compute", "CPX", "NPS4")


def test_table_of_rocm63_has_device_ids(read: Read) -> None:
    fingerprint = read("rocm-smi-table-r63.txt")
    assert [value_of(device.identity.pci_device_id) for device in fingerprint.devices] == ["1002:74a1"] * 2
    assert value_of(fingerprint.devices[0].conditions.utilization_gpu_percent) == 7
    assert value_of(fingerprint.device_count) == 2


def test_label_lines(read: Read) -> None:
    fingerprint = read("rocm-smi-showid.txt")
    first, second = fingerprint.devices
    assert isinstance(first.identity.name, Reading)
    assert isinstance(second.identity.pci_device_id, Absent)
    assert value_of(second.identity.memory_bytes) == 206141652992


def test_matrix_alone_counts(text_of: Callable[[str], str]) -> None:
    text = text_of("collect-env-rocm.txt")
    matrix = text[text.index("=== ROCm System Management") - 20 : text.index("PYTORCH_ROCM_ARCH")]
    fingerprint = read_report(matrix.encode(), where="topo")
    assert (value_of(fingerprint.device_count), fingerprint.devices, len(fingerprint.links)) == (4, (), 6)
