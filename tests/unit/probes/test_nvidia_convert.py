"""Each converter on what drivers answer and on what they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from parity.probes import nvidia_convert as to
from parity.probes.answers import NoSuchValueError
from parity.probes.nvidia_files import bus_id


@pytest.mark.parametrize(
    ("convert", "raw", "value"),
    [
        (to.number, 0, 0),
        (to.number, True, None),
        (to.number, -1, None),
        (to.number, 1.0, None),
        (to.number, 0xFFFFFFFF, None),
        (to.positive, 0, None),
        (to.positive, 7, 7),
        (to.watts, 69342, 69.342),
        (to.watts, 0, 0.0),
        (to.limit_watts, 0, None),
        (to.limit_watts, 700000, 700.0),
        (to.mhz_of_khz, 2619000, 2619),
        (to.mhz_of_khz, 0, None),
        (to.mhz_of_khz, 999, None),
        (to.signed, -8, -8.0),
        (to.signed, 4000, None),
        (to.temperature, 0, None),
        (to.flag, 1, True),
        (to.flag, 0, False),
        (to.flag, 2, None),
        (to.flag, True, None),
        (to.percent, 0, 0),
        (to.percent, 201, None),
        (to.text, " x ", "x"),
        (to.text, 5, None),
        (to.capability, [9, 0], "9.0"),
        (to.capability, [12, 1], "12.1"),
        (to.capability, [0, 0], None),
        (to.pci_id, 0x233010DE, "10de:2330"),
        (to.pci_id, 0x889A1043, "1043:889a"),
        (to.pci_id, 0xFFFFFFFF, None),
        (to.hex_digits, "0x2330", "2330"),
        (to.hex_digits, "2330", None),
        (to.revision, "0xA1", "a1"),
        (to.revision, "0xff", None),
        (to.pcie_width, 16, 16),
        (to.pcie_width, "8", 8),
        (to.pcie_width, 0, None),
        (to.pcie_width, "255", None),
        (to.pcie_speed_generation, "32.0 GT/s PCIe", 5),
        (to.pcie_speed_generation, "2.5 GT/s", 1),
        (to.pcie_generation, 5, 5),
        (to.pcie_generation, 0, None),
        (to.node, "1", 1),
        (to.node, "x", None),
        (to.uuid, "GPU-1", "GPU-1"),
        (to.uuid, "GPU-????????-????", None),
        (to.uuid, "x", None),
        (to.cuda_version, 13000, "13.0"),
        (to.cuda_version, 12080, "12.8"),
        (to.cuda_version, 11040, "11.4"),
        (to.reasons, 0, ()),
        (to.reasons, 5, ("idle", "sw-power-cap")),
        (to.reasons, -1, None),
        (to.kernel_module_version, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.133.07  Fri", "570.133.07"),
        (
            to.kernel_module_version,
            "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.95.05  Release",
            "580.95.05",
        ),
        (to.kernel_module_version, "something else", None),
        (to.processes, [], []),
        (to.processes, [{"pid": 1, "usedGpuMemory": None}], [(1, None)]),
        (to.processes, [{"pid": -1}], None),
        (to.power_profiles, {"enforcedProfilesMask": {"mask": [0] * 8}}, "none"),
        (to.power_profiles, {"enforcedProfilesMask": {"mask": [1, 1, 0]}}, "max-p,32"),
        (to.bytes_of_mib, 4864, 4864 * 1024 * 1024),
    ],
)
def test_converter(convert: Any, raw: Any, value: Any) -> None:
    found = convert(raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("convert", "raw"), [(to.text, "N/A"), (to.text, ""), (to.performance_state, 32), (to.pci_id, 0), (to.node, "-1")]
)
def test_driver_says_there_is_none(convert: Any, raw: Any) -> None:
    with pytest.raises(NoSuchValueError):
        convert(raw)


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "1g.10gb"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb+me", "1g.5gb+me"),
        ("NVIDIA H100 80GB HBM3 MIG 2c.3g.40gb", "2c.3g.40gb"),
        ("NVIDIA H100 80GB HBM3", ""),
        ("MIGHTY 1g.5gb", ""),
    ],
)
def test_mig_profile(name: str, profile: str) -> None:
    assert to.mig_profile(name) == profile


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("GRID A100-10C", "A100-10C"),
        ("NVIDIA A100-4-20C", "A100-4-20C"),
        ("NVIDIA L40S-48Q", "L40S-48Q"),
        ("GRID A100-1-5CME", "A100-1-5CME"),
        ("NVIDIA H100 PCIe", ""),
        ("NVIDIA A100-SXM4-40GB", ""),
    ],
)
def test_vgpu_type(name: str, kind: str) -> None:
    assert to.vgpu_type(name) == kind


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("0000:1B:00.0", "00000000:1b:00.0"),
        ("00000000:1B:00.0", "00000000:1b:00.0"),
        ("000F:01:00.0", "0000000f:01:00.0"),
        ("10000:01:00.0", "00010000:01:00.0"),
        ("1b:00.0", None),
        ("0000:1b:00.8", None),
        ("", None),
    ],
)
def test_bus_id(text: str, normal: str | None) -> None:
    assert bus_id(text) == normal
