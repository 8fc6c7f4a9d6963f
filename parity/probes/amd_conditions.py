"""Knows the state an AMD device was in when it was read: clocks, power, temperature, throttling, errors, processes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.device import DeviceConditions, Float, Int, Process, Texts
from parity.probes.amd_convert import chain_generation, chain_width
from parity.probes.amd_identity import partition_of
from parity.probes.fields import first, percent, positive, scaled, source_of, take, text, watts, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.probes.amd_gpus import Gpu
    from parity.probes.supervise import Survey

# Field of amdsmi_get_violation_status -> the word NVML's reason of the same cause has in this project.
THROTTLE_REASONS = {
    "active_ppt_pwr": "sw-power-cap",  # package power tracking
    "active_socket_thrm": "sw-thermal",
    "active_hbm_thrm": "sw-thermal",
    "active_prochot_thrm": "hw-thermal",
    "active_vr_thrm": "hw-thermal",  # voltage regulators
    "active_gfx_clk_below_host_limit": "clock-below-host-limit",
}
_VIRTUALIZATION = {"BAREMETAL": "none", "PASSTHROUGH": "passthrough", "GUEST": "vgpu", "HOST": "host-vgpu"}
_UMC = 1  # bit of the memory controller in RAS masks (AMDSMI_GPU_BLOCK_UMC, amdgpu ras/features)


def conditions(survey: Survey, gpu: Gpu) -> DeviceConditions:
    """Return the volatile state of a device."""
    smi: Callable[[str], str] = lambda call: f"amdsmi:{'none' if gpu.amdsmi is None else gpu.amdsmi}:{call}"  # noqa: E731
    drm: Callable[[str], str] = lambda name: f"drm:{gpu.bdf}:{name}"  # noqa: E731
    live = survey.reasons.get(drm("live"))
    engine = first(
        take(survey, smi("amdsmi_get_clock_info.GFX"), whole, "clk"), take(survey, drm("pp_dpm_sclk"), clock_in_use)
    )
    errors = smi("amdsmi_get_gpu_total_ecc_count")
    partition = partition_of(survey, gpu)
    sliced = isinstance(partition, Reading) and partition.value.kind == "compute"
    found: dict[str, Any] = {
        "virtualization_mode": take(survey, smi("amdsmi_get_gpu_virtualization_mode"), _VIRTUALIZATION.get, "mode"),
        "ecc_enabled": first(
            take(survey, drm("ras/features"), _memory_protected),
            take(survey, smi("amdsmi_get_gpu_ecc_enabled"), _bit),
        ),
        "ecc_corrected": first(
            take(survey, errors, whole, "correctable_count"),
            take(survey, drm("ras/umc_err_count"), lambda raw: _count(raw, "ce")),
        ),
        "ecc_uncorrected": first(
            take(survey, errors, whole, "uncorrectable_count"),
            take(survey, drm("ras/umc_err_count"), lambda raw: _count(raw, "ue")),
        ),
        "clock_sm_mhz": engine,
        "clock_graphics_mhz": engine,
        "clock_memory_mhz": first(
            take(survey, smi("amdsmi_get_clock_info.MEM"), whole, "clk"), take(survey, drm("pp_dpm_mclk"), clock_in_use)
        ),
        "clock_policy": take(survey, smi("amdsmi_get_clock_info.GFX"), _locked, "clk_locked"),
        "performance_level": first(
            take(survey, drm("power_dpm_force_performance_level"), text),
            take(survey, smi("amdsmi_get_gpu_perf_level"), _level),
        ),
        "throttle_reasons": _throttle(survey, smi("amdsmi_get_violation_status"), active=True),
        "throttle_supported": _throttle(survey, smi("amdsmi_get_violation_status"), active=False),
        "power_draw_w": first(
            take(survey, drm("hwmon/power1_average"), scaled(1e-6, most=10_000)),
            take(survey, smi("amdsmi_get_power_info"), scaled(1.0, most=10_000), "average_socket_power"),
        ),
        "power_draw_instant_w": first(
            take(survey, drm("hwmon/power1_input"), scaled(1e-6, most=10_000)),
            take(survey, smi("amdsmi_get_power_info"), scaled(1.0, most=10_000), "current_socket_power"),
        ),
        "power_limit_w": _power_limit(survey, gpu),
        "power_limit_set_w": _power_limit(survey, gpu),
        "power_profile": take(survey, drm("pp_power_profile_mode"), _starred_profile),
        "temperature_c": first(
            _sensor(survey, gpu, ("edge", "junction"), "input"),
            take(survey, smi("amdsmi_get_temp_metric.EDGE"), _celsius),
            take(survey, smi("amdsmi_get_temp_metric.HOTSPOT"), _celsius),
        ),
        "temperature_memory_c": first(
            _sensor(survey, gpu, ("mem",), "input"), take(survey, smi("amdsmi_get_temp_metric.VRAM"), _celsius)
        ),
        "temperature_slowdown_c": _sensor(survey, gpu, ("junction", "edge"), "crit"),
        "memory_used_bytes": _used(survey, gpu, sliced=sliced),
        "utilization_gpu_percent": first(
            take(survey, drm("gpu_busy_percent"), percent),
            take(survey, smi("amdsmi_get_gpu_activity"), percent, "gfx_activity"),
        ),
        "utilization_memory_percent": first(
            take(survey, drm("mem_busy_percent"), percent),
            take(survey, smi("amdsmi_get_gpu_activity"), percent, "umc_activity"),
        ),
        "processes": _processes(survey, gpu),
        "pcie_generation_now": take(survey, drm("links"), lambda raw: chain_generation(raw, "current_link_speed")),
        "pcie_width_now": first(
            take(survey, drm("links"), lambda raw: chain_width(raw, "current_link_width")),
            take(survey, smi("amdsmi_get_pcie_info"), positive, "pcie_metric.pcie_width"),
        ),
        "pcie_replays": first(
            take(survey, drm("pcie_replay_count"), whole),
            take(survey, smi("amdsmi_get_pcie_info"), whole, "pcie_metric.pcie_replay_count"),
        ),
        "link_active_count": take(survey, smi("amdsmi_get_gpu_xgmi_link_status"), lambda raw: raw["status"].count("U")),
        "numa_node": first(
            take(survey, drm("numa_node"), whole), take(survey, smi("amdsmi_topo_get_numa_node_number"), _node)
        ),
        "compute_partition": first(
            take(survey, drm("current_compute_partition"), text),
            take(survey, smi("amdsmi_get_gpu_compute_partition"), text),
        ),
        "memory_partition": first(
            take(survey, drm("current_memory_partition"), text),
            take(survey, smi("amdsmi_get_gpu_memory_partition"), text),
        ),
    }
    if live is not None:
        asleep = Absent(why="not_asked", source=source_of(drm("runtime_status")), detail=live[1])
        for name in (
            "clock_sm_mhz",
            "clock_graphics_mhz",
            "clock_memory_mhz",
            "power_draw_w",
            "temperature_c",
            "utilization_gpu_percent",
        ):
            if not isinstance(found[name], Reading):
                found[name] = asleep
    return DeviceConditions(**found)


def clock_in_use(raw: Any) -> int | None:
    r"""Return the level marked with a star in a ``pp_dpm_*`` file, in MHz.

    >>> clock_in_use("0: 132Mhz *\n1: 2100Mhz")
    132
    """
    match = re.search(r"^\S+: (\d{1,6})M[Hh]z \*", raw, re.MULTILINE)
    return int(match.group(1)) if match else None


def _power_limit(survey: Survey, gpu: Gpu) -> Float:
    """Return the power cap in force in watts. By hand: ``amd-smi metric --power``."""
    return first(
        take(survey, f"drm:{gpu.bdf}:hwmon/power1_cap", watts),
        take(survey, f"amdsmi:{gpu.amdsmi}:amdsmi_get_power_cap_info", watts, "power_cap"),
    )


def _used(survey: Survey, gpu: Gpu, *, sliced: bool) -> Int:
    """Return used video memory; the DRM file counts the whole package."""
    told = take(survey, f"drm:{gpu.bdf}:mem_info_vram_used", whole)
    usage = take(
        survey,
        f"amdsmi:{gpu.amdsmi}:amdsmi_get_gpu_vram_usage",
        lambda raw: (whole(raw["vram_used"]) or 0) * 1024 * 1024,
    )
    if sliced:
        detail = "counted over the whole package"
        return Absent(why="not_supported", source=told.source, detail=detail) if isinstance(told, Reading) else told
    return first(told, usage)


def _sensor(survey: Survey, gpu: Gpu, labels: tuple[str, ...], what: str) -> Float:
    """Return the first of the labelled hwmon sensors in degrees Celsius. By hand: ``sensors``."""
    for label in labels:
        for number in (1, 2, 3):
            if survey.values.get(f"drm:{gpu.bdf}:hwmon/temp{number}_label") == label:
                return take(survey, f"drm:{gpu.bdf}:hwmon/temp{number}_{what}", scaled(0.001, most=200))
    return NOT_ASKED


def _celsius(raw: Any) -> float | None:
    """Return degrees; a sensor that a board lacks answers a number no chip survives."""
    number = whole(raw)
    return float(number) if number is not None and 0 < number <= 200 else None


def _throttle(survey: Survey, key: str, *, active: bool) -> Texts:
    """Return the reasons that limit the clock now, or those this device can tell."""

    def names(answer: Any) -> tuple[str, ...] | None:
        known = {field: answer[field] for field in THROTTLE_REASONS if isinstance(answer.get(field), (bool, int))}
        if not known:
            return None
        return tuple(dict.fromkeys(THROTTLE_REASONS[field] for field, value in known.items() if value or not active))

    observed = take(survey, key, names)
    if isinstance(observed, Absent) and observed.why == "failed" and key in survey.values:
        return Absent(why="not_supported", source=observed.source, detail="no violation is told")
    return observed


def _processes(survey: Survey, gpu: Gpu) -> Reading[tuple[Process, ...]] | Absent:
    """Return compute processes: from KFD where the node's ``gpu_id`` is known, else from amdsmi."""
    gpu_id = survey.values.get(f"kfd:{gpu.node}:gpu_id")

    def from_kfd(listed: Any) -> tuple[Process, ...]:
        return tuple(
            Process(pid=int(process["pid"]), kind="compute", memory_bytes=whole(process["vram"][gpu_id]))
            for process in listed
            if gpu_id in process["vram"] and whole(process["vram"][gpu_id]) != 0
        )

    def from_amdsmi(listed: Any) -> tuple[Process, ...]:
        return tuple(
            Process(
                pid=int(process["pid"]),
                kind="compute",
                name=process["name"] if process.get("name") not in {None, "N/A"} else "",
                memory_bytes=whole((process.get("memory_usage") or {}).get("vram_mem", process.get("mem"))),
            )
            for process in listed
        )

    kfd = take(survey, "kfd:processes", from_kfd) if gpu_id and gpu.node is not None else NOT_ASKED
    return first(kfd, take(survey, f"amdsmi:{gpu.amdsmi}:amdsmi_get_gpu_process_list", from_amdsmi))


def _memory_protected(raw: Any) -> bool | None:
    """Return whether RAS covers the memory controller: ``feature mask: 0x...``, bit 0."""
    match = re.search(r"feature mask:\s*0x([0-9a-fA-F]{1,8})", raw)
    return bool(int(match.group(1), 16) & _UMC) if match else None


def _bit(raw: Any) -> bool | None:
    number = whole(raw)
    return None if number is None else bool(number & _UMC)


def _count(raw: Any, kind: str) -> int | None:
    match = re.search(rf"^{kind}:\s*(\d{{1,12}})$", raw, re.MULTILINE)
    return int(match.group(1)) if match else None


def _locked(raw: Any) -> str | None:
    return ("locked" if raw else "free") if isinstance(raw, bool) else None


def _level(raw: Any) -> str | None:
    """Return the kernel's word for amdsmi's enum name."""
    name = raw.removeprefix("AMDSMI_DEV_PERF_LEVEL_").lower()
    return {"determinism": "perf_determinism"}.get(name, name) if name != "unknown" else None


def _starred_profile(raw: Any) -> str | None:
    """Return the power profile marked with a star: ``1 3D_FULL_SCREEN*:``."""
    match = re.search(r"^\s*\d+\s+([A-Z0-9_]+)\s*\*", raw, re.MULTILINE)
    return match.group(1) if match else None


def _node(raw: Any) -> int | None:
    number = whole(raw)
    return number if number is not None and number < 1024 else None
