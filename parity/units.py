"""Knows units: conversions, derived figures and how a value with a unit is printed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GIB = 1024**3
MIB = 1024**2
KIB = 1024

# Fact names carry their unit as a suffix (style: "units live in names").
_SUFFIX_UNITS = (
    ("_gbps_measured", "GB/s"),
    ("_gbps", "GB/s"),
    ("_gbit_s", "Gbit/s"),
    ("_mhz", "MHz"),
    ("_bits", "bit"),
    ("_mj", "mJ"),
    ("_ns", "ns"),
    ("_ms", "ms"),
    ("_w", "W"),
    ("_c", "C"),
    ("_s", "s"),
    ("_percent", "%"),
)


def peak_memory_bandwidth_gbps(
    *, memory_clock_mhz: float, memory_bus_width_bits: int, memory_clock_factor: float = 2
) -> float:
    """Return theoretical peak memory bandwidth in decimal GB/s.

    ``factor`` transfers per reported memory clock, one bus width per transfer. NVML reports a
    clock for which the factor is 2 on every memory type; AMD reports UCLK, where HBM2 needs 2
    and HBM3 needs 4.

    Args:
        memory_clock_mhz: maximum memory clock in MHz, as the driver reports it.
        memory_bus_width_bits: width of the memory interface in bits.
        memory_clock_factor: transfers per reported clock.

    >>> round(peak_memory_bandwidth_gbps(memory_clock_mhz=1593, memory_bus_width_bits=5120))
    2039
    >>> round(peak_memory_bandwidth_gbps(memory_clock_mhz=1300, memory_bus_width_bits=8192,
    ...                                  memory_clock_factor=4))
    5325
    """
    return memory_clock_factor * memory_clock_mhz * 1_000_000 * memory_bus_width_bits / 8 / 1e9


def format_bytes(count: float) -> str:
    """Return a byte count in the binary unit that keeps it readable.

    >>> format_bytes(85899345920)
    '80 GiB'
    >>> format_bytes(233472)
    '228 KiB'
    """
    for unit, size in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if abs(count) >= size:
            return f"{fewest_digits(count / size)} {unit}"
    return f"{fewest_digits(count)} B"


def fewest_digits(number: float) -> str:
    """Return a number with the fewest digits that still decide: at most four significant.

    >>> fewest_digits(1008.096), fewest_digits(79.6474), fewest_digits(3.0), fewest_digits(0.301)
    ('1008', '79.6', '3', '0.3')
    >>> fewest_digits(math.inf)
    'inf'
    """
    if not math.isfinite(number):
        return str(number)
    if number == int(number):
        return str(int(number))
    if abs(number) >= 1000:
        return f"{number:.0f}"
    text = f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"
    return text.rstrip("0").rstrip(".")


def format_fact(name: str, value: object) -> str:
    """Return a fact's value with the unit its name carries.

    >>> format_fact("memory_bandwidth_gbps", 1008.096)
    '1008 GB/s'
    >>> format_fact("sm_count", 132)
    '132'
    >>> format_fact("tflops_bf16", 989.4)
    '989 TFLOPS'
    >>> format_fact("transistors", 153000000000)
    '153e9'
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, (int, float)):
        return "-" if value is None else str(value)
    if name.endswith("_bytes"):
        return format_bytes(value)
    if name == "transistors":
        return f"{fewest_digits(value / 1e9)}e9"
    if name.startswith("tflops_"):
        return f"{fewest_digits(round(value) if value >= 100 else value)} TFLOPS"
    if name.startswith("tops_"):
        return f"{fewest_digits(round(value) if value >= 100 else value)} TOPS"
    for suffix, unit in _SUFFIX_UNITS:
        if name.endswith(suffix):
            return f"{fewest_digits(value)} {unit}"
    return fewest_digits(value)


def format_ratio(ratio: float | None) -> str:
    """Return a ratio as ``0.30x``; an absent one as an empty string.

    >>> format_ratio(0.3007)
    '0.30x'
    """
    return "" if ratio is None else f"{ratio:.2f}x"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "file"), plural(2, "file"), plural(0, "error")
    ('1 file', '2 files', '0 errors')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(texts: Sequence[str], most: int) -> str:
    """Return texts in a row, and of many how many more there are.

    >>> listed(["a", "b"], 2), listed(["a", "b", "c", "d"], 2)
    ('a, b', 'a, b and 2 more')
    """
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")
