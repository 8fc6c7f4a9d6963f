"""Knows which field of a device each label of rocm-smi fills; its JSON and its text print the same labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from parity.model.absent import Reading
from parity.readers import value as v
from parity.readers.amd_smi_fields import fill_partition
from parity.readers.draft import DeviceDraft

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOOL = "rocm-smi"


def _clock(printed: str) -> int | None:
    match = re.search(r"([0-9]{1,6})\s*[Mm][Hh]z", printed)
    return int(match.group(1)) if match else None


def _width(printed: str) -> int | None:
    match = re.search(r"\bx([0-9]{1,2})\b", printed)
    return int(match.group(1)) if match else None


# block, field, converter, labels in lower case; the first that is readable wins.
_FIELDS: tuple[tuple[str, str, Callable[[str], Any], tuple[str, ...]], ...] = (
    ("locator", "pci_bus_id", v.bus_id, ("pci bus",)),
    ("identity", "name", v.amd_name, ("device name", "card series", "card model", "product name")),
    ("identity", "pci_device_id", v.amd_pci_id, ("device id", "gpu id", "card model")),
    ("identity", "pci_revision", v.revision, ("device rev",)),
    ("identity", "gfx_target", v.gfx_target, ("gfx version",)),
    ("identity", "memory_bytes", v.plain_bytes, ("vram total memory (b)",)),
    ("identity", "board_part_number", v.text, ("card sku",)),
    ("identity", "vbios_version", v.text, ("vbios version",)),
    ("conditions", "power_limit_w", v.watts_over_zero, ("max graphics package power (w)",)),
    (
        "conditions",
        "power_draw_w",
        v.number,
        (
            "current socket graphics package power (w)",
            "average graphics package power (w)",
            "current graphics package power (w)",
        ),
    ),
    (
        "conditions",
        "temperature_c",
        v.number,
        ("temperature (sensor junction) (c)", "temperature (sensor edge) (c)"),
    ),
    (
        "conditions",
        "temperature_memory_c",
        v.number,
        ("temperature (sensor memory) (c)", "temperature (sensor mem) (c)"),
    ),
    ("conditions", "clock_sm_mhz", _clock, ("sclk clock speed", "sclk clock level")),
    ("conditions", "clock_memory_mhz", _clock, ("mclk clock speed", "mclk clock level")),
    ("conditions", "performance_level", v.performance_level, ("performance level",)),
    ("conditions", "fan_percent", v.integer, ("fan speed (%)",)),
    ("conditions", "utilization_gpu_percent", v.integer, ("gpu use (%)",)),
    (
        "conditions",
        "utilization_memory_percent",
        v.integer,
        ("gpu memory read/write activity (%)",),
    ),
    (
        "conditions",
        "memory_used_bytes",
        lambda text: v.size_bytes(text, unit=1),
        ("vram total used memory (b)",),
    ),
    ("conditions", "pcie_replays", v.integer, ("pcie replay count",)),
    ("conditions", "pcie_generation_now", v.gigatransfers_generation, ("pcie clock level",)),
    ("conditions", "pcie_width_now", _width, ("pcie clock level",)),
    ("conditions", "compute_partition", v.text, ("compute partition",)),
    ("conditions", "memory_partition", v.text, ("memory partition",)),
    ("conditions", "numa_node", v.integer, ("(topology) numa node",)),
)


def read_card(printed: Mapping[str, str]) -> DeviceDraft:
    """Return the draft of one card.

    Args:
        printed: label in lower case, without its colon -> text.
    """
    device = DeviceDraft(vendor="amd", source=TOOL)
    blocks = {"locator": device.locate, "identity": device.identify, "conditions": device.condition}
    for block, field, convert, labels in _FIELDS:
        for label in labels:
            blocks[block](field, v.observe(printed.get(label), convert, f"{TOOL}: {label}"))
    for label, field in (("unique id", "uuid"), ("serial number", "serial")):
        if label in printed:
            device.locate(field, v.masked_or(printed[label], f"{TOOL}: {label}"))
    compute = device.conditions.get("compute_partition")
    if isinstance(compute, Reading):
        memory = device.conditions.get("memory_partition")
        nps = memory.value if isinstance(memory, Reading) else ""
        fill_partition(device, compute.value, nps, f"{TOOL}: Compute Partition")
    return device


def normal_label(label: str) -> str:
    """Return a label as ``read_card`` wants it.

    >>> normal_label("sclk clock speed:")
    'sclk clock speed'
    """
    return re.sub(r"\s+", " ", label.strip().rstrip(":").strip().lower())
