"""Knows which field of a device each key of amd-smi fills, in the layouts of ROCm 5.7 to 7.x.

Text and JSON outputs hold the same keys, so both become one nested dict of lower-case keys first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.readers import value as v
from parity.readers.draft import DeviceDraft

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.readers.draft import ReportDraft

TOOL = "amd-smi"

_MODES = re.compile(r"SPX|DPX|TPX|QPX|CPX")


def _capped(printed: str) -> int | None:
    """AMD prints 4294967295 for "unknown"."""
    number = v.positive(printed)
    return number if number is not None and number < 0xFFFF else None


# block, field, converter, key paths below the GPU; the first path that is there wins.
_FIELDS: tuple[tuple[str, str, Callable[[str], Any], tuple[str, ...]], ...] = (
    ("locator", "pci_bus_id", v.bus_id, ("bdf", "gpu_bdf", "bus/bdf")),
    ("identity", "name", v.amd_name, ("asic/market_name", "board/product_name")),
    ("identity", "pci_revision", v.revision, ("asic/rev_id",)),
    ("identity", "gfx_target", v.gfx_target, ("asic/target_graphics_version",)),
    ("identity", "cu_count", _capped, ("asic/num_compute_units", "asic/num_of_compute_units")),
    ("identity", "board_part_number", v.text, ("board/model_number",)),
    (
        "identity",
        "memory_bytes",
        v.size_over_zero,
        ("vram/size", "vram/vram_size_mb", "vram/vram_size", "mem_usage/total_vram"),
    ),
    ("identity", "memory_type", v.text, ("vram/type", "vram/vram_type")),
    ("identity", "memory_bus_width_bits", v.positive, ("vram/bit_width", "vram/vram_bit_width")),
    (
        "identity",
        "memory_bandwidth_gbps",
        v.watts_over_zero,
        ("vram/max_bandwidth", "vram/vram_max_bandwidth"),
    ),
    ("identity", "memory_clock_mhz", v.positive, ("clock/mem_0/max_clk", "clock/mem/max_clk")),
    ("identity", "clock_boost_mhz", v.positive, ("clock/gfx_0/max_clk", "clock/gfx/max_clk")),
    (
        "identity",
        "power_max_w",
        v.watts_over_zero,
        ("limit/max_power", "limit/max_power_limit", "limit/ppt0/max_power_limit"),
    ),
    (
        "identity",
        "power_min_w",
        v.number,
        ("limit/min_power", "limit/min_power_limit", "limit/ppt0/min_power_limit"),
    ),
    ("identity", "pcie_width", v.positive, ("bus/max_pcie_width", "bus/max_pcie_lanes")),
    (
        "identity",
        "pcie_generation",
        v.gigatransfers_generation,
        ("bus/max_pcie_speed", "bus/pcie_interface_version"),
    ),
    ("identity", "vbios_version", v.text, ("vbios/version", "ifwi/version")),
    (
        "conditions",
        "power_limit_w",
        v.watts_over_zero,
        (
            "limit/socket_power",
            "limit/current_power",
            "limit/socket_power_limit",
            "limit/ppt0/socket_power_limit",
            "power/power_limit",
        ),
    ),
    (
        "conditions",
        "power_draw_w",
        v.number,
        (
            "power/socket_power",
            "power/current_power",
            "power/current_socket_power",
            "power/average_socket_power",
        ),
    ),
    (
        "conditions",
        "clock_sm_mhz",
        v.integer,
        ("clock/gfx_0/clk", "clock/gfx_0/cur_clk", "clock/gfx/cur_clk"),
    ),
    (
        "conditions",
        "clock_memory_mhz",
        v.integer,
        ("clock/mem_0/clk", "clock/mem_0/cur_clk", "clock/mem/cur_clk"),
    ),
    ("conditions", "temperature_c", v.number, ("temperature/hotspot", "temperature/hotspot_temperature")),
    ("conditions", "temperature_memory_c", v.number, ("temperature/mem", "temperature/mem_temperature")),
    ("conditions", "temperature_slowdown_c", v.number, ("limit/slowdown_hotspot_temperature",)),
    ("conditions", "fan_percent", v.integer, ("fan/usage",)),
    ("conditions", "memory_used_bytes", v.size_bytes, ("mem_usage/used_vram", "vram/used_vram")),
    ("conditions", "memory_free_bytes", v.size_bytes, ("mem_usage/free_vram",)),
    ("conditions", "utilization_gpu_percent", v.integer, ("usage/gfx_activity", "usage/gfx_usage")),
    ("conditions", "utilization_memory_percent", v.integer, ("usage/umc_activity", "usage/mem_usage")),
    ("conditions", "performance_level", v.performance_level, ("perf_level",)),
    (
        "conditions",
        "ecc_corrected",
        v.integer,
        ("ecc/total_correctable_count", "ecc/total_correctable", "ecc/correctable"),
    ),
    (
        "conditions",
        "ecc_uncorrected",
        v.integer,
        ("ecc/total_uncorrectable_count", "ecc/total_uncorrectable", "ecc/uncorrectable"),
    ),
    ("conditions", "pcie_width_now", v.integer, ("pcie/width", "pcie/current_width", "pcie/current_lanes")),
    ("conditions", "pcie_generation_now", v.gigatransfers_generation, ("pcie/speed", "pcie/current_speed")),
    ("conditions", "pcie_replays", v.integer, ("pcie/replay_count",)),
    ("conditions", "energy_mj", v.millijoule, ("energy/total_energy_consumption",)),
    ("conditions", "numa_node", v.integer, ("numa/node",)),
)


def read_gpu(node: dict[str, Any]) -> DeviceDraft:
    """Return the draft of one GPU.

    Args:
        node: keys of ``amd-smi list``, ``static`` and ``metric`` in lower case.
    """
    device = DeviceDraft(vendor="amd", source=TOOL)
    blocks = {"locator": device.locate, "identity": device.identify, "conditions": device.condition}
    for block, field, convert, paths in _FIELDS:
        for path in paths:
            blocks[block](field, v.observe(at(node, path), convert, f"{TOOL}: {path}"))
    device.locate("uuid", _private(node, "uuid", "gpu_uuid"))
    device.locate("serial", _private(node, "asic/asic_serial", "board/product_serial"))
    _fill_pci_ids(device, node)
    _fill_caches(device, node)
    _fill_throttle(device, node)
    _fill_partition(device, node)
    return device


def at(node: Any, path: str) -> object:
    """Return the printable value at a key path, None when there is none."""
    for key in path.split("/"):
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return v.scalar(node)


def read_driver(report: ReportDraft, node: dict[str, Any]) -> None:
    """Keep the kernel driver's version."""
    for path in ("driver/version", "driver/driver_version"):
        report.component("driver", v.observe(at(node, path), v.text, f"{TOOL}: {path}"))
    report.machine(
        "kernel", v.observe(at(node, "driver/os_kernel_version"), v.text, f"{TOOL}: driver/os_kernel_version")
    )


def _private(node: dict[str, Any], *paths: str) -> Reading[str] | Absent:
    for path in paths:
        printed = at(node, path)
        if printed is not None:
            return v.masked_or(printed, f"{TOOL}: {path}")
    return NOT_ASKED


def _fill_pci_ids(device: DeviceDraft, node: dict[str, Any]) -> None:
    vendor, part = at(node, "asic/vendor_id"), at(node, "asic/device_id")
    if part is not None:
        printed = f"{vendor or '0x1002'} {part}"
        device.identify("pci_device_id", v.observe(printed, _pair, f"{TOOL}: asic/device_id"))
    subvendor, subsystem = at(node, "asic/subvendor_id"), at(node, "asic/subsystem_id")
    if subvendor is not None and subsystem is not None:
        device.identify("pci_subsystem_id", v.observe(f"{subvendor} {subsystem}", _pair, f"{TOOL}: asic/subsystem_id"))


def _pair(printed: str) -> str | None:
    words = [v.hex_word(word) for word in printed.split()]
    if len(words) != 2 or None in words or words[0] == "0000":
        return None
    return f"{words[0]}:{words[1]}"


def _fill_caches(device: DeviceDraft, node: dict[str, Any]) -> None:
    """Keep L3 (Infinity Cache). L2 is left out: on multi-die parts the tool prints one die's."""
    caches = node.get("cache_info", node.get("cache"))
    each = caches.values() if isinstance(caches, dict) else caches if isinstance(caches, list) else ()
    for cache in each:
        if isinstance(cache, dict) and str(v.scalar(cache.get("cache_level"))) == "3":
            size = v.scalar(cache.get("cache_size"))
            device.identify("infinity_cache_bytes", v.observe(size, _kibibytes, f"{TOOL}: cache_info"))


def _kibibytes(printed: str) -> int | None:
    return v.size_bytes(printed, unit=1024) or None


def _fill_throttle(device: DeviceDraft, node: dict[str, Any]) -> None:
    printed = at(node, "power/throttle_status")
    if printed is None:
        return
    source = f"{TOOL}: power/throttle_status"
    state = str(printed).strip().lower()
    if v.why_absent(state):
        device.condition("throttle_reasons", v.observe(printed, v.text, source))
    else:
        reasons = () if state == "unthrottled" else (state,)
        device.condition("throttle_reasons", Reading(value=reasons, source=source))


def _fill_partition(device: DeviceDraft, node: dict[str, Any]) -> None:
    """Keep compute and memory partition; only the first partition of a GPU is told its mode."""
    source = f"{TOOL}: partition"
    compute = at(node, "partition/compute_partition") or at(node, "partition/accelerator_partition")
    memory = at(node, "partition/memory_partition")
    device.condition("compute_partition", v.observe(compute, v.text, source))
    device.condition("memory_partition", v.observe(memory, v.text, source))
    fill_partition(device, str(compute or ""), str(memory or ""), source)


def fill_partition(device: DeviceDraft, compute: str, memory: str, source: str) -> None:
    """Say whole (SPX) or sliced from AMD's partition modes; without a known mode nothing is said."""
    mode = _MODES.fullmatch(compute.strip().upper())
    if mode is None:
        return
    nps = memory.strip().upper()
    whole = mode.group() == "SPX"
    device.partition(
        "none" if whole else "compute",
        source,
        profile="" if whole else mode.group(),
        memory_mode=nps if re.fullmatch(r"NPS[1248]", nps) else "",
    )
