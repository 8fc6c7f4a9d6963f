"""Knows ``amd-smi list|static|metric|topology --json``: a list of GPUs, or since ROCm 6.4 ``{"gpu_data": [...]}``."""

from __future__ import annotations

from typing import Any

from parity.model.fingerprint import Link
from parity.readers import amd_smi_fields
from parity.readers import value as v
from parity.readers.draft import ReportDraft

NAME = "amd-smi-json"
TOOL = "amd-smi --json"
_WRAPPERS = ("gpu_data", "gpus", "gpu_metrics")
_KEYS = frozenset(
    {
        "asic",
        "bus",
        "vram",
        "limit",
        "driver",
        "board",
        "partition",
        "bdf",
        "gpu_bdf",
        "usage",
        "power",
        "clock",
        "temperature",
        "mem_usage",
        "links",
        "link_type",
        "perf_level",
        "pcie",
        "ecc",
        "uuid",
        "gpu_uuid",
        "vbios",
        "fan",
    }
)
_MAX_GPUS = 512


def detect(data: Any) -> bool:
    """Return whether a JSON value is an output of amd-smi."""
    return bool(_gpus(data))


def read(data: Any) -> ReportDraft:
    """Return the report of one JSON output.

    By hand: ``amd-smi static --json``
    """
    report = ReportDraft(NAME)
    gpus = _gpus(data)
    for position, node in enumerate(gpus):
        index = node.get("gpu")
        amd_smi_fields.read_driver(report, node)
        report.add(
            amd_smi_fields.read_gpu(node),
            index if isinstance(index, int) and 0 <= index < _MAX_GPUS else position,
        )
    report.links = _links(gpus)
    report.count_listed(len(gpus), f"{TOOL}: GPUs listed")
    if isinstance(data, dict):
        for key in ("rocm_version", "ROCm version"):
            report.component("rocm", v.observe(v.scalar(data.get(key)), v.text, f"{TOOL}: {key}"))
    return report


def _gpus(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, dict):
        for wrapper in _WRAPPERS:
            if isinstance(data.get(wrapper), list):
                data = data[wrapper]
                break
        else:
            data = [data]
    if not isinstance(data, list):
        return []
    gpus = [_lower(node) for node in data[:_MAX_GPUS] if isinstance(node, dict)]
    return [node for node in gpus if "gpu" in node and _KEYS & node.keys()]


def _lower(node: Any, depth: int = 0) -> Any:
    """Return the value with lower-case keys, down to the depth amd-smi uses."""
    if isinstance(node, dict) and depth < 8:
        return {str(key).lower(): _lower(value, depth + 1) for key, value in node.items()}
    if isinstance(node, list) and depth < 8:
        return [_lower(value, depth + 1) for value in node]
    return node


def _links(gpus: list[dict[str, Any]]) -> tuple[Link, ...]:
    """Return the links of ``amd-smi topology --json``, both of its layouts."""
    found: dict[tuple[int, int], str] = {}
    for node in gpus:
        a = node.get("gpu")
        for b, kind in _ends(node):
            if isinstance(a, int) and a < b:
                found.setdefault((a, b), kind)
    kinds = {"XGMI": "xgmi", "PCIE": "pcie"}
    return tuple(Link(a=a, b=b, kind=kinds[kind], path=kind) for (a, b), kind in sorted(found.items()) if kind in kinds)


def _ends(node: dict[str, Any]) -> list[tuple[int, str]]:
    ends: list[tuple[int, str]] = []
    links = node.get("links")
    if isinstance(links, list):
        ends.extend(
            (link["gpu"], str(link.get("link_type", "")).upper())
            for link in links
            if isinstance(link, dict) and isinstance(link.get("gpu"), int)
        )
    kinds = node.get("link_type")
    if isinstance(kinds, dict):
        for name, kind in kinds.items():
            number = str(name).removeprefix("gpu_")
            if number.isdecimal() and len(number) < 4:
                ends.append((int(number), str(kind).upper()))
    return ends
