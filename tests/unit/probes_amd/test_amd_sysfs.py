"""Tests what the kernel's files of five machines become, whole and damaged."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.model.absent import Absent, Reading, value_of
from parity.model.partition import Partition
from parity.probes import amd_survey
from parity.probes.amd_decode import amd_components, amd_device_count, amd_devices, amd_links, amd_notes
from parity.probes.ask import Ask
from parity.probes.small_files import Tree, reason
from parity.probes.supervise import Survey, run_survey
from tests.stubs import amd_sysfs as stub

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.model.device import Device

GIB = 1024**3


@pytest.fixture(autouse=True)
def _no_rocm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROCM_PATH", "ROCM_HOME"):
        monkeypatch.delenv(name, raising=False)


def asked(root: Path) -> Survey:
    """Run the survey in this process on a tree, amdsmi excluded."""
    with tempfile.TemporaryFile() as channel:
        ask = Ask(channel.fileno())
        amd_survey.survey(ask, {"root": str(root), "amdsmi": False})
        ask.done()
        channel.seek(0)
        return survey_of(channel.read())


def survey_of(lines: bytes) -> Survey:
    """Return the answers written to a channel."""
    survey = Survey(complete=True)
    for line in lines.splitlines():
        if not line.startswith(b"{"):
            continue
        record = msgspec.json.decode(line)
        if "e" in record:
            survey.reasons[record["k"]] = (record["e"], record["d"])
        else:
            survey.values[record["k"]] = record["v"]
    return survey


def one(root: Path) -> Device:
    """Return the only device of a tree."""
    (device,) = amd_devices(asked(root))
    return device


def test_eight_mi300x_in_a_child_process(tmp_path: Path) -> None:
    stub.mi300x_x8(tmp_path)
    survey = run_survey("amd", {"root": str(tmp_path), "amdsmi": False})
    assert survey.complete
    devices = amd_devices(survey)
    assert len(devices) == 8
    identity = devices[0].identity
    found = {name: value_of(getattr(identity, name)) for name in identity.__struct_fields__}
    found = {name: value for name, value in found.items() if value is not None}
    assert found.pop("partition") == Partition(kind="none", memory_mode="NPS1")
    assert found == {
        "vendor": "amd",
        "name": "AMD Instinct MI300X OAM",
        "pci_device_id": "1002:74a1",
        "pci_subsystem_id": "1002:74a1",
        "pci_revision": "00",
        "gfx_target": "gfx942",
        "board_part_number": "102-G30211-0C",
        "cu_count": 304,
        "xcd_count": 8,
        "warp_size": 64,
        "memory_bytes": 206141652992,
        "memory_bus_width_bits": 8192,
        "memory_clock_mhz": 1300,
        "l2_bytes": 4096 * 1024,
        "infinity_cache_bytes": 256 * 1024 * 1024,
        "shared_memory_per_sm_bytes": 65536,
        "clock_boost_mhz": 2100,
        "power_default_w": 750.0,
        "power_max_w": 750.0,
        "link_type": "xgmi",
        "pcie_generation": 5,
        "pcie_generation_device": 5,
        "pcie_width": 16,
        "bar1_bytes": 206141652992,
        "vbios_version": "113-M3000100-102",
    }
    assert value_of(devices[1].locator.pci_bus_id) == "00000000:14:00.0"
    assert value_of(amd_device_count(survey)) == 8
    links = amd_links(survey)
    assert len(links) == 28
    assert {link.kind for link in links} == {"xgmi"}
    components = amd_components(survey)
    assert {name: value_of(version) for name, version in components.items()} == {"driver": "6.12.12", "rocm": "7.0.2"}
    assert amd_notes(survey) == ()


def test_conditions_of_an_mi300x(tmp_path: Path) -> None:
    stub.mi300x_x8(tmp_path)
    state = amd_devices(asked(tmp_path))[0].conditions
    found = {name: value_of(getattr(state, name)) for name in state.__struct_fields__}
    assert {name: value for name, value in found.items() if value is not None} == {
        "ecc_enabled": True,
        "ecc_corrected": 3,
        "ecc_uncorrected": 0,
        "clock_sm_mhz": 132,
        "clock_graphics_mhz": 132,
        "clock_memory_mhz": 900,
        "performance_level": "auto",
        "power_profile": "BOOTUP_DEFAULT",
        "power_draw_w": 139.0,
        "power_limit_w": 750.0,
        "power_limit_set_w": 750.0,
        "temperature_c": 41.0,
        "temperature_memory_c": 34.0,
        "temperature_slowdown_c": 100.0,
        "memory_used_bytes": 297934848,
        "utilization_gpu_percent": 0,
        "utilization_memory_percent": 0,
        "pcie_generation_now": 5,
        "pcie_width_now": 16,
        "pcie_replays": 0,
        "numa_node": 0,
        "compute_partition": "SPX",
        "memory_partition": "NPS1",
    }


def test_cpx_is_one_device_per_partition_with_its_own_numbers(tmp_path: Path) -> None:
    stub.mi300x_cpx(tmp_path)
    survey = asked(tmp_path)
    devices = amd_devices(survey)
    assert len(devices) == 8
    assert {value_of(device.locator.pci_bus_id) for device in devices} == {"00000000:0c:00.0"}
    identity = devices[7].identity
    partition = value_of(identity.partition)
    assert partition is not None
    assert (partition.kind, partition.profile, partition.memory_mode) == ("compute", "CPX", "NPS4")
    assert (value_of(identity.cu_count), value_of(identity.xcd_count)) == (38, 1)
    assert value_of(identity.memory_bytes) == 206141652992 // 8
    assert value_of(identity.infinity_cache_bytes) == 32 * 1024 * 1024
    for name in ("memory_bus_width_bits", "memory_bandwidth_gbps", "power_default_w", "power_max_w"):
        assert isinstance(getattr(identity, name), Absent), name
    assert value_of(devices[0].conditions.power_limit_w) == 750.0  # the package's cap binds every partition
    assert value_of(amd_device_count(survey)) == 8


def test_partitions_without_the_mode_file_are_still_partitions(tmp_path: Path) -> None:
    machine = stub.mi300x_cpx(tmp_path)
    for file in machine.root.rglob("current_*_partition"):
        file.unlink()
    partition = value_of(amd_devices(asked(tmp_path))[0].identity.partition)
    assert partition is not None
    assert (partition.kind, partition.profile) == ("compute", "")


def test_mi300_without_the_mode_file_stays_undecided(tmp_path: Path) -> None:
    machine = stub.mi308x(tmp_path)
    for file in machine.root.rglob("current_*_partition"):
        file.unlink()
    assert isinstance(one(tmp_path).identity.partition, Absent)


@pytest.mark.parametrize(
    ("build", "name", "device", "target", "cus", "wave", "memory_clock"),
    [
        (stub.mi308x, "AMD Instinct MI308X OAM", "1002:74a2", "gfx942", 80, 64, 1300),
        (stub.mi250x, "AMD INSTINCT MI250X (MCM) OAM AC MBA", "1002:7408", "gfx90a", 110, 64, 1600),
        (stub.rx_7900_xtx, "AMD Radeon RX 7900 XTX", "1002:744c", "gfx1100", 96, 32, 1249),
    ],
)
def test_other_parts(  # noqa: PLR0917
    tmp_path: Path,
    build: Callable[[Path], object],
    name: str,
    device: str,
    target: str,
    cus: int,
    wave: int,
    memory_clock: int,
) -> None:
    build(tmp_path)
    identity = amd_devices(asked(tmp_path))[0].identity
    assert value_of(identity.name) == name
    assert value_of(identity.pci_device_id) == device
    assert value_of(identity.gfx_target) == target
    assert (value_of(identity.cu_count), value_of(identity.warp_size)) == (cus, wave)
    assert value_of(identity.memory_clock_mhz) == memory_clock


def test_mi250x_is_two_devices_and_a_link(tmp_path: Path) -> None:
    stub.mi250x(tmp_path)
    survey = asked(tmp_path)
    assert [value_of(device.identity.link_type) for device in amd_devices(survey)] == ["xgmi", "xgmi"]
    assert [(link.a, link.b, link.kind) for link in amd_links(survey)] == [(0, 1, "xgmi")]


def test_a_radeon_is_whole_without_a_mode_file_and_idles_on_a_slow_link(tmp_path: Path) -> None:
    stub.rx_7900_xtx(tmp_path)
    device = one(tmp_path)
    partition = value_of(device.identity.partition)
    assert partition is not None
    assert partition.kind == "none"
    assert value_of(device.identity.link_type) == "none"
    assert value_of(device.identity.pcie_generation) == 4
    assert value_of(device.conditions.pcie_generation_now) == 1


def test_a_suspended_gpu_is_not_woken(tmp_path: Path) -> None:
    machine = stub.rx_7900_xtx(tmp_path)
    machine.write("/sys/class/drm/card0/device/power/runtime_status", "suspended\n")
    survey = asked(tmp_path)
    assert not any("pp_dpm" in key or "hwmon" in key for key in (*survey.values, *survey.reasons))
    (device,) = amd_devices(survey)
    draw = device.conditions.power_draw_w
    assert isinstance(draw, Absent)
    assert (draw.why, draw.detail) == ("not_asked", "the GPU is suspended; reading would wake it")
    assert value_of(device.identity.memory_bytes) == 25753026560


def test_without_amdgpu_version_the_driver_is_the_kernel(tmp_path: Path) -> None:
    machine = stub.mi308x(tmp_path)
    (machine.root / "sys/module/amdgpu/version").unlink()
    assert value_of(amd_components(asked(tmp_path))["driver"]) == "kernel 6.8.0-60-generic"


def test_a_machine_without_amd_has_zero_devices(tmp_path: Path) -> None:
    (tmp_path / "sys/bus/pci/devices/0000:00:00.0").mkdir(parents=True)
    (tmp_path / "sys/bus/pci/devices/0000:00:00.0/vendor").write_text("0x8086\n", encoding="utf-8")
    survey = asked(tmp_path)
    assert amd_devices(survey) == ()
    assert amd_device_count(survey) == Reading(value=0, source="pci:devices")
    assert amd_components(survey) == {}


def test_pci_without_driver_is_a_note_and_no_device(tmp_path: Path) -> None:
    stub.mi308x(tmp_path)
    shutil.rmtree(tmp_path / "sys/class/kfd")
    shutil.rmtree(tmp_path / "sys/class/drm")
    survey = asked(tmp_path)
    assert amd_devices(survey) == ()
    assert value_of(amd_device_count(survey)) == 1
    (note,) = amd_notes(survey)
    assert note.text == "PCI device 0000:0c:00.0 (1002:74a2) has no driver and no GPU is shown for it"


def test_a_display_controller_without_driver_is_not_counted(tmp_path: Path) -> None:
    stub.rx_7900_xtx(tmp_path)
    shutil.rmtree(tmp_path / "sys/class/kfd")
    shutil.rmtree(tmp_path / "sys/class/drm")
    survey = asked(tmp_path)
    assert value_of(amd_device_count(survey)) == 0
    assert len(amd_notes(survey)) == 1


def test_drm_alone_still_gives_a_device(tmp_path: Path) -> None:
    stub.mi308x(tmp_path)
    shutil.rmtree(tmp_path / "sys/class/kfd")
    device = one(tmp_path)
    assert value_of(device.identity.memory_bytes) == 206141652992
    assert value_of(device.identity.clock_boost_mhz) == 1420
    assert value_of(device.identity.cu_count) is None


def test_a_withheld_node_is_counted_and_said(tmp_path: Path) -> None:
    stub.mi300x_x8(tmp_path)
    survey = asked(tmp_path)
    for node in (4, 5):  # what the kernel answers when a device cgroup withholds a GPU
        del survey.values[f"kfd:{node}:properties"]
        survey.reasons[f"kfd:{node}:properties"] = ("no_permission", "EPERM")
    assert len(amd_devices(survey)) == 6  # although DRM shows eight cards
    assert value_of(amd_device_count(survey)) == 8
    texts = [note.text for note in amd_notes(survey)]
    assert texts[:2] == [f"KFD node {node} is a GPU this process may not use" for node in (4, 5)]


def test_a_missing_render_node_is_said(tmp_path: Path) -> None:
    machine = stub.mi308x(tmp_path)
    (machine.root / "dev/dri/renderD130").unlink()
    (machine.root / "dev/kfd").unlink()
    assert [note.text for note in amd_notes(asked(tmp_path))] == [
        "0000:0c:00.0: /dev/dri/renderD130 is not there (a container without the device?)",
        "/dev/kfd is not there: ROCm programs see no GPU",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_are_no_permission(tmp_path: Path) -> None:
    machine = stub.mi308x(tmp_path)
    for file in machine.root.rglob("power1_cap"):
        file.chmod(0)
    limit = one(tmp_path).conditions.power_limit_w
    assert isinstance(limit, Absent)
    assert limit.why == "no_permission"


def test_kfd_processes_are_told_per_node(tmp_path: Path) -> None:
    machine = stub.mi308x(tmp_path)
    machine.write("/sys/class/kfd/kfd/proc/4242/vram_40962", "1073741824\n")
    machine.write("/sys/class/kfd/kfd/proc/4243/vram_1", "5\n")
    processes = value_of(one(tmp_path).conditions.processes)
    assert processes is not None
    assert [(process.pid, process.memory_bytes) for process in processes] == [(4242, GIB)]


def test_a_tree_reads_below_its_root_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x", encoding="utf-8")
    assert Tree(str(tmp_path)).text("/a") == "x"


FILES = st.sampled_from(
    [
        "properties",
        "pp_dpm_sclk",
        "mem_info_vram_total",
        "current_compute_partition",
        "power1_cap",
        "features",
        "max_link_speed",
        "device",
        "unique_id",
        "uevent",
        "revision",
        "vendor",
        "gpu_id",
    ]
)
GARBAGE = st.one_of(
    st.binary(max_size=200),
    st.from_regex(
        rb"\A(simd_count|location_id|size_in_bytes|type|level|heap_type|width) -?[0-9a-fx]{0,25}\n", fullmatch=False
    ),
    st.sampled_from([b"", b"\n", b"N/A", b"4294967295", b"-1", b"1e9", b"0x", b"\xff" * 30, b"9" * 400]),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damage=st.lists(st.tuples(FILES, GARBAGE), min_size=1, max_size=4))
def test_garbage_never_raises_and_never_invents(damage: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        stub.rx_7900_xtx(root)
        sound = amd_devices(asked(root))[0].identity
        for name, content in damage:
            for file in root.rglob(name):
                if file.is_file():
                    file.write_bytes(content)
        survey = asked(root)
        amd_links(survey)
        amd_notes(survey)
        amd_components(survey)
        amd_device_count(survey)
        for device in amd_devices(survey):
            for field in ("memory_bytes", "cu_count", "memory_bus_width_bits", "power_default_w", "l2_bytes"):
                value = value_of(getattr(device.identity, field))
                assert value is None or value > 0
            untouched = value_of(device.identity.power_default_w)
            assert untouched in {None, value_of(sound.power_default_w)}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (errno.ENOENT, "not_supported"),
        (errno.EOPNOTSUPP, "not_supported"),
        (errno.EINVAL, "not_supported"),
        (errno.EPERM, "no_permission"),
        (errno.EACCES, "no_permission"),
        (errno.ENODEV, "lost"),
        (errno.EIO, "failed"),
    ],
)
def test_the_kernels_refusals_are_reasons(code: int, why: str) -> None:
    assert reason(OSError(code, "text", "/sys/x")) == (why, f"{errno.errorcode[code]} /sys/x")


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "simd_count",
                    "location_id",
                    "type",
                    "node_to",
                    "level",
                    "size",
                    "heap_type",
                    "pid",
                    "vram",
                    "status",
                    "bdf",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
AMD_KEYS = st.sampled_from(
    [
        *(
            f"kfd:2:{name}"
            for name in ("properties", "mem_banks", "io_links", "caches", "caches_as", "gpu_id", "render_node")
        ),
        *(
            f"drm:0000:0c:00.0:{name}"
            for name in ("links", "device", "unique_id", "pp_dpm_mclk", "current_compute_partition")
        ),
        *(
            f"amdsmi:0:{name}"
            for name in ("amdsmi_get_gpu_asic_info", "amdsmi_get_violation_status", "amdsmi_get_gpu_kfd_info")
        ),
        "amdsmi:0:amdsmi_get_gpu_device_bdf",
        "amdsmi:amdsmi_get_processor_handles",
        "amdsmi:amdsmi_get_rocm_version",
        "kfd:processes",
        "kfd:nodes",
        "drm:cards",
        "pci:devices",
        "rocm:version",
        "amdgpu:version",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.dictionaries(AMD_KEYS, ANSWERS, max_size=6))
def test_no_answer_breaks_the_decoder(values: dict[str, object]) -> None:
    sound = {
        "kfd:nodes": ["2"],
        "kfd:2:properties": {"simd_count": 1216, "simd_per_cu": 4, "location_id": 0x0C00, "gfx_target_version": 90402},
        "drm:cards": [["card0", "0000:0c:00.0"]],
        "amdsmi:amdsmi_get_processor_handles": 1,
    }
    survey = Survey(values={**sound, **values})
    amd_devices(survey)
    amd_links(survey)
    amd_notes(survey)
    amd_components(survey)
    amd_device_count(survey)
