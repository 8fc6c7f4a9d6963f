"""Knows the table that plain ``nvidia-smi`` prints: before R510, since R510, and driver 610's KMD/UMD header.

Cells are found by their bars, not by their lines, so a table that lost its line breaks still reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.model.absent import Absent, Reading
from parity.model.device import Process
from parity.readers import value as v
from parity.readers.draft import DeviceDraft, ReportDraft
from parity.readers.slicing import identify_by_name, slice_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "nvidia-smi-table"
TOOL = "nvidia-smi"
ANCHOR = re.compile(r"\|\s*NVIDIA-SMI +[0-9]|\bNVIDIA-SMI +[0-9.]{3,16} +(?:Driver|KMD) Version")

_DRIVER = re.compile(r"(Driver|KMD) Version: *([0-9A-Za-z./]{1,20})(?=\s)")
_CUDA = re.compile(r"CUDA (?:UMD )?Version: *([0-9.]{1,8}|N/A|Not Found|ERR!)(?=\s)")
_TIME = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) +[A-Z][a-z]{2} +[0-9]{1,2} [0-9:]{8} [0-9]{4}\b")
_FIRST = re.compile(
    r"\|\s{0,8}([0-9]{1,3})\s{1,6}([^|\n]{1,60}?)\s+(On|Off|N/A|WDDM|TCC|MCDM|ERR!)\s*\|"
    r"\s*([0-9A-Fa-fXx]{4,8}:[0-9A-Fa-fXx]{2}:[0-9A-Fa-fXx]{2}\.[0-9A-Fa-fXx]|N/A|ERR!)\s+(On|Off|N/A|ERR!)\s*\|"
    r"\s*([^|\n]{0,40}?)\s*\|"
)
_CELL = r"N/A|ERR!|Unknown Error|\[[^\]|\n]{1,40}\]"
_ANY_ROW = re.compile(r"^[ \t]*\|[ ]{1,4}[0-9]{1,3}[ ]{2}[^ |][^|\n]{1,60}", re.MULTILINE)
_SECOND = re.compile(
    rf"\|\s*({_CELL}|[0-9]{{1,3}} ?%)\s+({_CELL}|[0-9]{{1,3}}C)\s+({_CELL}|P[0-9]{{1,2}})"
    rf"\s+({_CELL}|[0-9.]{{1,7}} ?W)\s*/\s*({_CELL}|[0-9.]{{1,7}} ?W)\s*\|"
    rf"\s*({_CELL}|[0-9]{{1,8}} ?MiB)\s*/\s*({_CELL}|[0-9]{{1,8}} ?MiB)\s*\|"
    rf"\s*({_CELL}|[0-9]{{1,3}} ?%)\s+([^|\n]{{1,30}}?)\s*\|"
)
_SECOND_NO_MEMORY = re.compile(
    rf"\|\s*({_CELL}|[0-9]{{1,3}} ?%)\s+({_CELL}|[0-9]{{1,3}}C)\s+({_CELL}|P[0-9]{{1,2}})"
    rf"\s+({_CELL}|[0-9.]{{1,7}} ?W)\s*/\s*({_CELL}|[0-9.]{{1,7}} ?W)\s*\|"
    rf"\s*(Not Supported|N/A|ERR!|Unknown Error)()\s*\|\s*({_CELL}|[0-9]{{1,3}} ?%)\s+([^|\n]{{1,30}}?)\s*\|"
)
_THIRD = re.compile(r"\|\s+\|\s+\|\s*(Enabled|Disabled|N/A|ERR!)\*?\s*\|")
_SLICE = re.compile(
    r"\|\s*([0-9]{1,3})\s+([0-9]{1,3})\s+([0-9]{1,3})\s+([0-9]{1,3})\s*\|"
    r"\s*([0-9]{1,8} ?MiB)\s*/\s*([0-9]{1,8} ?MiB)\s*\|\s*([0-9]{1,4})\s+(\S{1,8})\s*\|"
)
_PROCESS = re.compile(
    r"\|\s*([0-9]{1,3})\s+(?:(N/A|[0-9]{1,3})\s+(N/A|[0-9]{1,3})\s+)?([0-9]{1,10})\s+(C\+G|C|G|M\+C)\s+"
    r"([^|\n]{1,200}?)\s+([0-9]{1,8} ?MiB|N/A)\s*\|"
)
_PROCESSES = re.compile(r"\|\s*Processes:|No running processes found")
_HANDLE_LOST = re.compile(r"Unable to determine the device handle for GPU[^\n]{1,160}")
_REFUSALS = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver",
    "Failed to initialize NVML",
    "No devices were found",
)
_NO_PROCESS = re.compile(r"No running processes found")


def read(text: str) -> ReportDraft:
    """Return the report of one table.

    By hand: ``nvidia-smi``
    """
    report = ReportDraft(NAME)
    _read_head(report, text)
    table = text[: found.start()] if (found := _PROCESSES.search(text)) else text
    slices = _slices(table)
    table = re.split(r"\|\s*MIG devices:", table, maxsplit=1)[0]
    rows = list(_FIRST.finditer(table))
    for number, row in enumerate(rows):
        end = rows[number + 1].start() if number + 1 < len(rows) else len(table)
        parent = _gpu(row, table[row.end() - 1 : end], mig_column="MIG M." in text)
        _fill_processes(parent, text, int(row.group(1)))
        own = slices.get(int(row.group(1)), [])
        for each in own:
            report.add(_mig_slice(parent, each))
        if not own:
            report.add(parent, None if slices else int(row.group(1)))
    unread = len(_ANY_ROW.findall(table)) - len(rows)
    if unread > 0:
        report.count_unknown("failed", "not every row of the table was understood")
        report.note(f"{unread} GPU rows of the table were not understood")
    elif rows and not _is_closed(table[rows[-1].end() :]):
        report.count_unknown("failed", "the table is cut off")
        report.note("the table is cut off: there may be more GPUs")
    elif rows:
        report.count_listed(len(rows), f"{TOOL}: rows of the table")
    else:
        report.count_unknown("failed", "the table shows no GPU row that was understood")
        _note_refusal(report, text)
    return report


def _read_head(report: ReportDraft, text: str) -> None:
    driver, cuda, printed = _DRIVER.search(text), _CUDA.search(text), _TIME.search(text)
    if driver:
        report.component("driver", v.observe(driver.group(2), v.text, f"{TOOL}: {driver.group(1)} Version"))
    if cuda:
        report.component("cuda_driver", v.observe(cuda.group(1), v.text, f"{TOOL}: {cuda.group().split(':')[0]}"))
    report.printed_time = printed.group() if printed else ""


def _gpu(row: re.Match[str], rest: str, *, mig_column: bool) -> DeviceDraft:
    _, name, persistence, bus, display, ecc = row.groups()
    device = DeviceDraft(vendor="nvidia", source=TOOL)
    device.locate("pci_bus_id", v.observe(bus, v.bus_id, f"{TOOL}: Bus-Id"))
    if persistence in {"On", "Off", "N/A", "ERR!"}:
        device.condition("persistence_enabled", v.observe(persistence, v.flag, f"{TOOL}: Persistence-M"))
    device.condition("display_active", v.observe(display, v.flag, f"{TOOL}: Disp.A"))
    _fill_ecc(device, ecc)
    _fill_second_row(device, rest)
    mig = _THIRD.search(rest)
    mode = mig.group(1) if mig else ""
    source = f"{TOOL}: MIG M."
    if mode:
        device.condition("mig_enabled", v.observe(mode, v.flag, source))
    whole = (
        source if mode in {"Disabled", "N/A"} else "" if mig_column or mode else f"{TOOL}: no MIG column (before R450)"
    )
    identify_by_name(device, name.strip(), source=f"{TOOL}: Name", whole=whole)
    return device


def _is_closed(tail: str) -> bool:
    """Return whether the rule that ends a GPU's rows was printed, and no further row was begun."""
    _, rule, rest = tail.rpartition("+--")
    return bool(rule) and "|" not in rest


def _fill_ecc(device: DeviceDraft, cell: str) -> None:
    """Keep the cell: a count with ECC on, Off with ECC off, N/A without ECC, On when MIG keeps the counts."""
    source = f"{TOOL}: Volatile Uncorr. ECC"
    if cell.isdigit():
        device.condition("ecc_uncorrected", v.observe(cell, v.integer, source))
        device.condition("ecc_enabled", Reading(value=True, source=f"{source} (a count is shown only with ECC on)"))
    else:
        device.condition("ecc_enabled", v.observe(cell, v.flag, source))


def _fill_second_row(device: DeviceDraft, rest: str) -> None:
    row = _SECOND.search(rest) or _SECOND_NO_MEMORY.search(rest)
    if row is None:
        return
    fan, temperature, state, draw, cap, used, total, busy, mode = row.groups()
    device.condition("fan_percent", v.observe(fan, v.integer, f"{TOOL}: Fan"))
    device.condition("temperature_c", v.observe(temperature, v.number, f"{TOOL}: Temp"))
    device.condition("performance_state", v.observe(state, v.performance_state, f"{TOOL}: Perf"))
    device.condition("power_draw_w", v.observe(draw, v.number, f"{TOOL}: Pwr:Usage"))
    device.condition("power_limit_w", v.observe(cap, v.number, f"{TOOL}: Pwr:Cap"))
    device.condition("memory_used_bytes", v.observe(used, v.size_bytes, f"{TOOL}: Memory-Usage"))
    device.identify("memory_bytes", v.observe(total or used, v.size_over_zero, f"{TOOL}: Memory-Usage"))
    device.condition("utilization_gpu_percent", v.observe(busy, v.integer, f"{TOOL}: GPU-Util"))
    device.condition("compute_mode", v.observe(mode, v.compute_mode, f"{TOOL}: Compute M."))


def _slices(table: str) -> dict[int, list[re.Match[str]]]:
    """Return the rows of the MIG section, by the GPU they are cut from."""
    _, found, section = table.partition("MIG devices:")
    rows: dict[int, list[re.Match[str]]] = {}
    for row in _SLICE.finditer(section) if found else ():
        rows.setdefault(int(row.group(1)), []).append(row)
    return rows


def _mig_slice(parent: DeviceDraft, row: re.Match[str]) -> DeviceDraft:
    source = f"{TOOL}: MIG devices"
    device = slice_of(parent, profile="", source=source)
    device.identify("memory_bytes", v.observe(row.group(6), v.size_over_zero, f"{source}: Memory-Usage"))
    device.identify("sm_count", v.observe(row.group(7), v.positive, f"{source}: SM"))
    device.condition("memory_used_bytes", v.observe(row.group(5), v.size_bytes, f"{source}: Memory-Usage"))
    device.condition("ecc_uncorrected", v.observe(row.group(8), v.integer, f"{source}: Unc ECC"))
    return device


def _fill_processes(device: DeviceDraft, text: str, index: int) -> None:
    section = _PROCESSES.search(text)
    if section is None:
        return
    body = text[section.start() :]
    last = max((row.end() for row in _PROCESS.finditer(body)), default=body.rfind("="))
    if _NO_PROCESS.search(body) or (last > 0 and "+--" in body[last:]):  # else the section is cut off
        found = tuple(_processes(body, index))
        device.condition("processes", Reading(value=found, source=f"{TOOL}: Processes"))


def _processes(body: str, index: int) -> Iterator[Process]:
    for row in _PROCESS.finditer(body):
        gpu, _, _, pid, kind, name, memory = row.groups()
        if int(gpu) == index:
            word = "graphics" if kind == "G" else "compute"
            yield Process(pid=int(pid), kind=word, name=name, memory_bytes=v.size_bytes(memory))


def _note_refusal(report: ReportDraft, text: str) -> None:
    for line in text.split("\n")[:400]:
        if re.search(r"GPU is lost|Unknown Error|No devices were found|couldn't communicate", line):
            report.note(line.strip()[:200], why="lost" if "lost" in line else "failed")


def refusal(text: str) -> Absent | None:
    """Return why there is no table, when nvidia-smi printed an error instead."""
    lost = _HANDLE_LOST.search(text)
    if lost:
        return Absent(why="lost", source=TOOL, detail=lost.group().strip())
    for words in _REFUSALS:
        if words in text:
            return Absent(why="failed", source=TOOL, detail=words)
    return None
