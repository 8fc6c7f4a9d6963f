"""Knows what an AMD device is, from joined answers: architecture, units, memory, caches, power range, PCIe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.device import DeviceIdentity, Flag, Int, Locator, Text
from parity.model.partition import Partition
from parity.probes.amd_convert import (
    chain_generation,
    chain_width,
    compute_mode,
    generation,
    gfx_target,
    gfx_text,
    highest_clock,
    links_present,
    marketing_name,
    memory_mode,
    memory_type,
    rocm_uuid,
)
from parity.probes.amd_pci import pci_id, pci_revision
from parity.probes.fields import convert_one, first, positive, scaled, source_of, take, text, watts, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.probes.amd_gpus import Gpu
    from parity.probes.supervise import Survey

_XGMI = 11  # KFD io_link type (kfd_crat.h: CRAT_IOLINK_TYPE_XGMI)
_VIDEO_MEMORY = (1, 2)  # KFD heap types: public and private frame buffer
# LLVM "User Guide for AMDGPU Backend", processors of APUs; MI300A shares gfx942 and is told by its device id.
_APU_TARGETS = frozenset(
    [
        "gfx902",
        "gfx909",
        "gfx90c",
        "gfx1013",
        "gfx1033",
        "gfx1035",
        "gfx1036",
        "gfx1037",
        "gfx1103",
        "gfx1150",
        "gfx1151",
        "gfx1152",
        "gfx1153",
    ]
)
_HBM3E_DEVICES = frozenset({"74a5"})  # MI325X
_APU_DEVICES = frozenset({"74a0"})
_PARTITIONABLE = ("gfx94", "gfx95")
_PACKAGE = "the driver tells it of the whole package only"


def identity(survey: Survey, gpu: Gpu) -> DeviceIdentity:
    """Return what the device is; on a compute partition, the partition's own numbers."""
    partition = partition_of(survey, gpu)
    sliced = isinstance(partition, Reading) and partition.value.kind == "compute"
    smi, drm = _keys(gpu)
    target = first(
        _kfd(gpu, "gfx_target_version", gfx_target),
        take(survey, smi("amdsmi_get_gpu_asic_info"), gfx_text, "target_graphics_version"),
    )
    cap = smi("amdsmi_get_power_cap_info")
    device_id = pci_id(survey, gpu, "vendor", "device")
    found: dict[str, Any] = {
        "vendor": Reading(value="amd", source="pci:vendor"),
        "name": first(
            take(survey, smi("amdsmi_get_gpu_asic_info"), marketing_name, "market_name"),
            take(survey, drm("product_name"), marketing_name),
            take(survey, drm("amdgpu.ids"), marketing_name),
        ),
        "pci_device_id": device_id,
        "pci_subsystem_id": pci_id(survey, gpu, "subsystem_vendor", "subsystem_device"),
        "pci_revision": pci_revision(survey, gpu),
        "gfx_target": target,
        "partition": partition,
        "board_part_number": first(
            take(survey, drm("product_number"), text),
            take(survey, smi("amdsmi_get_gpu_board_info"), text, "model_number"),
        ),
        "cu_count": _cu_count(survey, gpu, sliced=sliced),
        "xcd_count": _kfd(gpu, "num_xcc", positive),
        "warp_size": _kfd(gpu, "wave_front_size", positive),
        "memory_bytes": memory_bytes(survey, gpu, sliced=sliced),
        "memory_type": _memory_type(take(survey, smi("vram_type"), memory_type), target, device_id),
        "memory_bus_width_bits": _whole_only(_bus_width(survey, gpu), sliced=sliced),
        "memory_clock_mhz": first(
            _bank(survey, gpu, "mem_clk_max"),
            take(survey, drm("pp_dpm_mclk"), highest_clock),
            take(survey, smi("amdsmi_get_clock_info.MEM"), positive, "max_clk"),
        ),
        "memory_bandwidth_gbps": _whole_only(
            take(survey, smi("amdsmi_get_gpu_vram_info"), scaled(1.0, least=10, most=100_000), "vram_max_bandwidth"),
            sliced=sliced,
        ),
        "l2_bytes": _cache(survey, gpu, 2),
        "infinity_cache_bytes": _cache(survey, gpu, 3),
        "shared_memory_per_sm_bytes": _kfd(gpu, "lds_size_in_kb", lambda raw: (positive(raw) or 0) * 1024 or None),
        "clock_boost_mhz": first(
            _kfd(gpu, "max_engine_clk_fcompute", positive),
            take(survey, drm("pp_dpm_sclk"), highest_clock),
            take(survey, smi("amdsmi_get_clock_info.GFX"), positive, "max_clk"),
        ),
        "power_default_w": _whole_only(
            first(take(survey, drm("hwmon/power1_cap_default"), watts), take(survey, cap, watts, "default_power_cap")),
            sliced=sliced,
        ),
        "power_min_w": _whole_only(
            first(take(survey, drm("hwmon/power1_cap_min"), watts), take(survey, cap, watts, "min_power_cap")),
            sliced=sliced,
        ),
        "power_max_w": _whole_only(
            first(take(survey, drm("hwmon/power1_cap_max"), watts), take(survey, cap, watts, "max_power_cap")),
            sliced=sliced,
        ),
        "link_type": _link_type(survey, gpu),
        "link_count": take(survey, smi("amdsmi_get_gpu_xgmi_link_status"), links_present),
        "pcie_generation": first(
            take(survey, drm("links"), lambda raw: chain_generation(raw, "max_link_speed")),
            take(survey, smi("amdsmi_get_pcie_info"), positive, "pcie_static.pcie_interface_version"),
        ),
        "pcie_generation_device": take(survey, drm("max_link_speed"), generation),
        "pcie_width": first(
            take(survey, drm("links"), lambda raw: chain_width(raw, "max_link_width")),
            take(survey, smi("amdsmi_get_pcie_info"), positive, "pcie_static.max_pcie_width"),
        ),
        "bar1_bytes": take(survey, drm("mem_info_vis_vram_total"), positive),
        "vbios_version": first(
            take(survey, drm("vbios_version"), text),
            take(survey, smi("amdsmi_get_gpu_vbios_info"), text, "version"),
        ),
    }
    unified = _unified(target, device_id)
    return DeviceIdentity(**found, integrated=unified, memory_unified=unified)


def locator(survey: Survey, gpu: Gpu, index: int) -> Locator:
    """Return how to find the device: bus id with an eight-digit domain, ROCm's ``GPU-<unique_id>``, board serial."""
    smi, drm = _keys(gpu)
    serial = first(
        take(survey, drm("serial_number"), text), take(survey, smi("amdsmi_get_gpu_board_info"), text, "product_serial")
    )
    bus: Text = NOT_ASKED
    if gpu.bdf:
        domain, _, rest = gpu.bdf.partition(":")
        said = "kfd:properties.location_id" if gpu.node is not None else "drm:card"
        bus = Reading(value=f"{domain:0>8}:{rest}", source=said)
    uuid = first(_kfd(gpu, "unique_id", rocm_uuid), take(survey, drm("unique_id"), lambda raw: rocm_uuid(int(raw, 16))))
    return Locator(index=index, uuid=uuid, serial=serial, pci_bus_id=bus)


def partition_of(survey: Survey, gpu: Gpu) -> Reading[Partition] | Absent:
    """Return whether the device is whole, or which compute partition of its package.

    The mode file is the driver's word. A chip of a family that has no partitions lacks the file and is whole; an MI300
    without it stays undecided. Several KFD nodes on one bus id are partitions whatever the file says.
    By hand: ``cat /sys/class/drm/card*/device/current_compute_partition``
    """
    smi, drm = _keys(gpu)
    mode = first(
        take(survey, drm("current_compute_partition"), compute_mode),
        take(survey, smi("amdsmi_get_gpu_compute_partition"), compute_mode),
    )
    memory = first(
        take(survey, drm("current_memory_partition"), memory_mode),
        take(survey, smi("amdsmi_get_gpu_memory_partition"), memory_mode),
    )
    layout = memory.value if isinstance(memory, Reading) else ""
    if isinstance(mode, Reading):
        split = mode.value != "SPX" or gpu.siblings > 1
        profile = mode.value if mode.value != "SPX" else ""
        kind = "compute" if split else "none"
        return Reading(value=Partition(kind=kind, profile=profile, memory_mode=layout), source=mode.source)
    if gpu.siblings > 1 or gpu.partition_id:
        return Reading(value=Partition(kind="compute", memory_mode=layout), source="kfd:properties.location_id")
    missing = survey.reasons.get(drm("current_compute_partition"), ("", ""))[0]
    target = gfx_target(gpu.properties.get("gfx_target_version"))
    if gpu.drm and missing == "not_supported" and target is not None and not target.startswith(_PARTITIONABLE):
        return Reading(value=Partition(kind="none"), source="drm:current_compute_partition (no such file)")
    return mode


def memory_bytes(survey: Survey, gpu: Gpu, *, sliced: bool) -> Int:
    """Return total video memory: the package's, or the KFD bank of a partition."""
    smi, drm = _keys(gpu)
    bank = _bank_total(survey, gpu)
    if sliced:
        return bank
    return first(
        take(survey, drm("mem_info_vram_total"), positive),
        bank,
        take(
            survey, smi("amdsmi_get_gpu_vram_info"), lambda raw: (positive(raw) or 0) * 1024 * 1024 or None, "vram_size"
        ),
        take(
            survey,
            smi("amdsmi_get_gpu_vram_info"),
            lambda raw: (positive(raw) or 0) * 1024 * 1024 or None,
            "vram_size_mb",
        ),
    )


def _keys(gpu: Gpu) -> tuple[Callable[[str], str], Callable[[str], str]]:
    """Return what makes the keys of amdsmi's and of DRM's answers about this device."""
    index = "none" if gpu.amdsmi is None else gpu.amdsmi
    return lambda call: f"amdsmi:{index}:{call}", lambda name: f"drm:{gpu.bdf}:{name}"


def _kfd(gpu: Gpu, name: str, convert: Callable[[Any], Any]) -> Any:
    if gpu.node is None:
        return NOT_ASKED
    source = source_of(f"kfd:{gpu.node}:properties", name)
    if name not in gpu.properties:
        return Absent(why="not_supported", source=source, detail="this kernel does not tell it")
    return convert_one(gpu.properties[name], source, convert)


def _cu_count(survey: Survey, gpu: Gpu, *, sliced: bool) -> Int:
    def divide(simds: Any) -> int | None:
        each, total = positive(gpu.properties.get("simd_per_cu")), positive(simds)
        return total // each if each and total and total % each == 0 else None

    smi, _ = _keys(gpu)
    told: Int = _kfd(gpu, "simd_count", divide)
    if sliced:  # amdsmi counts the whole package on some releases
        return told
    return first(told, take(survey, smi("amdsmi_get_gpu_asic_info"), positive, "num_compute_units"))


def _banks(survey: Survey, gpu: Gpu) -> list[dict[str, Any]]:
    raw = survey.values.get(f"kfd:{gpu.node}:mem_banks")
    return [bank for bank in raw if isinstance(bank, dict)] if isinstance(raw, list) else []


def _bank_total(survey: Survey, gpu: Gpu) -> Int:
    def total(banks: Any) -> int | None:
        return (
            sum(positive(bank.get("size_in_bytes")) or 0 for bank in banks if bank.get("heap_type") in _VIDEO_MEMORY)
            or None
        )

    return take(survey, f"kfd:{gpu.node}:mem_banks", total) if gpu.node is not None else NOT_ASKED


def _bank(survey: Survey, gpu: Gpu, name: str) -> Int:
    """Return a property that all banks of video memory share."""
    if gpu.node is None:
        return NOT_ASKED
    found = {positive(bank.get(name)) for bank in _banks(survey, gpu) if bank.get("heap_type") in _VIDEO_MEMORY}
    source = source_of(f"kfd:{gpu.node}:mem_banks", name)
    if len(found) == 1 and (value := found.pop()) is not None:
        return convert_one(value, source, positive)
    return Absent(why="not_supported", source=source, detail="no bank of video memory tells it")


def _bus_width(survey: Survey, gpu: Gpu) -> Int:
    smi, _ = _keys(gpu)
    plausible = lambda raw: width if (width := positive(raw)) and width <= 65536 else None  # noqa: E731
    kfd = _bank(survey, gpu, "width")
    told = convert_one(kfd.value, kfd.source, plausible) if isinstance(kfd, Reading) else kfd
    return first(told, take(survey, smi("amdsmi_get_gpu_vram_info"), plausible, "vram_bit_width"))


def _whole_only(observed: Any, *, sliced: bool) -> Any:
    """Return a reading of the package only where the device is the whole package."""
    if sliced and isinstance(observed, Reading):
        return Absent(why="not_supported", source=observed.source, detail=_PACKAGE)
    return observed


def _memory_type(told: Text, target: Text, device: Text) -> Text:
    """Return the memory type, but not ``HBM3`` for parts with HBM3e: amdsmi 7.0.2 has no word for it."""
    value = told.value if isinstance(told, Reading) else ""
    on_hbm3e = (isinstance(target, Reading) and target.value == "gfx950") or (
        isinstance(device, Reading) and device.value.partition(":")[2] in _HBM3E_DEVICES
    )
    if value == "HBM3" and on_hbm3e:
        return Absent(why="not_supported", source=told.source, detail="says HBM3 for HBM3e too")
    return told


def _cache(survey: Survey, gpu: Gpu, level: int) -> Int:
    """Return the size of one cache of a level in bytes; KFD speaks KiB. By hand: ``rocminfo`` "Cache Info"."""
    if gpu.node is None:
        return NOT_ASKED
    owner = survey.values.get(f"kfd:{gpu.node}:caches_as", gpu.node)

    def size(caches: Any) -> int | None:
        sizes = [positive(cache.get("size")) or 0 for cache in caches if cache.get("level") == level]
        return max(sizes, default=0) * 1024 or None

    observed = take(survey, f"kfd:{owner}:caches", size)
    if (
        isinstance(observed, Absent)
        and observed.why == "failed"
        and isinstance(survey.values.get(f"kfd:{owner}:caches"), list)
    ):
        return Absent(why="not_supported", source=observed.source, detail=f"no cache of level {level} is told")
    return observed


def _link_type(survey: Survey, gpu: Gpu) -> Text:
    """Return ``xgmi`` or ``none``: a link of KFD type 11 to another node, or membership in a hive."""
    hive = whole(gpu.properties.get("hive_id"))

    def kind(links: Any) -> str | None:
        types = [whole(link.get("type")) for link in links]
        if _XGMI in types or hive:
            return "xgmi"
        return None if None in types or not types else "none"

    return take(survey, f"kfd:{gpu.node}:io_links", kind) if gpu.node is not None else NOT_ASKED


def _unified(target: Text, device: Text) -> Flag:
    """Return True for an APU. A discrete board is not claimed: no file says it."""
    if isinstance(target, Reading) and target.value in _APU_TARGETS:
        return Reading(value=True, source=f"{target.source} {target.value}")
    if isinstance(device, Reading) and device.value.partition(":")[2] in _APU_DEVICES:
        return Reading(value=True, source=f"{device.source} {device.value}")
    return NOT_ASKED
