"""Knows the human-readable output of ``amd-smi list|static|metric``: ``GPU: 0`` and indented upper-case keys."""

from __future__ import annotations

import re
from typing import Any

from parity.readers import amd_smi_fields
from parity.readers import value as v
from parity.readers.clean import finished, split_labels
from parity.readers.draft import ReportDraft

NAME = "amd-smi-text"
ANCHOR = re.compile(
    r"(?<![\w.])GPU: [0-9]{1,3}\s{1,40}(?:ASIC|BDF|BUS|USAGE|POWER|CLOCK|VRAM|LIMIT|PARTITION|TEMPERATURE|MEM_USAGE"
    r"|DRIVER|BOARD|VBIOS|IFWI|PCIE|UUID|FAN|ECC)\s{0,40}:"
)

_GPU = re.compile(r"^GPU: ([0-9]{1,3})$")
_VERSION = re.compile(r"ROCm version: *([0-9][0-9A-Za-z.\-]{0,20})")
_SECTIONS = frozenset(
    {
        "asic",
        "bus",
        "vbios",
        "ifwi",
        "limit",
        "driver",
        "board",
        "ras",
        "partition",
        "soc_pstate",
        "xgmi_plpd",
        "numa",
        "vram",
        "cache_info",
        "usage",
        "power",
        "clock",
        "temperature",
        "pcie",
        "ecc",
        "fan",
        "mem_usage",
        "energy",
        "throttle",
        "voltage",
        "voltage_curve",
    }
)
_CLOCK = re.compile(r"(?:gfx|mem|vclk|dclk|soc|fclk)(?:_[0-9]{1,2})?")
_COLLAPSED = re.compile(r"(?<!\S)(?:GPU: [0-9]{1,3}(?=\s+[A-Z_]{2,20}:)|[A-Z][A-Z0-9_]{1,40}:(?=\s))")


def read(text: str) -> ReportDraft:
    """Return the report of one text output; outputs of several subcommands in a row add up.

    By hand: ``amd-smi static``
    """
    report = ReportDraft(NAME)
    gpus = _nest(finished(split_labels(text, _COLLAPSED)))
    for index, node in gpus.items():
        amd_smi_fields.read_driver(report, node)
        report.add(amd_smi_fields.read_gpu(node), index)
    rocm = _VERSION.search(text)
    report.component("rocm", v.observe(rocm.group(1) if rocm else None, v.text, "amd-smi version"))
    if text.endswith("\n"):
        report.count_listed(len(gpus), "amd-smi: GPUs listed")
    else:
        report.count_unknown("failed", "the last line has no end: the output may be cut off")
    return report


def _nest(text: str) -> dict[int, dict[str, Any]]:
    """Return the keys of each GPU, nested by known section names, so lost indentation does no harm."""
    gpus: dict[int, dict[str, Any]] = {}
    gpu: dict[str, Any] | None = None
    section: list[str] = []
    for raw in text.split("\n"):
        row = raw.strip()
        title = _GPU.match(row)
        if title:
            gpu, section = gpus.setdefault(int(title.group(1)), {}), []
            continue
        key, colon, value = row.partition(":")
        if gpu is None or not colon or not re.fullmatch(r"[A-Z][A-Z0-9_ ]{0,40}", key):
            continue
        key = key.lower()
        if value.strip():
            in_section = _is_indented(raw) or not section
            _store(gpu, section if in_section else [], key, value.strip())
        else:
            section = _open(section, key)
    return gpus


def _is_indented(raw: str) -> bool:
    """Return whether a row may lie in a section: anything but the four columns of a GPU's own keys."""
    return len(raw) - len(raw.lstrip()) != 4


def _open(section: list[str], key: str) -> list[str]:
    if key in _SECTIONS:
        return [key]
    if section[:1] == ["clock"] and _CLOCK.fullmatch(key):
        return ["clock", key]
    if section[:1] == ["limit"] and re.fullmatch(r"ppt[0-9]", key):
        return ["limit", key]
    return [*section[:1], key]


def _store(gpu: dict[str, Any], section: list[str], key: str, value: str) -> None:
    node = gpu
    for name in section:
        inner = node.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        node = inner
    node.setdefault(key, value)
