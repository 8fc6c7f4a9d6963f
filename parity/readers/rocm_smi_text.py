"""Knows rocm-smi's text: ``GPU[0] : label: value`` lines, and the summary table in its three layouts.

ROCm 5 and older head it ``GPU Temp AvgPwr``, 5.7 to 6.0 ``Device [Model : Revision]``, later ``Device Node IDs``.
"""

from __future__ import annotations

import re

from parity.model.absent import Reading
from parity.readers import rocm_smi_fields, topology
from parity.readers import value as v
from parity.readers.draft import DeviceDraft, ReportDraft

NAME = "rocm-smi-text"
TOOL = "rocm-smi"
ANCHOR = re.compile(r"ROCm System Management Interface")

_LINE = re.compile(
    r"GPU\[([0-9]{1,3})\][ \t]{0,12}: ?([A-Za-z(][^:\n]{1,60}?)[ \t]*:+[ \t]*([^\n]{1,200}?)[ \t]*(?=\n|[ \t]GPU\[)"
)
_DRIVER = re.compile(r"Driver version: {0,8}([0-9][0-9A-Za-z.\-]{1,40})(?=\s)")
_TEMPERATURE = r"[0-9.]{1,6} ?\u00b0?[cC]|N/A"
_WATTS = r"[0-9.]{1,8}W|N/A"
_CLOCK = r"[0-9]{1,5}[Mm]hz|N/A|None"
_PERCENT = r"[0-9.]{1,6} ?%|N/A|unknown"
_ROW = re.compile(
    rf"(?<![\w.\[])([0-9]{{1,3}})\s+"
    rf"(?:[0-9]{{1,4}}\s+(0x[0-9a-fA-F]{{1,6}}|N/A),\s*[0-9]{{1,8}}\s+|\[(0x[0-9a-fA-F]{{1,6}})\s*:\s*(0x[0-9a-fA-F]{{1,4}})\]\s+)?"
    rf"({_TEMPERATURE})\s+({_WATTS})\s+"
    rf"(?:(NPS[0-9]|N/A),\s*([A-Z]{{3}}|N/A)(?:,\s*(?:[0-9]{{1,2}}|N/A))?\s+)?"
    rf"({_CLOCK})\s+({_CLOCK})\s+({_PERCENT})\s+([a-z_/]{{1,16}})\s+({_WATTS}|unsupported)\s+({_PERCENT})\s+({_PERCENT})"
)
_NEXT_NAME = re.compile(r"[ \t]*\n[ \t]{4,}([A-Za-z][^\n=]{2,60}?)[ \t]*(?=\n)")


def read(text: str) -> ReportDraft:
    """Return the report of one text output.

    By hand: ``rocm-smi``, ``rocm-smi -a``, ``rocm-smi --showtopo``
    """
    report = ReportDraft(NAME)
    cards = _cards(text)
    rows = {int(row.group(1)): row for row in reversed(list(_ROW.finditer(text)))}
    for index in sorted(cards.keys() | rows.keys()):
        device = rocm_smi_fields.read_card(cards.get(index, {}))
        if index in rows:
            _fill_row(device, rows[index], text)
        report.add(device, index)
    driver = _DRIVER.search(text)
    report.component("driver", v.observe(driver.group(1) if driver else None, v.text, f"{TOOL}: Driver version"))
    _count(report, text)
    return report


def _cards(text: str) -> dict[int, dict[str, str]]:
    """Return label -> text of each card; cards of which only the NUMA node is printed are left out."""
    cards: dict[int, dict[str, str]] = {}
    for number, label, printed in _LINE.findall(text):
        cards.setdefault(int(number), {}).setdefault(rocm_smi_fields.normal_label(label), printed)
    return {
        number: labels
        for number, labels in cards.items()
        if any(not label.startswith("(topology)") for label in labels)
    }


def _fill_row(device: DeviceDraft, row: re.Match[str], text: str) -> None:
    (
        _,
        part,
        older_part,
        revision,
        temperature,
        draw,
        memory_mode,
        mode,
        sclk,
        mclk,
        fan,
        level,
        cap,
        _,
        busy,
    ) = row.groups()
    table = f"{TOOL} table"
    name = _NEXT_NAME.match(text, row.end()) if older_part else None
    labels = {
        "device id": part or older_part,
        "device rev": revision,
        "device name": name.group(1) if name else None,
        "compute partition": mode,
        "memory partition": memory_mode,
    }
    summary = rocm_smi_fields.read_card({label: printed for label, printed in labels.items() if printed})
    for field, observed in summary.identity.items():
        device.identify(field, observed)
    for field, observed in summary.conditions.items():
        device.condition(field, observed)
    device.condition("temperature_c", v.observe(temperature, v.number, f"{table}: Temp"))
    device.condition("power_draw_w", v.observe(draw, v.number, f"{table}: Power"))
    device.condition("clock_sm_mhz", v.observe(sclk, v.integer, f"{table}: SCLK"))
    device.condition("clock_memory_mhz", v.observe(mclk, v.integer, f"{table}: MCLK"))
    device.condition("fan_percent", v.observe(fan, v.integer, f"{table}: Fan"))
    device.condition("performance_level", v.observe(level, v.text, f"{table}: Perf"))
    device.condition("power_limit_w", v.observe(cap, v.watts_over_zero, f"{table}: PwrCap"))
    device.condition("utilization_gpu_percent", v.observe(busy, v.integer, f"{table}: GPU%"))


def _last_row(text: str) -> int:
    ends = [match.end() for pattern in (_ROW, _LINE) for match in pattern.finditer(text)]
    return max(ends, default=0)


def _count(report: ReportDraft, text: str) -> None:
    count, report.links = topology.read_amd(text)
    if report.devices and "====" not in text[_last_row(text) :]:
        report.count_unknown("failed", "the rule below the last GPU is missing: the output may be cut off")
    elif report.devices:
        report.count_listed(len(report.devices), f"{TOOL}: GPUs listed")
    elif count > 1:
        report.device_count = Reading(value=count, source=f"{TOOL} --showtopo")
        report.note("only the connection matrix was found: it says how many GPUs there are, not which")
    else:
        report.count_unknown("failed", "no GPU was found in the rocm-smi output")
