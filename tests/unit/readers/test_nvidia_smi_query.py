"""nvidia-smi -q: fields, absences, MIG, vGPU, lost GPUs, driver 610 and lost layout."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]

MIB = 1024**2


def test_identity(read: Read) -> None:
    identity = read("nvidia-smi-q-h100.txt").devices[0].identity
    assert value_of(identity.name) == "NVIDIA H100 80GB HBM3"
    assert value_of(identity.pci_device_id) == "10de:2330"
    assert value_of(identity.pci_subsystem_id) == "10de:16c1"
    assert identity.memory_bytes == Reading(value=81559 * MIB, source="nvidia-smi -q: FB Memory Usage/Total")
    assert value_of(identity.board_part_number) == "692-2G520-0200-000"
    assert (value_of(identity.power_default_w), value_of(identity.power_max_w)) == (700.0, 700.0)
    assert (value_of(identity.pcie_generation), value_of(identity.pcie_width)) == (5, 16)
    assert value_of(identity.bar1_bytes) == 131072 * MIB


def test_maximum_and_current_clocks_are_kept_apart(read: Read) -> None:
    device = read("nvidia-smi-q-h100.txt").devices[0]
    assert (value_of(device.identity.memory_clock_mhz), value_of(device.identity.clock_boost_mhz)) == (
        2619,
        1980,
    )
    assert (value_of(device.conditions.clock_memory_mhz), value_of(device.conditions.clock_sm_mhz)) == (
        1593,
        345,
    )


def test_current_pcie_link_is_a_condition(read: Read) -> None:
    conditions = read("nvidia-smi-q-h100.txt").devices[0].conditions
    assert (value_of(conditions.pcie_generation_now), value_of(conditions.pcie_width_now)) == (1, 8)


def test_gpu_power_is_not_module_power(read: Read) -> None:
    assert value_of(read("nvidia-smi-q-h100.txt").devices[0].conditions.power_limit_w) == 650.0


def test_deprecated_and_not_available_are_not_supported(read: Read) -> None:
    conditions = read("nvidia-smi-q-h100.txt").devices[0].conditions
    assert conditions.clock_application_sm_mhz == Absent(
        why="not_supported",
        source="nvidia-smi -q: Applications Clocks/Graphics",
        detail="Requested functionality has been deprecated",
    )
    assert isinstance(conditions.fan_percent, Absent)


def test_not_mentioned_stays_not_asked(read: Read) -> None:
    sm_count = read("nvidia-smi-q-h100.txt").devices[0].identity.sm_count
    assert isinstance(sm_count, Absent)
    assert sm_count.why == "not_asked"


def test_conditions(read: Read) -> None:
    conditions = read("nvidia-smi-q-h100.txt").devices[0].conditions
    assert value_of(conditions.throttle_reasons) == ("sw-power-cap",)
    assert value_of(conditions.throttle_power_ns) == 200_000
    assert (value_of(conditions.ecc_corrected), value_of(conditions.ecc_uncorrected)) == (2, 1)
    assert (value_of(conditions.fabric_state), value_of(conditions.fabric_healthy)) == ("completed", True)
    processes = value_of(conditions.processes)
    assert processes is not None
    assert [(process.pid, process.kind, process.memory_bytes) for process in processes] == [(1720, "compute", 12 * MIB)]


def test_mig_off_is_whole(read: Read) -> None:
    partition = value_of(read("nvidia-smi-q-h100.txt").devices[0].identity.partition)
    assert partition is not None
    assert partition.kind == "none"


def test_zeroed_serials_are_absent(text_of: Callable[[str], str]) -> None:
    text = text_of("nvidia-smi-q-h100.txt").replace("1650522003820", "0000000000000")
    locator = read_report(text.encode(), where="q").devices[0].locator
    assert isinstance(locator.serial, Absent)
    assert locator.serial.detail == "masked in the report"
    assert value_of(locator.pci_bus_id) == "00000000:1b:00.0"


@pytest.mark.parametrize("name", ["nvidia-smi-q-flat.txt", "nvidia-smi-q-collapsed.txt"])
def test_lost_layout_never_changes_a_value(read: Read, name: str) -> None:
    whole, damaged = read("nvidia-smi-q-h100.txt").devices[0], read(name).devices[0]
    for block in ("identity", "conditions"):
        for field in getattr(whole, block).__struct_fields__:
            observed = getattr(getattr(damaged, block), field)
            if isinstance(observed, Reading):
                assert observed.value == getattr(getattr(whole, block), field).value, field
    assert value_of(damaged.identity.memory_bytes) == 81559 * MIB


def test_driver_610_labels(read: Read) -> None:
    fingerprint = read("nvidia-smi-q-610.txt")
    assert value_of(fingerprint.stack.components["driver"]) == "610.57.04"
    assert value_of(fingerprint.stack.components["cuda_driver"]) == "13.3"
    device = fingerprint.devices[0]
    assert value_of(device.conditions.power_limit_w) == 700.0
    assert (value_of(device.identity.power_min_w), value_of(device.identity.power_default_w)) == (
        200.0,
        700.0,
    )


def test_mig_slices_have_their_own_size_and_nothing_of_the_parent(read: Read) -> None:
    first, second, _ = read("nvidia-smi-q-mig.txt").devices
    assert (value_of(first.identity.sm_count), value_of(first.identity.memory_bytes)) == (32, 20096 * MIB)
    assert (value_of(second.identity.sm_count), value_of(second.identity.memory_bytes)) == (16, 9856 * MIB)
    for each in (first, second):
        assert value_of(each.identity.name) == "NVIDIA H100 80GB HBM3"
        assert isinstance(each.identity.memory_clock_mhz, Absent)
        assert isinstance(each.identity.power_default_w, Absent)
        assert isinstance(each.conditions.power_limit_w, Absent)
        assert value_of(each.locator.parent_uuid) == "GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f"


def test_mig_on_without_slices_keeps_the_gpu(read: Read) -> None:
    fingerprint = read("nvidia-smi-q-mig.txt")
    parent = fingerprint.devices[2]
    assert value_of(fingerprint.device_count) == 2
    assert value_of(parent.conditions.mig_enabled) is True
    assert isinstance(parent.identity.partition, Absent)


def test_vgpu(read: Read) -> None:
    partition = value_of(read("nvidia-smi-q-vgpu.txt").devices[0].identity.partition)
    assert partition is not None
    assert (partition.kind, partition.profile) == ("vgpu", "A40-48Q")


def test_a_half_lost_gpu_says_lost_where_it_is(read: Read) -> None:
    half, gone = read("nvidia-smi-q-lost.txt").devices
    assert isinstance(half.identity.memory_bytes, Absent)
    assert half.identity.memory_bytes.why == "lost"
    assert isinstance(half.identity.clock_boost_mhz, Absent)
    assert half.identity.clock_boost_mhz.why == "failed"
    assert value_of(half.conditions.power_limit_w) == 700.0
    assert isinstance(gone.identity.name, Absent)
    assert gone.identity.name.why == "lost"


def test_a_value_cut_off_at_the_end_is_dropped(text_of: Callable[[str], str]) -> None:
    text = text_of("nvidia-smi-q-h100.txt")
    at = text.index("81559 MiB")
    device = read_report(text[: at + 3].encode(), where="q").devices[0]
    assert isinstance(device.identity.memory_bytes, Absent)
