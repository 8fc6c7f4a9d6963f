"""Knows which values of a machine move without anybody changing anything."""

from __future__ import annotations

from parity.model.absent import Reading

# Values that move without anybody changing anything.
VOLATILE = frozenset(
    {
        "clock_sm_mhz", "clock_graphics_mhz", "clock_memory_mhz", "clock_video_mhz", "power_draw_w", "fan_percent",
        "power_draw_instant_w", "energy_mj", "temperature_c", "temperature_memory_c", "temperature_margin_c",
        "memory_free_bytes", "memory_used_bytes", "bar1_used_bytes", "utilization_gpu_percent", "processes",
        "utilization_memory_percent", "utilization_encoder_percent", "utilization_decoder_percent", "pcie_replays",
        "performance_state", "pcie_generation_now", "pcie_width_now", "throttle_power_ns", "throttle_thermal_ns",
        "throttle_hw_thermal_ns", "throttle_hw_power_brake_ns", "throttle_sync_boost_ns", "violation_power_ns",
        "violation_thermal_ns", "throttle_reasons", "pcie_speed_mbps", "hostname", "numa_node", "link_errors",
    }
)  # fmt: skip

_CLOCK_IN_USE = "nvclock="


def moves(name: str, value: object) -> bool:
    """Return whether a value moves by itself, though its field does not on every device.

    NVML's text on clocks carries those in use ("current GPU Clock and Memory Clock values",
    nvmlDeviceGetCurrentClockFreqs); AMD's says whether they are locked.
    """
    told = value.value if isinstance(value, Reading) else None
    return name == "clock_policy" and isinstance(told, str) and _CLOCK_IN_USE in told
