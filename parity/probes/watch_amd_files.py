"""Knows what the kernel's own files tell about an AMD GPU during a test, where amdsmi cannot be asked.

By hand: ``cat /sys/class/drm/card*/device/gpu_busy_percent``. The files carry no throttle counters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.probes.amd_sysfs import _cards
from parity.probes.small_files import reason
from parity.probes.watch_unit import Read, Unit

if TYPE_CHECKING:
    from parity.probes.ask import Ask
    from parity.probes.small_files import Tree
    from parity.probes.watch_unit import Answer

# File below the device -> series, factor, quick.
_FILES: tuple[tuple[str, str, float, bool], ...] = (
    ("pcie_replay_count", "pcie_replays", 1, True),
    ("gpu_busy_percent", "utilization_percent", 1, False),
    ("mem_busy_percent", "utilization_memory_percent", 1, False),
    ("mem_info_vram_used", "memory_used_bytes", 1, False),
)
_HWMON: tuple[tuple[str, str, float], ...] = (
    ("temp2_input", "temperature_c", 1e-3),
    ("temp3_input", "temperature_memory_c", 1e-3),
    ("power1_average", "power_draw_w", 1e-6),
    ("power1_input", "power_draw_w", 1e-6),
    ("power1_cap", "power_limit_w", 1e-6),
)
_CLOCKS = (("pp_dpm_sclk", "clock_graphics_mhz"), ("pp_dpm_mclk", "clock_memory_mhz"))
_NOW = re.compile(r"^\s*\S+:\s*(\d+)\s*[Mm][Hh]z\s*\*", re.MULTILINE)
_LEVELS = ("auto", "low", "high", "manual", "profile_standard", "profile_min_sclk", "profile_min_mclk", "profile_peak")


def file_units(ask: Ask, tree: Tree) -> list[Unit]:
    """Return a unit per AMD card of ``/sys/class/drm`` that is awake; reading a suspended one would wake it."""
    found = []
    for index, (card, bus) in enumerate(ask("drm:cards", _cards, tree, classify=reason) or ()):
        device = f"/sys/class/drm/{card}/device"
        if tree.text_or_none(f"{device}/power/runtime_status") == "suspended":
            continue
        facts = {"vendor": "amd", "index": index, "uuid": "", "name": "", "bus": bus}
        unit = Unit(id=f"drm:{bus}", facts=facts)
        for read in _reads(tree, device):
            answer = ask(f"{unit.id}:{read.name}", read.measure, plain=lambda _: True)
            unit.keep(read, answer)
        default = tree.text_or_none(_hwmon(tree, device) + "/power1_cap_default")
        if default and default.isdecimal():
            unit.fixed["power_default_w"] = int(default) * 1e-6
        found.append(unit)
    return found


def _hwmon(tree: Tree, device: str) -> str:
    folders = tree.names_or_empty(f"{device}/hwmon")
    return f"{device}/hwmon/{folders[0] if folders else ''}"


def _reads(tree: Tree, device: str) -> list[Read]:
    reads = [_number(tree, f"{device}/{file}", name, factor, quick=quick) for file, name, factor, quick in _FILES]
    hwmon = _hwmon(tree, device)
    given: set[str] = set()
    for file, name, factor in _HWMON:
        path = f"{hwmon}/{file}"
        if name not in given and tree.exists(path):
            given.add(name)
            reads.append(_number(tree, path, name, factor, quick=name == "temperature_c"))
    reads += [_clock(tree, f"{device}/{file}", name) for file, name in _CLOCKS]
    reads.append(_level(tree, f"{device}/power_dpm_force_performance_level"))
    return reads


def _number(tree: Tree, path: str, name: str, factor: float, *, quick: bool) -> Read:
    def ask_number() -> Answer:
        value = int(tree.text(path))
        return {name: value * factor if factor != 1 else value}

    return Read(path.rpartition("/")[2], (name,), ask_number, quick=quick, classify=reason)


def _clock(tree: Tree, path: str, name: str) -> Read:
    """Read the marked line of a clock table. By hand: ``cat .../pp_dpm_sclk``."""

    def ask_clock() -> Answer:
        found = _NOW.search(tree.text(path))
        return {name: int(found[1]) if found else ("not_supported", "no line is marked as the present one")}

    return Read(path.rpartition("/")[2], (name,), ask_clock, quick=True, classify=reason)


def _level(tree: Tree, path: str) -> Read:
    """Read whether somebody forced the clocks: any level but ``auto``."""

    def ask_level() -> Answer:
        told = tree.text(path)
        if told not in _LEVELS:
            return {"clock_locked": ("failed", f"answered {told!r}"[:100])}
        return {"clock_locked": int(told != "auto")}

    return Read(path.rpartition("/")[2], ("clock_locked",), ask_level, classify=reason)
