"""Knows what the kernel itself tells about AMD GPUs: KFD topology, DRM device files, PCI configuration.

Runs in the probe child before any vendor library, because it is the only source that neither crashes nor drifts. Files
are asked one by one, as they are; ``amd_decode`` gives them a meaning.

By hand: ``cat /sys/class/kfd/kfd/topology/nodes/*/properties``, ``ls /sys/class/drm/card*/device/``.
"""

# pathlib takes 9 ms to import; the whole child takes 40.
# ruff: noqa: PTH110, PTH113, PTH120, PTH123
from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from parity.probes.small_files import Tree, properties, reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.probes.ask import Ask

AMD = "0x1002"
_KFD = "/sys/class/kfd/kfd"
_NODES = f"{_KFD}/topology/nodes"
_LINK_KEYS = ("type", "node_to", "weight", "min_bandwidth", "max_bandwidth")
_CACHE_KEYS = ("level", "size", "type", "sibling_map")
_BANK_KEYS = ("heap_type", "size_in_bytes", "width", "mem_clk_max")
MAX_CACHES_READ = 96  # level 1 caches of 304 CUs come first; levels 2 and 3 are the last entries
MAX_PROCESSES = 256

# Files of /sys/class/drm/card*/device that say what the board is; reading them touches no hardware clock.
_STATIC = (
    "vendor",
    "device",
    "subsystem_vendor",
    "subsystem_device",
    "revision",
    "class",
    "numa_node",
    "unique_id",
    "vbios_version",
    "product_name",
    "product_number",
    "serial_number",
    "board_info",
    "mem_info_vram_total",
    "mem_info_vis_vram_total",
    "mem_info_vram_vendor",
    "current_compute_partition",
    "current_memory_partition",
    "available_compute_partition",
    "max_link_speed",
    "max_link_width",
    "current_link_speed",
    "current_link_width",
)
# Files that ask the running GPU; they would wake a suspended one.
_LIVE = (
    "mem_info_vram_used",
    "pp_dpm_sclk",
    "pp_dpm_mclk",
    "gpu_busy_percent",
    "mem_busy_percent",
    "power_dpm_force_performance_level",
    "pp_power_profile_mode",
    "pcie_replay_count",
    "ras/features",
    "ras/umc_err_count",
)
_HWMON = re.compile(r"^(power1_(cap|cap_default|cap_min|cap_max|average|input)|temp[123]_(input|label|crit)|fan1_\w+)$")


def survey(ask: Ask, tree: Tree) -> bool:
    """Ask the kernel about every AMD GPU; return whether there is any sign of one."""
    seen = _pci(ask, tree)
    ask("amdgpu:version", tree.text, "/sys/module/amdgpu/version", classify=reason)
    ask("amdgpu:loaded", tree.exists, "/sys/module/amdgpu", classify=reason)
    ask("amdgpu:kernel", tree.text, "/proc/sys/kernel/osrelease", classify=reason)
    seen = _kfd(ask, tree) or seen
    return _drm(ask, tree) or seen


def _pci(ask: Ask, tree: Tree) -> bool:
    """List AMD display and accelerator functions. By hand: ``lspci -nn -d 1002:``."""
    found = ask("pci:devices", _pci_devices, tree, classify=reason)
    return bool(found)


def _pci_devices(tree: Tree) -> list[dict[str, str]]:
    found = []
    folder = "/sys/bus/pci/devices"
    for bdf in tree.names(folder):
        if tree.text_or_none(f"{folder}/{bdf}/vendor") != AMD:
            continue
        kind = tree.text_or_none(f"{folder}/{bdf}/class") or ""
        if not kind.startswith(("0x03", "0x1200")):  # display controller, processing accelerator
            continue
        device = {"bdf": bdf, "class": kind, "driver": tree.target(f"{folder}/{bdf}/driver") or ""}
        for name in ("device", "subsystem_vendor", "subsystem_device", "revision", "numa_node"):
            device[name] = tree.text_or_none(f"{folder}/{bdf}/{name}") or ""
        found.append(device)
    return found


def _kfd(ask: Ask, tree: Tree) -> bool:
    numbers = ask("kfd:nodes", tree.names, _NODES, classify=reason)
    ask("kfd:device_file", _access, tree, "/dev/kfd", classify=reason)
    seen = False
    caches_of: dict[tuple[Any, ...], int] = {}
    for number in numbers or ():
        if not number.isdecimal():
            continue
        node = f"{_NODES}/{number}"
        known = ask(f"kfd:{number}:properties", _properties, tree, f"{node}/properties", classify=reason)
        if known is None:
            seen = True  # CPU nodes are readable by everybody: a refused one is a GPU
            ask(f"kfd:{number}:gpu_id", tree.text, f"{node}/gpu_id", classify=reason)
            continue
        if not known.get("simd_count"):
            continue
        seen = True
        for name in ("gpu_id", "name"):
            ask(f"kfd:{number}:{name}", tree.text, f"{node}/{name}", classify=reason)
        ask(f"kfd:{number}:mem_banks", _entries, tree, f"{node}/mem_banks", _BANK_KEYS, classify=reason)
        for kind in ("io_links", "p2p_links"):
            ask(f"kfd:{number}:{kind}", _entries, tree, f"{node}/{kind}", _LINK_KEYS, classify=reason)
        twin = (known.get("gfx_target_version"), known.get("simd_count"), known.get("device_id"))
        if twin in caches_of:  # hundreds of files each: equal nodes are read once
            ask.told(f"kfd:{number}:caches_as", caches_of[twin])
        else:
            caches_of[twin] = int(number)
            ask(f"kfd:{number}:caches", _shared_caches, tree, f"{node}/caches", classify=reason)
        minor = known.get("drm_render_minor")
        if minor:
            ask(f"kfd:{number}:render_node", _access, tree, f"/dev/dri/renderD{minor}", classify=reason)
    if seen:
        ask("kfd:processes", _processes, tree, classify=reason)
    return seen


def _properties(tree: Tree, path: str) -> dict[str, int | str]:
    return properties(tree.text(path))


def _entries(tree: Tree, folder: str, keys: tuple[str, ...]) -> list[dict[str, int | str]]:
    """Return chosen lines of ``<folder>/<number>/properties``, in numeric order."""
    found = []
    for name in tree.names(folder):
        text = tree.text_or_none(f"{folder}/{name}/properties")
        if text is not None:
            known = properties(text)
            found.append({key: known[key] for key in keys if key in known})
    return found


def _shared_caches(tree: Tree, folder: str) -> list[dict[str, int | str]]:
    """Return the caches above level 1, which the kernel lists last."""
    found = []
    for name in list(reversed(tree.names(folder)))[:MAX_CACHES_READ]:
        known = properties(tree.text_or_none(f"{folder}/{name}/properties") or "")
        if known.get("level") == 1:
            break
        found.append({key: known[key] for key in _CACHE_KEYS if key in known})
    return found


def _access(tree: Tree, path: str) -> dict[str, bool]:
    """Return whether a device file is there and may be opened for reading and writing."""
    real = tree.at(path)
    return {"exists": os.path.exists(real), "permitted": os.access(real, os.R_OK | os.W_OK)}


def _processes(tree: Tree) -> list[dict[str, Any]]:
    """Return the processes that hold a KFD context: process id -> bytes of video memory per gpu_id.

    By hand: ``rocm-smi --showpids``.
    """
    found = []
    for pid in tree.names(f"{_KFD}/proc")[:MAX_PROCESSES]:
        if not pid.isdecimal():
            continue
        memory = {}
        for name in tree.names_or_empty(f"{_KFD}/proc/{pid}"):
            if name.startswith("vram_"):
                memory[name[5:]] = tree.text_or_none(f"{_KFD}/proc/{pid}/{name}") or ""
        found.append({"pid": pid, "vram": memory})
    return found


def _drm(ask: Ask, tree: Tree) -> bool:
    cards = ask("drm:cards", _cards, tree, classify=reason)
    for card, bdf in cards or ():
        _card(ask, tree, f"/sys/class/drm/{card}/device", bdf)
    return bool(cards)


def _cards(tree: Tree) -> list[tuple[str, str]]:
    """Return (card, PCI bus id) of every AMD card; the platform cards of partitions have no bus id and are left out."""
    found = []
    for card in tree.names("/sys/class/drm"):
        if not re.fullmatch(r"card\d+", card):
            continue
        device = f"/sys/class/drm/{card}/device"
        if tree.text_or_none(f"{device}/vendor") != AMD:
            continue
        bdf = tree.target(device) or ""
        slot = re.search(r"^PCI_SLOT_NAME=(\S+)$", tree.text_or_none(f"{device}/uevent") or "", re.MULTILINE)
        if slot:
            bdf = slot.group(1)
        if re.fullmatch(r"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]", bdf):
            found.append((card, bdf.lower()))
    return found


def _card(ask: Ask, tree: Tree, device: str, bdf: str) -> None:
    _files(ask, tree, device, bdf, _STATIC)
    ask(f"drm:{bdf}:links", _link_chain, tree, device, classify=reason)
    ask(f"drm:{bdf}:amdgpu.ids", _marketing_name, tree, device, classify=reason)
    if tree.text_or_none(f"{device}/power/runtime_status") == "suspended":
        ask.absent(f"drm:{bdf}:live", "not_asked", "the GPU is suspended; reading would wake it")
        return
    _files(ask, tree, device, bdf, _LIVE)
    for folder in tree.names_or_empty(f"{device}/hwmon"):
        names = [name for name in tree.names_or_empty(f"{device}/hwmon/{folder}") if _HWMON.match(name)]
        for name in names:
            ask(f"drm:{bdf}:hwmon/{name}", tree.text, f"{device}/hwmon/{folder}/{name}", classify=reason)


def _files(ask: Ask, tree: Tree, device: str, bdf: str, names: Iterable[str]) -> None:
    for name in names:
        ask(f"drm:{bdf}:{name}", tree.text, f"{device}/{name}", classify=reason)


def _link_chain(tree: Tree, device: str) -> list[dict[str, str]]:
    """Return the PCIe link of the device and of each bridge above it, the device first.

    A Radeon card carries bridges of its own, so its function's link is inside the package: the chain shows the slot.
    """
    found = []
    path = os.path.realpath(tree.at(device))
    for _ in range(8):
        names = ("max_link_speed", "max_link_width", "current_link_speed", "current_link_width")
        known = {name: text for name in names if (text := Tree("").text_or_none(f"{path}/{name}"))}
        if not known:
            break
        found.append(known)
        path = os.path.dirname(path)
    return found


def _marketing_name(tree: Tree, device: str) -> str:
    """Return libdrm's name of the board, from its table by device id and revision.

    Raises:
        FileNotFoundError: there is no table, or the board is not in it.
    """
    wanted = tuple(int(tree.text(f"{device}/{name}"), 16) for name in ("device", "revision"))
    for path in ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids"):
        real = tree.at(path)
        if not os.path.isfile(real):
            continue
        with open(real, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                parts = line.split(",", 2)
                if len(parts) == 3 and not line.startswith("#"):
                    try:
                        found = (int(parts[0], 16), int(parts[1], 16))
                    except ValueError:
                        continue
                    if found == wanted:
                        return parts[2].strip()
    raise FileNotFoundError(2, "not in the table", "amdgpu.ids")
