"""Knows ``nvidia-smi --query-gpu=... --format=csv`` with its header line; without one no column has a name."""

from __future__ import annotations

import re

from parity.model.absent import Absent, Reading
from parity.readers import nvidia_fields
from parity.readers import value as v
from parity.readers.draft import DeviceDraft, ReportDraft

NAME = "nvidia-smi-csv"
TOOL = "nvidia-smi --query-gpu"

_UNIT = re.compile(r"\s*\[([^\]]{1,12})\]\s*$")
_KNOWN = frozenset(name for label in nvidia_fields.LABELS for name in label.csv) | {
    "index",
    "uuid",
    "gpu_uuid",
    "serial",
    "gpu_serial",
    "driver_version",
    "kmd_version",
    "count",
    "timestamp",
}
_REASONS = ("clocks_event_reasons.", "clocks_throttle_reasons.")
_CLOSED = re.compile(r"(?:MiB|MHz| W|%|\]|Enabled|Disabled|Active|Default)$")
_ALONE = frozenset({"name", "gpu_name"})
MAX_ROWS = 1024


def find(text: str) -> list[int]:
    """Return the offsets of header lines."""
    offsets, offset = [], 0
    for line in text.split("\n"):
        if _is_header(line):
            offsets.append(offset)
        offset += len(line) + 1
    return offsets


def _is_header(line: str) -> bool:
    """Return whether a line names columns of --query-gpu, and not of --query-compute-apps."""
    if not 4 <= len(line) < 20_000 or "--query" in line or ":" in line:
        return False
    names = _columns(line)
    if "pid" in names or "retired_pages.address" in names:
        return False
    known = sum(name in _KNOWN for name in names)
    return known >= 2 and known * 4 >= len(names) if len(names) > 1 else names[0] in _ALONE and line.strip() == names[0]


def _columns(line: str) -> list[str]:
    return [_UNIT.sub("", cell).strip() for cell in line.split(",")]


def read(text: str) -> ReportDraft:
    """Return the report of the table whose header is the first line of ``text``.

    By hand: ``nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv``
    """
    report = ReportDraft(NAME)
    lines = text.split("\n")
    columns = _columns(lines[0])
    counts: list[object] = []
    for printed in _rows(_without_cut_cell(lines[1:]), columns):
        for name in ("kmd_version", "driver_version"):
            report.component("driver", v.observe(printed.get(name), v.text, f"{TOOL}: {name}"))
        counts.append(printed.get("count"))
        index = v.integer(printed.get("index", ""))
        report.add(_gpu(printed), index)
    if any(counts):
        report.device_count = v.observe(counts[0], v.integer, f"{TOOL}: count")
    if not text.endswith("\n") and lines[-1].strip() and len(report.devices) < len(lines) - 1:
        report.count_unknown("failed", "the last row is cut off")
        report.note("the last row is cut off: its GPU is not listed")
    elif report.devices:
        report.count_listed(len(report.devices), f"{TOOL}: rows")
    else:
        report.count_unknown("failed", "the table has a header and no row")
    return report


def _without_cut_cell(lines: list[str]) -> list[str]:
    """Return the lines, the last cell blanked when the text ends with it and no unit or bracket closes it."""
    if not lines or not lines[-1].strip() or _CLOSED.search(lines[-1]):
        return lines
    row, comma, _ = lines[-1].rpartition(",")
    return [*lines[:-1], f"{row}{comma}"] if comma else lines[:-1]


def _rows(lines: list[str], columns: list[str]) -> list[dict[str, str]]:
    """Return the rows below a header, the first of each GPU: ``-l`` repeats them."""
    rows: list[dict[str, str]] = []
    seen: set[tuple[str, ...]] = set()
    for line in lines:
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != len(columns) or not line.strip() or len(rows) >= MAX_ROWS:
            break
        printed = dict(zip(columns, cells, strict=True))
        key = tuple(printed.get(name, "") for name in ("index", "uuid", "gpu_uuid", "pci.bus_id"))
        if any(key) and key in seen:
            continue
        seen.add(key)
        rows.append(printed)
    return rows


def _gpu(printed: dict[str, str]) -> DeviceDraft:
    device = DeviceDraft(vendor="nvidia", source=TOOL)
    nvidia_fields.fill(device, printed, dialect="csv", tool=TOOL)
    uuid = printed.get("uuid", printed.get("gpu_uuid"))
    nvidia_fields.fill_private(device, uuid=uuid, serial=printed.get("serial", printed.get("gpu_serial")), tool=TOOL)
    reasons = {name: text for name, text in printed.items() if name.startswith(_REASONS)}
    nvidia_fields.fill_reasons(device, reasons, source=f"{TOOL}: clocks_event_reasons")
    for name in ("clocks_event_reasons.active", "clocks_throttle_reasons.active"):
        mask = v.observe(printed.get(name), nvidia_fields.active_reasons, f"{TOOL}: {name}")
        device.condition("throttle_reasons", mask)
    _fill_state(device, printed)
    return device


def _fill_state(device: DeviceDraft, printed: dict[str, str]) -> None:
    """Say that a GPU is lost where the name, which it still answers, would look healthy."""
    lost = [text for text in printed.values() if v.why_absent(text) == "lost"]
    name = device.identity.get("name")
    if lost and isinstance(name, Reading) and "memory_bytes" not in device.identity:
        device.identify("memory_bytes", Absent(why="lost", source=TOOL, detail=lost[0]))
