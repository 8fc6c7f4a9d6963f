"""What the NVIDIA survey's raw answers mean. Surveys are replayed recordings, edited; no process is started here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.model.absent import NOT_ASKED, Absent, Reading, value_of
from parity.model.device import Device, Process
from parity.model.fingerprint import Link
from parity.model.partition import Partition
from parity.probes.cuda_decode import cuda_order
from parity.probes.nvml_decode import nvidia_components, nvidia_device_count, nvidia_devices, nvidia_links, nvidia_notes
from parity.probes.supervise import Survey

Recording = Callable[[str], Survey]
WHY_OF = {
    1: "failed",
    3: "not_supported",
    4: "no_permission",
    9: "library_missing",
    10: "timed_out",
    13: "not_supported",
    15: "lost",
    16: "lost",
    25: "not_supported",
    999: "failed",
}


def fails(survey: Survey, key: str, code: int = 999) -> None:
    survey.values.pop(key, None)
    survey.reasons[key] = (WHY_OF[code], f"NVML error {code}: text")


def facts(device: Device) -> dict[str, Any]:
    return {
        f"{block}.{name}": getattr(getattr(device, block), name)
        for block in ("locator", "identity", "conditions")
        for name in getattr(device, block).__struct_fields__
    }


def decoded(survey: Survey) -> tuple[Any, ...]:
    return (
        nvidia_device_count(survey),
        nvidia_devices(survey),
        nvidia_links(survey),
        nvidia_components(survey),
        nvidia_notes(survey),
        cuda_order(survey),
    )


# What each recording says.


def test_h100_sxm(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    devices = nvidia_devices(survey)
    assert nvidia_device_count(survey) == Reading(value=8, source="nvml:nvmlDeviceGetCount")
    assert [device.locator.index for device in devices] == list(range(8))
    assert len({value_of(device.locator.uuid) for device in devices}) == 8
    assert value_of(devices[4].locator.pci_bus_id) == "00000000:9d:00.0"
    values = {
        name: value_of(observed)
        for name, observed in facts(devices[0]).items()
        if not isinstance(observed, (int, bool))
    }
    assert values["identity.pci_device_id"] == "10de:2330"
    assert values["identity.pci_subsystem_id"] == "10de:16c1"
    assert values["identity.partition"] == Partition(kind="none")
    assert values["identity.sm_count"] == 132
    assert values["identity.memory_clock_mhz"] == 2619
    assert values["identity.registers_per_sm_bytes"] == 262144
    assert values["identity.link_bandwidth_gbps"] == pytest.approx(18 * 26.562 * 2)
    assert values["conditions.power_draw_w"] == 69.342
    assert values["conditions.temperature_memory_c"] == 36.0
    assert values["conditions.fabric_healthy"] is True
    assert values["conditions.power_profile"] == "max-q,llm-training"
    assert values["conditions.link_active_count"] == 18
    assert nvidia_notes(survey) == ()
    assert value_of(devices[3].conditions.processes) == (
        Process(pid=4242, kind="compute", name="python", memory_bytes=1 << 30),
    )


def test_only_fields_without_an_nvidia_source_are_not_asked(recording: Recording) -> None:
    device = nvidia_devices(recording("h100-sxm5-80gb-x8"))[0]
    assert {name.partition(".")[2] for name, observed in facts(device).items() if observed == NOT_ASKED} == {
        "parent_uuid",
        "gfx_target",
        "cu_count",
        "xcd_count",
        "memory_type",
        "memory_bandwidth_gbps",
        "infinity_cache_bytes",
        "performance_level",
        "replicas",
        "compute_partition",
        "memory_partition",
    }


def test_every_reading_names_its_source_without_the_index(recording: Recording) -> None:
    for name in ("h100-sxm5-80gb-x8", "a100-mig", "rtx-4090"):
        for device in nvidia_devices(recording(name)):
            for field, observed in facts(device).items():
                if isinstance(observed, Reading) and field != "identity.vendor":
                    assert observed.source.split(":")[0] in {"nvml", "cuda", "pci", "proc"}, field
                    assert observed.source.count(":") == 1, field


def test_links_through_switches(recording: Recording) -> None:
    links = nvidia_links(recording("h100-sxm5-80gb-x8"))
    assert len(links) == 28
    assert links[0] == Link(a=0, b=1, kind="nvlink", count=18, path="NV18")


def test_links_without_peer_access_fall_back_to_the_bus(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    survey.values["nvml:nvmlDeviceGetP2PStatus[0,1,2]"] = 5
    survey.values["nvml:nvmlDeviceGetP2PStatus[0,2,2]"] = 5
    assert nvidia_links(survey)[:3] == (
        Link(a=0, b=1, kind="pcie", path="NODE"),
        Link(a=0, b=2, kind="system", path="SYS"),
        Link(a=0, b=3, kind="nvlink", count=18, path="NV18"),
    )


def test_direct_links_are_counted_per_pair(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    buses = {0: "00000000:1B:00.0", 1: "00000000:43:00.0"}
    for index, other in ((0, 1), (1, 0)):
        for link in range(18):
            survey.values[f"nvml:{index}:nvmlDeviceGetNvLinkRemoteDeviceType[{link}]"] = 0
            to_other = link < 4
            bus = buses[other] if to_other else "00000000:99:00.0"
            survey.values[f"nvml:{index}:nvmlDeviceGetNvLinkRemotePciInfo[{link}]"] = {"busId": bus}
    assert nvidia_links(survey)[0] == Link(a=0, b=1, kind="nvlink", count=4, path="NV4")


def test_desktop_card(recording: Recording) -> None:
    survey = recording("rtx-4090")
    (device,) = nvidia_devices(survey)
    assert value_of(device.conditions.display_active) is True
    assert value_of(device.identity.link_type) == "none"
    assert value_of(device.identity.link_count) == 0
    assert isinstance(device.identity.link_bandwidth_gbps, Absent)
    assert value_of(device.identity.pci_subsystem_id) == "1043:889a"
    assert value_of(device.conditions.processes) == (
        Process(pid=1933, kind="graphics", name="/usr/lib/xorg/Xorg", memory_bytes=482344960),
        Process(pid=2044, kind="graphics", memory_bytes=None),
    )
    assert isinstance(device.conditions.numa_node, Absent)
    assert device.conditions.numa_node.why == "not_supported"
    assert [note.text for note in nvidia_notes(survey)] == ["GPU 0 runs with a graphics clock offset of +150 MHz"]


def test_power_capped_card(recording: Recording) -> None:
    (device,) = nvidia_devices(recording("l40s-capped"))
    conditions = device.conditions
    assert value_of(device.identity.power_default_w) == 350.0
    assert value_of(conditions.power_limit_w) == value_of(conditions.power_limit_requested_w) == 250.0
    assert value_of(conditions.throttle_reasons) == ("sw-power-cap",)
    assert value_of(conditions.virtualization_mode) == "passthrough"
    assert value_of(device.identity.partition) == Partition(kind="none")


def test_unified_memory_comes_from_libcuda(recording: Recording) -> None:
    survey = recording("gb10")
    identity = nvidia_devices(survey)[0].identity
    assert identity.memory_bytes == Reading(value=128524529664, source="cuda:cuDeviceTotalMem")
    assert value_of(identity.memory_unified) is True
    assert value_of(identity.addressing_mode) == "ats"
    assert isinstance(identity.pci_subsystem_id, Absent)
    fails(survey, "nvml:0:nvmlDeviceGetMemoryInfo_v2", 15)
    assert nvidia_devices(survey)[0].identity.memory_bytes == Absent(
        why="lost", source="nvml:nvmlDeviceGetMemoryInfo_v2", detail="NVML error 15: text"
    )


def test_vgpu(recording: Recording) -> None:
    (device,) = nvidia_devices(recording("vgpu"))
    assert value_of(device.identity.partition) == Partition(kind="vgpu", profile="A100-10C")
    assert isinstance(device.identity.link_type, Absent)


def test_half_lost_gpu_keeps_what_answers(recording: Recording) -> None:
    survey = recording("h100-half-lost")
    whole, lost = nvidia_devices(survey)
    assert value_of(whole.identity.memory_bytes) == 85520809984
    assert value_of(lost.identity.name) == "NVIDIA H100 PCIe"
    assert value_of(lost.identity.power_default_w) == 350.0
    for absent in (
        lost.identity.memory_bytes,
        lost.identity.memory_clock_mhz,
        lost.conditions.clock_sm_mhz,
        lost.conditions.power_draw_w,
        lost.conditions.throttle_reasons,
        lost.conditions.power_draw_instant_w,
        lost.identity.link_type,
    ):
        assert isinstance(absent, Absent)
        assert absent.why == "lost"
    notes = [note for note in nvidia_notes(survey) if note.why == "lost"]
    assert len(notes) == 1
    assert notes[0].text.startswith("GPU 1 (NVIDIA H100 PCIe) is lost or needs a reset: ")
    assert isinstance(lost.identity.sm_count, Absent)
    assert lost.identity.sm_count.detail == "CUDA error 999: CUDA_ERROR_UNKNOWN"


# MIG.


def test_each_slice_is_a_device_with_its_own_size(recording: Recording) -> None:
    devices = nvidia_devices(recording("a100-mig"))
    assert [device.locator.index for device in devices] == [0, 1, 2, 3]
    slices, whole = devices[:3], devices[3]
    assert [value_of(part.identity.partition) for part in slices] == [
        Partition(kind="mig", profile="1g.5gb"),
        Partition(kind="mig", profile="1g.5gb"),
        Partition(kind="mig", profile="1c.3g.20gb"),
    ]
    assert [value_of(part.identity.sm_count) for part in slices] == [14, 14, 14]
    assert [value_of(part.identity.memory_bytes) for part in slices] == [5100273664, 5100273664, 20937965568]
    assert {value_of(part.locator.parent_uuid) for part in slices} == {"GPU-a1000000-0000-4000-8000-000000000000"}
    assert [value_of(part.locator.uuid) for part in slices] == [
        f"MIG-{digit * 8}-0000-5000-8000-000000000000" for digit in "123"
    ]
    for part in slices:
        assert value_of(part.conditions.mig_enabled) is True
        for name in ("core_count", "bar1_bytes", "power_default_w", "link_count", "pcie_width"):
            assert isinstance(getattr(part.identity, name), Absent)
    assert value_of(whole.identity.memory_bytes) == 42949672960
    assert value_of(whole.identity.partition) == Partition(kind="none")
    assert value_of(whole.identity.sm_count) == 108  # 6912 cores at 64 each; libcuda shows a slice only


def test_libcuda_is_joined_to_the_slice_it_shows(recording: Recording) -> None:
    devices = nvidia_devices(recording("a100-mig"))
    assert [value_of(device.identity.l2_bytes) for device in devices] == [None, 5242880, None, None]
    assert [value_of(device.identity.memory_bus_width_bits) for device in devices] == [None, 640, None, 5120]


def test_gpu_whose_slices_cannot_be_read_has_no_size(recording: Recording) -> None:
    survey = recording("a100-mig")
    for index in range(7):
        key = f"nvml:0:mig{index}:nvmlDeviceGetMigDeviceHandleByIndex"
        if key in survey.values:
            fails(survey, key, 4)
    parent, other = nvidia_devices(survey)
    assert (parent.locator.index, other.locator.index) == (0, 1)
    assert value_of(parent.conditions.mig_enabled) is True
    assert value_of(parent.identity.partition) == Partition(kind="mig")
    assert value_of(parent.identity.name) == "NVIDIA A100-SXM4-40GB"
    for name in ("sm_count", "core_count", "memory_bytes", "memory_bus_width_bits", "l2_bytes", "bar1_bytes"):
        assert isinstance(getattr(parent.identity, name), Absent)


def test_slice_without_name_has_no_profile_and_keeps_its_attributes(recording: Recording) -> None:
    survey = recording("a100-mig")
    fails(survey, "nvml:0:mig0:nvmlDeviceGetName", 15)
    fails(survey, "nvml:0:mig0:nvmlDeviceGetMemoryInfo_v2", 4)
    fails(survey, "nvml:0:mig0:nvmlDeviceGetMemoryInfo", 4)
    part = nvidia_devices(survey)[0]
    assert value_of(part.identity.partition) == Partition(kind="mig")
    assert part.identity.memory_bytes == Reading(value=4864 << 20, source="nvml:nvmlDeviceGetAttributes")


MIG, MODE = "nvml:0:nvmlDeviceGetMigMode", "nvml:0:nvmlDeviceGetVirtualizationMode"


@pytest.mark.parametrize(
    ("mig", "mode", "kind"),
    [
        ([0, 0], 0, "none"),
        ([0, 1], 1, "none"),
        (3, 0, "none"),
        (13, 0, "none"),
        ([0, 0], 3, "none"),  # virtualization mode 3: host of vGPUs, itself whole
        ([0, 0], 2, "vgpu"),
        ([1, 1], 2, "vgpu"),
        ([1, 1], 0, "mig"),
        ([0, 0], "not asked", None),
        (999, 0, None),
        (4, 0, None),
        (15, 0, None),
        ("not asked", 0, None),
        ("not asked", 2, "vgpu"),
        ([0, 0], "error 3", "none"),
        ([0, 0], "error 999", None),
        (3, "error 3", None),
        (13, "error 13", None),
        ("old binding", 0, None),
        ([7, 0], 0, None),
        ([0, 0], 9, None),
    ],
)
def test_whole_only_when_proven(recording: Recording, mig: Any, mode: Any, kind: str | None) -> None:
    survey = recording("rtx-4090")
    for key, told in ((MIG, mig), (MODE, mode)):
        survey.values.pop(key, None)
        survey.reasons.pop(key, None)
        if isinstance(told, str) and told.startswith("error"):
            fails(survey, key, int(told.split()[1]))
        elif told == "old binding":
            survey.reasons[key] = ("not_supported", "the installed nvidia-ml-py has no nvmlDeviceGetMigMode")
        elif isinstance(told, int) and key == MIG:
            fails(survey, key, told)
        elif not isinstance(told, str):
            survey.values[key] = told
    partition = nvidia_devices(survey)[0].identity.partition
    assert (partition.value.kind if isinstance(partition, Reading) else None) == kind


# One answer failing.


def test_each_call_failing_with_each_code_costs_its_own_fields_only(recording: Recording) -> None:
    joining = (
        "RunningProcesses",
        "ProcessName",
        "PciInfo",
        "UUID",
        "MigMode",
        "VirtualizationMode",
        "HandleByIndex",
        "ComputeCapability",
        "NumGpuCores",
        "NvLinkState",
    )
    for name in ("rtx-4090", "l40s-capped"):
        survey = recording(name)
        (before,) = nvidia_devices(survey)
        was = facts(before)
        for key in [key for key in survey.values if key.startswith("nvml:0:")]:
            for code, why in WHY_OF.items():
                kept = survey.values.pop(key)
                survey.reasons[key] = (why, f"NVML error {code}: text")
                devices = nvidia_devices(survey)
                nvidia_notes(survey)
                if "HandleByIndex" in key:
                    assert devices == ()
                else:
                    source = "nvml:" + key.split(":")[2]
                    for field, observed in facts(devices[0]).items():
                        old = was[field]
                        if isinstance(old, Reading) and old.source == source:
                            assert isinstance(observed, Reading) or observed.why in {why, old and "not_supported"}, (
                                key,
                                field,
                            )
                            assert not isinstance(observed, Reading) or observed.source != source
                        elif not any(word in key for word in joining):
                            assert observed == old or (isinstance(old, Absent) and isinstance(observed, Absent)), (
                                key,
                                field,
                            )
                del survey.reasons[key]
                survey.values[key] = kept


@pytest.mark.parametrize(
    ("key", "garbage"),
    [
        ("nvmlDeviceGetMemoryInfo_v2", {"total": 0}),
        ("nvmlDeviceGetMemoryInfo_v2", {"total": 0xFFFFFFFFFFFFFFFF}),
        ("nvmlDeviceGetMemoryInfo_v2", {}),
        ("nvmlDeviceGetMemoryInfo_v2", None),
        ("nvmlDeviceGetMemoryInfo_v2", {"total": True}),
        ("nvmlDeviceGetMemoryInfo_v2", {"total": 1.5}),
    ],
)
def test_impossible_memory_is_no_memory(recording: Recording, key: str, garbage: Any) -> None:
    survey = recording("rtx-4090")
    survey.values[f"nvml:0:{key}"] = garbage
    memory = nvidia_devices(survey)[0].identity.memory_bytes
    assert isinstance(memory, Absent)
    assert memory.why == "failed"


@pytest.mark.parametrize(
    ("call", "raw", "field", "value"),
    [
        ("nvmlDeviceGetPerformanceState", 32, "performance_state", None),
        ("nvmlDeviceGetPowerUsage", 0xFFFFFFFF, "power_draw_w", None),
        ("nvmlDeviceGetEnforcedPowerLimit", 0, "power_limit_w", None),
        ("nvmlDeviceGetCurrentClocksEventReasons", 0, "throttle_reasons", ()),
        (
            "nvmlDeviceGetCurrentClocksEventReasons",
            0x2E8,
            "throttle_reasons",
            ("hw-slowdown", "sw-thermal", "hw-thermal", "hw-power-brake", "board-limit"),
        ),
        ("nvmlDeviceGetCurrentClocksEventReasons", 1 << 20, "throttle_reasons", ("bit-0x100000",)),
        ("nvmlDeviceGetComputeMode", 3, "compute_mode", "exclusive-process"),
        ("nvmlDeviceGetComputeMode", 9, "compute_mode", None),
        ("nvmlDeviceGetCurrPcieLinkWidth", 255, "pcie_width_now", 16),  # sysfs answers instead
        ("nvmlDeviceGetPersistenceMode", 2, "persistence_enabled", None),
        ("nvmlDeviceGetFieldValues[230]", 2, "recovery_action", "node-reboot"),
    ],
)
def test_codes_and_sentinels(recording: Recording, call: str, raw: Any, field: str, value: Any) -> None:
    survey = recording("rtx-4090")
    survey.reasons.pop(f"nvml:0:{call}", None)
    survey.values[f"nvml:0:{call}"] = raw
    assert value_of(getattr(nvidia_devices(survey)[0].conditions, field)) == value


@pytest.mark.parametrize(
    ("info", "state", "healthy"),
    [
        ({"state": 3, "status": 0, "healthMask": 0, "healthSummary": 1}, "completed", True),
        ({"state": 3, "status": 0, "healthMask": 0, "healthSummary": 2}, "completed", False),
        ({"state": 3, "status": 0, "healthMask": 0, "healthSummary": 3}, "completed", False),
        ({"state": 3, "status": 0, "healthMask": 0xAA}, "completed", True),
        ({"state": 3, "status": 0, "healthMask": 0xA9}, "completed", False),
        ({"state": 3, "status": 0, "healthMask": 0}, "completed", None),
        ({"state": 3, "status": 15, "healthMask": 0xAA}, "completed", False),
        ({"state": 2, "status": 0, "healthMask": 0xAA}, "in-progress", None),
        ({"state": 0, "status": 0, "healthMask": 0}, "not-supported", None),
    ],
)
def test_fabric(recording: Recording, info: dict[str, int], state: str, healthy: bool | None) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    survey.values["nvml:0:nvmlDeviceGetGpuFabricInfoV"] = info
    conditions = nvidia_devices(survey)[0].conditions
    assert value_of(conditions.fabric_state) == state
    assert value_of(conditions.fabric_healthy) is healthy


def test_link_that_does_not_answer_makes_the_active_count_unknown(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    survey.values["nvml:0:nvmlDeviceGetNvLinkState[3]"] = 0
    fails(survey, "nvml:1:nvmlDeviceGetNvLinkState[3]", 15)
    first, second = nvidia_devices(survey)[:2]
    assert value_of(first.conditions.link_active_count) == 17
    assert isinstance(second.conditions.link_active_count, Absent)
    assert second.conditions.link_active_count.why == "lost"
    assert value_of(second.identity.link_count) == 18


def test_no_link_bandwidth_without_a_speed(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    fails(survey, "nvml:0:nvmlDeviceGetFieldValues[90]", 3)
    assert value_of(nvidia_devices(survey)[0].identity.link_bandwidth_gbps) == pytest.approx(956.232)
    survey.values["nvml:0:nvmlDeviceGetFieldValues[164,2]"] = 20000
    assert isinstance(nvidia_devices(survey)[0].identity.link_bandwidth_gbps, Absent)


def test_links_are_counted_by_state_when_the_field_is_silent(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    fails(survey, "nvml:0:nvmlDeviceGetFieldValues[91]", 3)
    assert nvidia_devices(survey)[0].identity.link_count == Reading(value=18, source="nvml:nvmlDeviceGetNvLinkState")
    del survey.values["nvml:0:nvmlDeviceGetNvLinkState[18]"]
    assert isinstance(nvidia_devices(survey)[0].identity.link_count, Absent)


def test_graphics_list_that_fails_may_hide_a_process(recording: Recording) -> None:
    survey = recording("rtx-4090")
    fails(survey, "nvml:0:nvmlDeviceGetGraphicsRunningProcesses", 999)
    assert isinstance(nvidia_devices(survey)[0].conditions.processes, Absent)
    fails(survey, "nvml:0:nvmlDeviceGetGraphicsRunningProcesses", 3)
    assert value_of(nvidia_devices(survey)[0].conditions.processes) == ()


def test_a_client_of_an_mps_server_is_a_compute_process_once(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    call = "nvml:3:nvmlDeviceGetMPSComputeRunningProcesses"
    survey.reasons.pop(call)
    survey.values[call] = [{"pid": 4242, "usedGpuMemory": 1 << 30}, {"pid": 4243, "usedGpuMemory": None}]
    processes = value_of(nvidia_devices(survey)[3].conditions.processes) or ()
    assert [(one.pid, one.kind, one.memory_bytes) for one in processes] == [
        (4242, "compute", 1 << 30), (4243, "compute", None),
    ]  # fmt: skip
    fails(survey, call, 999)
    assert isinstance(nvidia_devices(survey)[3].conditions.processes, Absent)


def test_graphics_list_alone_is_no_process_list(recording: Recording) -> None:
    survey = recording("rtx-4090")
    fails(survey, "nvml:0:nvmlDeviceGetComputeRunningProcesses", 4)
    processes = nvidia_devices(survey)[0].conditions.processes
    assert isinstance(processes, Absent)
    assert processes.why == "no_permission"


def test_libcuda_order_only_when_unrestricted(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    order = cuda_order(survey)
    assert order is not None
    assert (len(order), order[0]) == (8, "00000000:1b:00.0")
    survey.values["cuda:visible_devices"] = "0"
    assert cuda_order(survey) is None
    survey.values["cuda:visible_devices"] = None
    del survey.values["cuda:3:cuDeviceGetPCIBusId"]
    assert cuda_order(survey) is None


def test_hidden_by_an_empty_cuda_visible_devices(recording: Recording) -> None:
    survey = recording("rtx-4090")
    for key in [key for key in survey.values if key.startswith("cuda:")]:
        del survey.values[key]
    survey.values["cuda:visible_devices"] = ""
    survey.reasons["cuda:init"] = ("not_supported", "CUDA error 100: CUDA_ERROR_NO_DEVICE")
    (device,) = nvidia_devices(survey)
    assert not device.locator.visible
    survey.reasons["cuda:init"] = ("failed", "CUDA error 999: CUDA_ERROR_UNKNOWN")
    assert nvidia_devices(survey)[0].locator.visible


def test_cuda_joins_by_bus_id_where_a_uuid_is_missing(recording: Recording) -> None:
    survey = recording("rtx-4090")
    fails(survey, "nvml:0:nvmlDeviceGetUUID", 3)
    assert value_of(nvidia_devices(survey)[0].identity.l2_bytes) == 75497472
    survey = recording("rtx-4090")
    survey.values["nvml:0:nvmlDeviceGetUUID"] = "GPU-00000000-0000-4000-8000-00000000ffff"
    assert value_of(nvidia_devices(survey)[0].identity.l2_bytes) is None


def test_driver_versions_without_nvml(recording: Recording) -> None:
    survey = recording("h100-sxm5-80gb-x8")
    for key in [key for key in survey.values if key.startswith("nvml:")]:
        del survey.values[key]
    survey.reasons["nvml:init"] = ("failed", "NVML error 18: text")
    components = nvidia_components(survey)
    assert components["driver"] == Reading(value="580.95.05", source="proc:version")
    assert components["cuda_driver"] == Reading(value="13.0", source="cuda:cuDriverGetVersion")
    assert components["nvml"] == Absent(why="failed", source="nvml:init", detail="NVML error 18: text")


def test_nothing_asked_is_nothing_known() -> None:
    count, devices, links, components, notes, order = decoded(Survey())
    assert count == NOT_ASKED
    assert (devices, links, notes, order) == ((), (), (), None)
    assert set(components.values()) == {NOT_ASKED}


# Any subset failing.


def allowed(survey: Survey) -> Iterator[tuple[str, Any]]:
    """Every value that any order of falling back could give: each field decoded from the recording with parts removed."""
    for removed in (
        "",
        "nvml",
        "cuda",
        "pci",
        "proc",
        "_v2",
        "EventReasons",
        "TemperatureV",
        "[91]",
        "[90]",
        "Constraints",
        "mig",
        "DefaultLimit",
    ):
        part = Survey(
            values={key: value for key, value in survey.values.items() if not removed or removed not in key},
            reasons=dict(survey.reasons),
        )
        for device in nvidia_devices(part):
            for field, observed in facts(device).items():
                if isinstance(observed, Reading):
                    yield field, observed.value


NAMES = ("rtx-4090", "a100-mig", "h100-half-lost", "gb10", "vgpu", "l40s-capped")


@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_failing_answers_never_raise_and_never_invent_a_value(recorded: dict[str, Survey], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    whole = recorded[name]
    known: dict[str, list[Any]] = {}
    for field, value in allowed(whole):
        known.setdefault(field, []).append(value)
    share = data.draw(st.integers(1, 9))
    random = data.draw(st.randoms(use_true_random=False))
    codes = (4, 9, 10, 15, 16, 999, None)
    survey = Survey(values=dict(whole.values), reasons=dict(whole.reasons), complete=True)
    for key in whole.values:
        if random.randrange(10) < share:
            del survey.values[key]
            code = random.choice(codes)
            if code is not None:
                survey.reasons[key] = (WHY_OF[code], f"NVML error {code}: text")
    _, devices, links, _, _, _ = decoded(survey)
    for device in devices:
        for field, observed in facts(device).items():
            if not isinstance(observed, Reading) or field in {"conditions.processes", "conditions.link_errors"}:
                continue
            if field == "identity.partition":
                assert observed.value.kind in {value.kind for value in known[field]} | {"mig"} & {
                    "mig" if "mig" in name else ""
                }, field
            else:
                assert observed.value in known.get(field, []), (field, observed)
    assert set(links) <= set(nvidia_links(whole)) or name == "h100-half-lost"
    assert msgspec.json.decode(msgspec.json.encode(devices), type=tuple[Device, ...]) == devices


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["total", "busId", "state", "gpu", "pid", "mask", "x"]), inner, max_size=4)
    ),
    max_leaves=6,
)


@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_garbage_answers_never_raise_and_always_encode(recorded: dict[str, Survey], data: st.DataObject) -> None:
    whole = recorded[data.draw(st.sampled_from(NAMES))]
    garbage = data.draw(st.lists(ANYTHING, min_size=1, max_size=6))
    random = data.draw(st.randoms(use_true_random=False))
    share = data.draw(st.integers(1, 9))
    values = {
        key: random.choice(garbage) if random.randrange(10) < share else value for key, value in whole.values.items()
    }
    found = decoded(Survey(values=values, reasons=dict(whole.reasons), complete=True))
    devices = found[1]
    assert msgspec.json.decode(msgspec.json.encode(devices), type=tuple[Device, ...]) == devices
    msgspec.json.encode(found[:5])
