"""Knows how a recording is told to people: names of the units, values with their unit, sentences. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from parity.inputs import printable
from parity.units import MIB, fewest_digits, format_bytes, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import Throttle, WatchedDevice
    from parity.model.watch import Bound, RecordedDevice, Roof, Use, WatchReport

# Value of a timeline -> the unit's name, in the order in which they are told.
UNITS = {
    "sm_activity": "SMs with work",
    "sm_occupancy": "SM occupancy",
    "tensor_active": "tensor cores",
    "tensor_hmma_active": "of these HMMA",
    "tensor_imma_active": "of these IMMA",
    "tensor_dmma_active": "of these DMMA",
    "fp64_active": "FP64",
    "fp32_active": "FP32",
    "fp16_active": "FP16",
    "integer_active": "integer",
    "dram_active": "DRAM",
    "pcie_tx_mib_s": "PCIe out",
    "pcie_rx_mib_s": "PCIe in",
    "nvlink_tx_mib_s": "NVLink out",
    "nvlink_rx_mib_s": "NVLink in",
    "c2c_tx_mib_s": "C2C out",
    "c2c_rx_mib_s": "C2C in",
}
# Where there are no hardware counters: a kernel ran, or memory was touched, at some time; not how much of either.
COARSE = {"utilization_percent": "a kernel ran", "utilization_memory_percent": "memory touched"}
_ONLY_IF_USED = ("tensor_hmma", "tensor_imma", "tensor_dmma", "c2c_", "nvlink_")
_SIDES = {"dram": "DRAM", "tensor": "tensor cores"}


def units_of(device: RecordedDevice) -> Iterator[tuple[str, Use, str]]:
    """Yield (name, use, value's own name) of each unit that was read."""
    told = [(title, name) for name, title in UNITS.items() if name in device.use]
    for title, name in told or [(title, name) for name, title in COARSE.items() if name in device.use]:
        use = device.use[name]
        if use.max > 0 or not name.startswith(_ONLY_IF_USED):
            yield title, use, name


def amount(name: str, value: float | None) -> str:
    """Return a value with its unit: a share in percent, a rate in decimal GB/s.

    >>> amount("dram_active", 0.4213), amount("pcie_tx_mib_s", 1200), amount("utilization_percent", 7.0)
    ('42 %', '1.26 GB/s', '7 %')
    """
    if value is None:
        return "-"
    if name.endswith("_mib_s"):
        return f"{fewest_digits(value * MIB / 1e9)} GB/s"
    if name.endswith("_percent"):
        return f"{value:.0f} %"
    return share(value)


def share(value: float) -> str:
    """Return a share in percent; a little is not nothing, and nearly all is not all.

    >>> share(0.204), share(0.0004), share(0.0), share(0.9997), share(1.0)
    ('20 %', '<1 %', '0 %', '>99 %', '100 %')
    """
    if 0 < value < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= value < 1 else f"{value:.0%}".replace("%", " %")


def command_of(report: WatchReport) -> str:
    """Return the command as a shell takes it."""
    return printable(shlex.join(report.command))


def ending_of(report: WatchReport) -> str:
    """Return how it ended, in words."""
    if report.signal:
        return f"ended by {report.signal} (status {report.exit_status})"
    return "only watched" if report.exit_status is None else f"status {report.exit_status}"


def throttles_of(watched: WatchedDevice) -> list[str]:
    """Return each cause that held the clocks down, with its time; the longest first."""
    active = [one for one in watched.throttled if one.seconds or one.share or one.seen]
    return [_throttle(one) for one in sorted(active, key=lambda one: (-(one.seconds or 0.0), one.cause))]


def _throttle(one: Throttle) -> str:
    if one.seconds is not None and one.share is not None:
        return f"{one.cause} {fewest_digits(round(one.seconds, 2))} s ({share(one.share)} of the time)"
    return f"{one.cause} at {one.seen} of {plural(one.readings, 'reading')}"


def others_of(watched: WatchedDevice) -> list[str]:
    """Return each process that is not the command's, or cannot be told from it."""
    hidden = "" if watched.tenancy.ids_known else "host process "
    return [
        f"{hidden}{one.pid}" + (f" {printable(one.name)}" if one.name else "")
        + (f" {format_bytes(one.memory_bytes)}" if one.memory_bytes else "")
        for one in watched.processes
    ]  # fmt: skip


def range_of(watched: WatchedDevice, names: tuple[str, ...], unit: str) -> str:
    """Return ``1755 MHz (345 to 1980)`` of the first series that is there; empty without one."""
    series = next((watched.series[name] for name in names if name in watched.series), None)
    if series is None:
        return ""
    return f"{fewest_digits(series.mean)} {unit} ({fewest_digits(series.min)} to {fewest_digits(series.max)})"


def conditions_of(watched: WatchedDevice) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of what the device ran under."""
    for name, series, unit in (
        ("core clock", ("clock_sm_mhz", "clock_graphics_mhz"), "MHz"),
        ("memory clock", ("clock_memory_mhz",), "MHz"),
        ("power", ("power_draw_w",), "W"),
        ("temperature", ("temperature_c",), "C"),
    ):
        told = range_of(watched, series, unit)
        if told:
            yield name, told
    if watched.energy_j is not None:
        yield "energy", f"{fewest_digits(watched.energy_j)} J"
    causes = throttles_of(watched)
    nothing = "not at all" if watched.throttle_known else "unknown: nothing about it could be read"
    yield "throttled", ", ".join(causes) or nothing
    yield "others", ", ".join(others_of(watched)) or ("none" if watched.tenancy.ids_known else "none that are listed")
    if watched.lost:
        yield "lost", printable(watched.lost)


def roofs_of(bound: Bound) -> Iterator[tuple[str, str]]:
    """Yield (name, sentence) on the roofs here and on the target."""
    here, there = bound.roof_here, bound.roof_target
    yield "bound by", bound.why
    if here is not None:
        known = bound.intensity_at_most
        intensity = "" if known is None else f"at most {fewest_digits(known)} {_operations(bound)}/B, "
        pace = f"{here.dram_share * here.memory_bandwidth_gbps:.0f} of {here.memory_bandwidth_gbps:.0f} GB/s"
        yield "roof here", f"{here.name}: {pace}, {intensity}ridge {_ridge(here, bound)}: {_SIDES[here.side]} side"
    if there is not None:
        taken = f"{share(there.dram_share)} of its DRAM and at most {share(there.tensor_share)} of its tensor cores"
        told = f"{there.name}: ridge {_ridge(there, bound)}; this pace takes {taken}: {_SIDES[there.side]} side"
        yield "target", told
    for gap in bound.unknowns:
        yield f"{gap.what}", f"unknown: {printable(gap.detail)}"


def _ridge(roof: Roof, bound: Bound) -> str:
    return f"{fewest_digits(roof.ridge)} {_operations(bound)}/B"


def _operations(bound: Bound) -> str:
    return "INT8 OP" if bound.dtype == "int8" else f"{bound.dtype.upper()} FLOP"


def overhead_of(report: WatchReport) -> str:
    """Return what watching cost, in a sentence."""
    cost = report.overhead
    if cost.watcher_cpu_s is None:
        return f"no watcher ran; parity itself took {cost.parity_cpu_s:.2f} s of processor time"
    time = report.watched_until_s or report.seconds
    load = f" ({cost.watcher_cpu_s / time:.1%} of a core)" if time else ""
    where = f"core {cost.core}" if cost.core is not None else "no core of its own: it shares the command's"
    return (
        f"watcher {cost.watcher_cpu_s:.2f} s of processor time{load} on {where}, {cost.watcher_start_cpu_s or 0:.2f} s "
        f"before the start; parity itself {cost.parity_cpu_s:.2f} s"
    )
