"""Knows ``rocminfo``: HSA agents, of which those with ``Device Type: GPU`` are devices."""

from __future__ import annotations

import re

from parity.model.absent import NOT_ASKED, Reading
from parity.readers import value as v
from parity.readers.clean import finished, split_labels
from parity.readers.draft import DeviceDraft, ReportDraft

NAME = "rocminfo"
ANCHOR = re.compile(r"HSA System Attributes|HSA Agents|\bAgent [0-9]{1,3}\s{1,80}\*{0,40}\s{0,80}Name: ")

_AGENT = re.compile(r"(?<!\S)Agent [0-9]{1,3}(?!\S)")
_LABELS = re.compile(
    r"(?<!\S)(?:Name|Uuid|Marketing Name|Vendor Name|Feature|Profile|Float Round Mode|Max Queue Number|Queue Min Size"
    r"|Queue Max Size|Queue Type|Node|Device Type|Cache Info|L1|L2|L3|Chip ID|ASIC Revision|Cacheline Size"
    r"|Max Clock Freq\. \(MHz\)|BDFID|Internal Node ID|Compute Unit|SIMDs per CU|Shader Engines|Shader Arrs\. per Eng\."
    r"|Coherent Host Access|Memory Properties|Features|Fast F16 Operation|Wavefront Size|Workgroup Max Size"
    r"|Max Waves Per CU|Pool Info|Segment|Size|Allocatable|Alloc Granule|ISA Info|Machine Models|Pool [0-9])\s{0,40}:"
    r"|(?<!\S)Agent [0-9]{1,3}(?=\s+\*{3})|(?<!\S)Pool [0-9]{1,2}(?=\s+Segment)"
)
_DRIVER = re.compile(r"ROCk module version ([0-9][0-9A-Za-z.\-]{1,30}) is loaded")
# rocminfo prints the L2 of one die on these, of all dies on others; neither says which.
_MANY_DIES = re.compile(r"gfx(?:90a|94[0-9]|95[0-9])")


def read(text: str) -> ReportDraft:
    """Return the report of one ``rocminfo`` output.

    By hand: ``rocminfo``
    """
    report = ReportDraft(NAME)
    lines = finished(split_labels(text, _LABELS))
    driver = _DRIVER.search(text)
    report.component("driver", v.observe(driver.group(1) if driver else None, v.text, f"{NAME}: ROCk module version"))
    for agent in _AGENT.split(lines)[1:]:
        printed = _printed(agent)
        if printed.get("Device Type") == "GPU":
            report.add(_gpu(printed, agent))
    if report.devices:
        report.count_listed(len(report.devices), f"{NAME}: GPU agents")
    else:
        report.count_unknown("failed", "no agent with Device Type GPU was found")
        report.note("no GPU agent was found; the output may be cut off")
    return report


def _printed(agent: str) -> dict[str, str]:
    """Return the first text of each label of an agent."""
    printed: dict[str, str] = {}
    for line in agent.split("\n"):
        label, colon, text = line.partition(":")
        if colon and text.strip():
            printed.setdefault(label.strip(), text.strip())
    return printed


def _gpu(printed: dict[str, str], agent: str) -> DeviceDraft:
    device = DeviceDraft(vendor="amd", source=NAME)
    device.locate("uuid", v.masked_or(printed["Uuid"], f"{NAME}: Uuid") if "Uuid" in printed else NOT_ASKED)
    for field, label, convert in (
        ("name", "Marketing Name", v.unmasked),
        ("gfx_target", "Name", v.gfx_target),
        ("pci_device_id", "Chip ID", v.amd_pci_id),
    ):
        device.identify(field, v.observe(printed.get(label), convert, f"{NAME}: {label}"))
    for field, label in (
        ("cu_count", "Compute Unit"),
        ("warp_size", "Wavefront Size"),
        ("clock_boost_mhz", "Max Clock Freq. (MHz)"),
    ):
        device.identify(field, v.observe(printed.get(label), v.positive, f"{NAME}: {label}"))
    if not _MANY_DIES.match(printed.get("Name", "")):
        device.identify("l2_bytes", v.observe(printed.get("L2"), _kibibytes, f"{NAME}: Cache Info/L2"))
    device.identify("infinity_cache_bytes", v.observe(printed.get("L3"), _kibibytes, f"{NAME}: Cache Info/L3"))
    device.identify("memory_bytes", v.observe(_pool(agent, "GLOBAL"), _kibibytes, f"{NAME}: Pool Info/GLOBAL"))
    lds = v.observe(_pool(agent, "GROUP"), _kibibytes, f"{NAME}: Pool Info/GROUP")
    device.identify("shared_memory_per_sm_bytes", lds)
    if "Memory Properties" in printed and "APU" in printed["Memory Properties"]:
        device.identify("memory_unified", Reading(value=True, source=f"{NAME}: Memory Properties"))
    return device


def _pool(agent: str, segment: str) -> str | None:
    """Return the size of the first memory pool of a segment."""
    match = re.search(rf"Segment:\s{{0,40}}{segment}[^\n]{{0,80}}\s{{0,20}}Size:\s{{0,40}}([^\n]{{1,60}})", agent)
    return match.group(1).strip() if match else None


def _kibibytes(printed: str) -> int | None:
    """Return bytes from ``201310208(0xbffc000) KB``.

    >>> _kibibytes("64(0x40) KB")
    65536
    """
    number = v.positive(printed)
    return None if number is None else number * 1024
