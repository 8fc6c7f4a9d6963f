"""Knows how raw numbers of NVIDIA's libraries become values of a fingerprint: sentinels, units, names of codes.

Each converter takes one raw answer and returns the value, or None where the answer cannot be one. Units are
converted here and nowhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from parity.probes.answers import NoSuchValueError
from parity.probes.nvidia_files import bus_id

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_NOT_AVAILABLE = frozenset({0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
_NO_TEXT = frozenset({"", "n/a", "[n/a]", "not supported", "[not supported]", "unknown", "[unknown]", "unknown error"})
_UNKNOWN_STATE = 32
_MAX_TEMPERATURE_C = 300

BRANDS = {
    1: "Quadro",
    2: "Tesla",
    3: "NVS",
    4: "GRID",
    5: "GeForce",
    6: "TITAN",
    7: "NVIDIA Virtual Applications",
    8: "NVIDIA Virtual PC",
    9: "NVIDIA Virtual Compute Server",
    10: "NVIDIA RTX Virtual Workstation",
    11: "NVIDIA Cloud Gaming",
    12: "Quadro RTX",
    13: "NVIDIA RTX",
    14: "NVIDIA",
    15: "GeForce RTX",
    16: "TITAN RTX",
}
VIRTUALIZATION_MODES = {0: "none", 1: "passthrough", 2: "vgpu", 3: "host-vgpu", 4: "host-vsga"}
COMPUTE_MODES = {0: "default", 1: "exclusive-thread", 2: "prohibited", 3: "exclusive-process"}
POWER_SOURCES = {0: "ac", 1: "battery", 2: "undersized"}
ADDRESSING_MODES = {0: "none", 1: "hmm", 2: "ats"}
FABRIC_STATES = {0: "not-supported", 1: "not-started", 2: "in-progress", 3: "completed"}
RECOVERY_ACTIONS = {
    0: "none",
    1: "gpu-reset",
    2: "node-reboot",
    3: "drain-p2p",
    4: "drain-and-reset",
    5: "recover-imex-domain",
    6: "bus-reset",
    7: "system-reboot",
}
TOPOLOGY = {0: "internal", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"}
# Bits of the clocks event reasons, called throttle reasons before driver 535. 1, 2 and 256 are no faults.
THROTTLE_REASONS = {
    0x1: "idle",
    0x2: "app-clocks",
    0x4: "sw-power-cap",
    0x8: "hw-slowdown",
    0x10: "sync-boost",
    0x20: "sw-thermal",
    0x40: "hw-thermal",
    0x80: "hw-power-brake",
    0x100: "display-clocks",
    0x200: "board-limit",
    0x400: "reliability",
}
# NVML_POWER_PROFILE_* of nvml.h 13.5 by bit.
POWER_PROFILES = (
    "max-p",
    "max-q",
    "compute",
    "memory-bound",
    "network",
    "balanced",
    "llm-inference",
    "llm-training",
    "rbm",
    "dcpcie",
    "hmma-sparse",
    "hmma-dense",
    "sync-balanced",
    "hpc",
    "mig",
    "max-q-1",
    "network-bound",
    "high-throughput-inference",
    "medium-throughput-inference",
    "low-latency-inference",
    "training",
    "inference",
    "max-q-2",
    "max-q-3",
    "low-priority-background",
)
PCIE_GENERATIONS = {2.5: 1, 5.0: 2, 8.0: 3, 16.0: 4, 32.0: 5, 64.0: 6}  # by GT/s
# FP32 lanes per SM by compute capability: the CUDA programming guide's table of arithmetic throughput.
CORES_PER_SM = {
    (7, 0): 64,
    (7, 2): 64,
    (7, 5): 64,
    (8, 0): 64,
    (8, 6): 128,
    (8, 7): 128,
    (8, 9): 128,
    (9, 0): 128,
    (10, 0): 128,
    (10, 3): 128,
    (11, 0): 128,
    (12, 0): 128,
    (12, 1): 128,
}
_MIG_PROFILE = re.compile(r"\bMIG ((?:\d+c\.)?\d+g\.\d+gb(?:[+-][\w.+-]+)?)")
_VGPU_TYPE = re.compile(r"(?:GRID |NVIDIA )?(\S+-\d+(?:-\d+)?[A-Z](?:ME)?)$")


def number(raw: Any) -> int | None:
    """Return a count or size; NVML's "not available" values are none."""
    if type(raw) is not int or raw < 0 or raw in _NOT_AVAILABLE:
        return None
    return raw


def positive(raw: Any) -> int | None:
    """Return a size or limit, which zero cannot be."""
    return number(raw) or None


def signed(raw: Any) -> float | None:
    """Return a temperature or a margin in degrees."""
    if type(raw) is not int or abs(raw) > _MAX_TEMPERATURE_C:
        return None
    return float(raw)


def temperature(raw: Any) -> float | None:
    """Return an absolute temperature in degrees; a limit of zero is none."""
    return signed(raw) or None


def watts(raw: Any) -> float | None:
    """Return watts of milliwatts."""
    milliwatts = number(raw)
    return None if milliwatts is None else milliwatts / 1000


def limit_watts(raw: Any) -> float | None:
    """Return a power limit in watts, which zero cannot be."""
    return watts(raw) or None


def mhz_of_khz(raw: Any) -> int | None:
    """Return MHz of kHz."""
    khz = positive(raw)
    return None if khz is None else khz // 1000 or None


def flag(raw: Any) -> bool | None:
    """Return a flag of 0 or 1."""
    return bool(raw) if type(raw) is int and raw in {0, 1} else None


def percent(raw: Any) -> int | None:
    """Return a percentage. Fans may turn faster than their nominal speed."""
    value = number(raw)
    return value if value is not None and value <= 200 else None


def text(raw: Any) -> str | None:
    """Return text that says something."""
    if not isinstance(raw, str):
        return None
    if raw.strip().lower() in _NO_TEXT:
        raise NoSuchValueError
    return raw.strip()


def one_of(names: dict[int, str]) -> Callable[[Any], str | None]:
    """Return a converter from a code to its name."""
    return lambda raw: names.get(raw) if type(raw) is int else None


def item(place: int | str, convert: Callable[[Any], T | None]) -> Callable[[Any], T | None]:
    """Return a converter of one member of a list or struct."""
    return lambda raw: convert(raw[place])


def performance_state(raw: Any) -> int | None:
    """Return 0 to 15; 32 means unknown."""
    if raw == _UNKNOWN_STATE:
        raise NoSuchValueError
    return raw if type(raw) is int and 0 <= raw <= 15 else None


def pcie_generation(raw: Any) -> int | None:
    """Return a PCIe generation."""
    return raw if type(raw) is int and 1 <= raw <= 9 else None


def pcie_width(raw: Any) -> int | None:
    """Return a number of lanes, from NVML's number or sysfs's text."""
    lanes = int(raw) if isinstance(raw, str) and raw.isdigit() else raw
    return lanes if type(lanes) is int and lanes in {1, 2, 4, 8, 12, 16, 32} else None


def pcie_speed_generation(raw: Any) -> int | None:
    """Return the generation of sysfs's ``32.0 GT/s PCIe``."""
    return PCIE_GENERATIONS.get(float(raw.split()[0]))


def capability(raw: Any) -> str | None:
    """Return ``9.0`` of [9, 0]."""
    major, minor = raw
    return f"{positive(major)}.{number(minor)}" if positive(major) and number(minor) is not None else None


def reasons(raw: Any) -> tuple[str, ...] | None:
    """Return the names of a mask's bits; a bit without a name keeps its number."""
    if type(raw) is not int or raw < 0 or raw == 0xFFFFFFFFFFFFFFFF:
        return None
    bits = [1 << place for place in range(raw.bit_length()) if raw >> place & 1]
    return tuple(THROTTLE_REASONS.get(bit, f"bit-{bit:#x}") for bit in bits)


def pci_id(raw: Any) -> str | None:
    """Return ``10de:2330`` of 0x233010de; the same of a subsystem, whose vendor is the low half too."""
    if raw == 0:
        raise NoSuchValueError
    value = positive(raw)
    return None if value is None else f"{value & 0xFFFF:04x}:{value >> 16 & 0xFFFF:04x}"


def nvidia_bus_id(raw: Any) -> str | None:
    """Return a PCI bus id in the fingerprint's form."""
    return bus_id(raw) if isinstance(raw, str) else None


def hex_digits(raw: Any) -> str | None:
    """Return ``2330`` of sysfs's ``0x2330``."""
    return raw[2:].lower() if isinstance(raw, str) and re.fullmatch(r"0x[0-9a-fA-F]{2,6}", raw) else None


def revision(raw: Any) -> str | None:
    """Return ``a1`` of ``0xa1``; ``0xff`` is what a device answers that is gone."""
    digits = hex_digits(raw)
    return None if digits == "ff" else digits


def node(raw: Any) -> int | None:
    """Return a NUMA node of sysfs's text; -1 says there is none."""
    if raw == "-1":
        raise NoSuchValueError
    return int(raw) if isinstance(raw, str) and raw.isdigit() else None


def uuid(raw: Any) -> str | None:
    """Return a UUID with its prefix, ``GPU-`` or ``MIG-``."""
    told = text(raw)
    return told if told and told.startswith(("GPU-", "MIG-")) and "?" not in told else None


def cuda_version(raw: Any) -> str | None:
    """Return ``13.0`` of 13000: 1000 times major plus 10 times minor."""
    value = positive(raw)
    return None if value is None else f"{value // 1000}.{value % 1000 // 10}"


def mig_profile(name: str) -> str:
    """Return the profile that a slice's name ends with, empty when it names none.

    >>> mig_profile("NVIDIA A100-SXM4-40GB MIG 1c.3g.20gb")
    '1c.3g.20gb'
    """
    found = _MIG_PROFILE.search(name)
    return found[1] if found else ""


def vgpu_type(name: str) -> str:
    """Return the vGPU type that a guest's device name is, empty when it is none.

    >>> vgpu_type("GRID A100-10C"), vgpu_type("NVIDIA H100 PCIe")
    ('A100-10C', '')
    """
    found = _VGPU_TYPE.search(name)
    return found[1] if found else ""


def kernel_module_version(raw: Any) -> str | None:
    """Return ``580.95.05`` of the first line of ``/proc/driver/nvidia/version``, open module or not."""
    found = re.search(r"Kernel Module(?: for \S+)?\s+(\d+\.\d+(?:\.\d+)?)\b", raw)
    return found[1] if found else None


def bytes_of_mib(raw: Any) -> int | None:
    """Return bytes of MiB, which NVML calls MB."""
    mib = positive(raw)
    return None if mib is None else mib * 1024 * 1024


def length(raw: Any) -> int | None:
    """Return how many entries a list has."""
    return len(raw) if isinstance(raw, list) else None


def processes(raw: Any) -> list[tuple[int, int | None]] | None:
    """Return process ids and used bytes, None where the driver does not say. One entry that is none spoils the list."""
    pairs = [(number(entry["pid"]), number(entry.get("usedGpuMemory"))) for entry in raw]
    whole = [(pid, used) for pid, used in pairs if pid is not None]
    return whole if isinstance(raw, list) and len(whole) == len(pairs) else None


# nvmlGpuFabricInfo healthMask: shift of each two-bit field whose value 1 means trouble.
_FABRIC_TROUBLE = (0, 2, 4, 6)  # degraded bandwidth, route recovery, route unhealthy, access timeout recovery
_FABRIC_COMPLETED = 3


def fabric_healthy(raw: Any) -> bool | None:
    """Return whether the NVLink fabric is healthy, once its registration is complete.

    The summary of driver 575 and later decides; before that, no trouble bit set and at least one answered.
    """
    if raw["state"] != _FABRIC_COMPLETED:
        raise NoSuchValueError
    if number(raw["status"]):
        return False
    summary = raw.get("healthSummary")
    if summary:
        return bool(summary == 1)
    bits = [raw["healthMask"] >> shift & 3 for shift in _FABRIC_TROUBLE]
    if not any(bits):
        raise NoSuchValueError
    return 1 not in bits


def power_profiles(raw: Any) -> str | None:
    """Return the enforced workload power profiles, ``none`` without one; a profile without a name keeps its number."""
    words = raw["enforcedProfilesMask"]["mask"]
    bits = [32 * place + bit for place, word in enumerate(words) for bit in range(32) if word >> bit & 1]
    return ",".join(POWER_PROFILES[bit] if bit < len(POWER_PROFILES) else str(bit) for bit in bits) or "none"
