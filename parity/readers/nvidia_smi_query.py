"""Knows ``nvidia-smi -q``: labels nested by indentation, one section per GPU, MIG slices inside."""

from __future__ import annotations

import re
from typing import NamedTuple

from parity.model.absent import Absent, Reading
from parity.model.device import Process
from parity.readers import nvidia_fields
from parity.readers import value as v
from parity.readers.clean import finished, split_labels
from parity.readers.draft import DeviceDraft, ReportDraft
from parity.readers.slicing import slice_of

NAME = "nvidia-smi-q"
TOOL = "nvidia-smi -q"
ANCHOR = re.compile(r"NVSMI LOG|^[ \t]*Attached GPUs\s*:|\bAttached GPUs {2,60}:", re.MULTILINE)

_GPU = re.compile(r"^(?:GPU )((?:[0-9A-Fa-f]{4,8}:)?[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f])$")
_LOST = re.compile(
    r"Unable to determine the device handle for GPU ?(?:[0-9]{1,3}: )?([0-9A-Fa-f:.]{7,16}): ([^\n]{1,80})"
)
_MASKED_GPU = re.compile(r"^GPU [0-9A-Fa-fXx]{4,8}:[0-9A-Fa-fXx]{2}:[0-9A-Fa-fXx]{2}\.[0-9A-Fa-fXx]$")
_SLICE_TITLES = frozenset({"MIG Device", "MIG device"})
_REASON_TITLES = frozenset({"Clocks Throttle Reasons", "Clocks Event Reasons"})
_AFTER_SLICES = frozenset({"Accounting Mode", "Driver Model", "Serial Number"})

# Labels at which a paste that lost its line breaks is taken apart again; longest first inside one alternation.
_COLLAPSED = re.compile(
    r"(?<=\s)(?:GPU [0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-9A-F](?=\s)|"
    r"(?:FB Memory Usage|BAR1 Memory Usage|MIG Mode|PCIe Generation|Link Width|Max Clocks|ECC Mode|GPU Link Info"
    r"|GPU Power Readings|Power Readings|Module Power Readings|GPU Virtualization Mode|Inforom Version"
    r"|Max Customer Boost Clocks|Conf Compute Protected Memory Usage|Clock Policy)(?=\s+[A-Z][A-Za-z ]{1,30}\s*:)|"
    r"(?:Product Name|Product Brand|Product Architecture|Driver Version|CUDA Version|KMD Version|CUDA UMD Version"
    r"|Attached GPUs|Display Mode|Display Attached|Persistence Mode|Serial Number|GPU UUID|Minor Number|VBIOS Version"
    r"|MultiGPU Board|Board ID|Board Part Number|GPU Part Number|Device Id|Bus Id|Sub System Id|Fan Speed"
    r"|Performance State|Compute Mode|Current|Pending|Total|Reserved|Used|Free|Max|Device Max|Device Current|Host Max"
    r"|Graphics|SM|Memory|Video|Current Power Limit|Requested Power Limit|Default Power Limit|Min Power Limit"
    r"|Max Power Limit|Virtualization Mode|Host VGPU Mode|Addressing Mode|Accounting Mode|GPU Operation Mode)\s*:)"
)


class Line(NamedTuple):
    """One line of the log.

    Attributes:
        path: the sections it lies in, outermost first.
        label: its own label.
        text: its value; None for a section title.
    """

    path: tuple[str, ...]
    label: str
    text: str | None


class Section(NamedTuple):
    """What the log prints for one GPU.

    Attributes:
        bus_id: from the title.
        printed: label, and ``section/label`` -> text.
        slices: the same, one per MIG slice.
        reasons: clock event reason -> state.
        processes: pid, kind, name and memory.
    """

    bus_id: str
    printed: dict[str, str]
    slices: list[dict[str, str]]
    reasons: dict[str, str]
    processes: list[dict[str, str]]


def read(text: str) -> ReportDraft:
    """Return the report of one ``nvidia-smi -q`` log.

    By hand: ``nvidia-smi -q``
    """
    report = ReportDraft(NAME)
    lines = _nest(finished(split_labels(text, _COLLAPSED)))
    head, sections = _sections(lines)
    _read_head(report, head)
    for section in sections:
        _add_gpu(report, section)
    for bus_id, reason in _LOST.findall(text):
        _add_lost(report, bus_id, reason)
    if sections:
        report.count_listed(len(report.devices), f"{TOOL}: GPUs listed")
    else:
        report.count_unknown("failed", "no GPU section was found")
    return report


def _nest(text: str) -> list[Line]:
    """Return the lines with their sections, from indentation; without any, from the last title alone."""
    rows = [(len(raw) - len(raw.lstrip()), raw.strip()) for raw in text.split("\n") if raw.strip()]
    flat = all(indent < 3 for indent, _ in rows)
    stack: list[tuple[int, str]] = []
    lines: list[Line] = []
    for indent, row in rows:
        title = _is_title(row)
        if flat:
            stack = stack[:1] if not title else []
        else:
            while stack and stack[-1][0] >= indent:
                stack.pop()
        label, colon, value = (row, "", "") if title else row.partition(":")
        path = tuple(name for _, name in stack)
        lines.append(Line(path, label.strip(), value.strip() if colon else None))
        if not colon and len(stack) < 16:
            stack.append((indent, label.strip()))
    return lines


def _is_title(row: str) -> bool:
    return bool(_GPU.match(row) or _MASKED_GPU.match(row)) or ":" not in row


def _sections(lines: list[Line]) -> tuple[dict[str, str], list[Section]]:
    """Return the log's head and its GPU sections."""
    head: dict[str, str] = {}
    sections: list[Section] = []
    in_slice = False
    for line in lines:
        if line.text is None and (_GPU.match(line.label) or _MASKED_GPU.match(line.label)):
            sections.append(Section(line.label.removeprefix("GPU ").strip(), {}, [], {}, []))
            in_slice = False
        elif sections:
            in_slice = _take(sections[-1], line, in_slice=in_slice)
        elif line.text is not None:
            head.setdefault(line.label, line.text)
    return head, sections


def _take(section: Section, line: Line, *, in_slice: bool) -> bool:
    """Keep one line of a GPU's section; return whether an unindented next line belongs to a MIG slice."""
    if line.text is None:
        if line.label in _SLICE_TITLES:
            section.slices.append({})
        return in_slice or line.label in _SLICE_TITLES
    indented = bool(line.path) and line.path[0].startswith("GPU ")
    in_slice = in_slice and not indented and line.label not in _AFTER_SLICES
    if section.slices and (in_slice or any(name in _SLICE_TITLES for name in line.path)):
        _put(section.slices[-1], line)
    elif any(name in _REASON_TITLES for name in line.path):
        section.reasons.setdefault(line.label, line.text)
    elif line.label == "Process ID":
        section.processes.append({line.label: line.text})
    elif section.processes and line.label in {"Type", "Name", "Used GPU Memory"}:
        section.processes[-1].setdefault(line.label, line.text)
    else:
        _put(section.printed, line)
    return in_slice


def _put(printed: dict[str, str], line: Line) -> None:
    text = line.text or ""
    if line.path:
        printed.setdefault(f"{line.path[-1]}/{line.label}", text)
        if len(line.path) > 1:
            printed.setdefault(f"{line.path[-2]}/{line.path[-1]}/{line.label}", text)
    if len(line.path) <= 1:
        printed.setdefault(line.label, text)


def _read_head(report: ReportDraft, head: dict[str, str]) -> None:
    """Keep driver, CUDA version and count. Driver 610 renames them and keeps the old labels with a remark."""
    for labels, component in (
        (("KMD Version", "Driver Version"), "driver"),
        (("CUDA UMD Version", "CUDA Version"), "cuda_driver"),
    ):
        for label in labels:
            if label in head:
                text = head[label].split(" [")[0].split(" (")[0]
                report.component(component, v.observe(text, v.text, f"{TOOL}: {label}"))
    if "Attached GPUs" in head:
        report.device_count = v.observe(head["Attached GPUs"], v.integer, f"{TOOL}: Attached GPUs")
    report.printed_time = head.get("Timestamp", "")


def _add_gpu(report: ReportDraft, section: Section) -> None:
    parent = DeviceDraft(vendor="nvidia", source=TOOL)
    printed = section.printed
    nvidia_fields.fill(parent, printed, dialect="query", tool=TOOL)
    nvidia_fields.fill_private(parent, uuid=printed.get("GPU UUID"), serial=printed.get("Serial Number"), tool=TOOL)
    parent.locate("pci_bus_id", v.observe(section.bus_id, v.bus_id, f"{TOOL}: GPU"))
    _fill_older_labels(parent, printed)
    _fill_health(parent, printed)
    nvidia_fields.fill_reasons(parent, section.reasons, source=f"{TOOL}: Clocks Event Reasons")
    _fill_processes(parent, section)
    if not section.slices:
        report.add(parent)
        return
    for printed_slice in section.slices:
        report.add(_mig_slice(parent, printed_slice))


def _mig_slice(parent: DeviceDraft, printed: dict[str, str]) -> DeviceDraft:
    source = f"{TOOL}: MIG Device"
    device = slice_of(parent, profile="", source=source)
    shared = {
        label.replace("Shared FB", "FB").replace("Shared BAR1 Memory", "BAR1 Memory Usage"): text
        for label, text in printed.items()
    }
    device.identify("sm_count", v.observe(shared.get("Shared/Multiprocessor count"), v.positive, source))
    for block, field, label, convert in (
        ("identity", "memory_bytes", "FB Memory Usage/Total", v.size_over_zero),
        ("identity", "bar1_bytes", "BAR1 Memory Usage/Total", v.size_over_zero),
        ("conditions", "memory_used_bytes", "FB Memory Usage/Used", v.size_bytes),
        ("conditions", "memory_reserved_bytes", "FB Memory Usage/Reserved", v.size_bytes),
        ("conditions", "memory_free_bytes", "FB Memory Usage/Free", v.size_bytes),
        ("conditions", "bar1_used_bytes", "BAR1 Memory Usage/Used", v.size_bytes),
    ):
        keep = device.identify if block == "identity" else device.condition
        keep(field, v.observe(shared.get(label), convert, f"{source}: {label}"))
    return device


def _fill_older_labels(device: DeviceDraft, printed: dict[str, str]) -> None:
    """Before R530 the board's part number was called GPU Part Number; since then that is the chip's."""
    part = printed.get("GPU Part Number", "")
    if re.match(r"[0-9]{3}-", part):
        device.identify("board_part_number", v.observe(part, v.text, f"{TOOL}: GPU Part Number"))


def _fill_health(device: DeviceDraft, printed: dict[str, str]) -> None:
    """Keep the counters that several lines add up to, and the NVLink fabric's state."""
    corrected = ("Volatile/SRAM Correctable", "Volatile/DRAM Correctable")
    source = f"{TOOL}: ECC Errors/Volatile"
    device.condition("ecc_corrected", nvidia_fields.total(printed, corrected, source))
    for sram in (("SRAM Uncorrectable",), ("SRAM Uncorrectable Parity", "SRAM Uncorrectable SEC-DED")):
        names = tuple(f"Volatile/{name}" for name in (*sram, "DRAM Uncorrectable"))
        device.condition("ecc_uncorrected", nvidia_fields.total(printed, names, source))
    pages = ("Retired Pages/Single Bit ECC", "Retired Pages/Double Bit ECC")
    device.condition("retired_pages", nvidia_fields.total(printed, pages, f"{TOOL}: Retired Pages"))
    device.condition("fabric_state", v.observe(printed.get("Fabric/State"), fabric_state, f"{TOOL}: Fabric/State"))
    summary = printed.get("Health/Summary")
    device.condition("fabric_healthy", v.observe(summary, fabric_healthy, f"{TOOL}: Fabric/Health/Summary"))


def fabric_state(printed: str) -> str | None:
    """Return the model's word for the state of the NVLink fabric."""
    word = printed.lower().replace(" ", "-")
    return word if word in {"not-supported", "not-started", "in-progress", "completed"} else None


def fabric_healthy(printed: str) -> bool | None:
    """Return whether the fabric reports full health."""
    return {"healthy": True, "unhealthy": False, "limited capacity": False}.get(printed.lower())


def _fill_processes(device: DeviceDraft, section: Section) -> None:
    source = f"{TOOL}: Processes"
    if section.processes and "Used GPU Memory" in section.processes[-1]:  # else the section is cut off
        found = tuple(process for each in section.processes if (process := _process(each)))
        device.condition("processes", Reading(value=found, source=source))
    elif not section.processes and section.printed.get("Processes") == "None":
        device.condition("processes", Reading(value=(), source=source))


def _process(printed: dict[str, str]) -> Process | None:
    pid = v.integer(printed.get("Process ID", ""))
    if pid is None:
        return None
    memory = printed.get("Used GPU Memory", "")
    kind = "graphics" if printed.get("Type", "") == "G" else "compute"
    name = printed.get("Name", "")
    return Process(pid=pid, kind=kind, name=name[: v.MAX_TEXT], memory_bytes=v.size_bytes(memory))


def _add_lost(report: ReportDraft, bus_id: str, reason: str) -> None:
    device = DeviceDraft(vendor="nvidia", source=TOOL)
    device.identify("name", Absent(why="lost", source=TOOL, detail=reason.strip()))
    device.locate("pci_bus_id", v.observe(bus_id.rstrip(":"), v.bus_id, TOOL))
    report.add(device)
    report.note(f"the driver cannot reach the GPU at {bus_id}: {reason.strip()}", why="lost")
