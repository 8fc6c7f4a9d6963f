"""Knows ``nvidia-smi -q -x``: the same readings as XML, whose element names changed with the drivers."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from parity.errors import InputFileError
from parity.model.absent import Absent, Reading
from parity.model.device import Process
from parity.readers import nvidia_fields
from parity.readers import value as v
from parity.readers.draft import DeviceDraft, ReportDraft
from parity.readers.nvidia_smi_query import fabric_healthy, fabric_state
from parity.readers.slicing import slice_of

NAME = "nvidia-smi-xml"
TOOL = "nvidia-smi -q -x"

_START = re.compile(r"<nvidia_smi_log\b")
_END = "</nvidia_smi_log>"
_MAX_DEPTH = 24


def detect(text: str) -> bool:
    """Return whether the text holds a log of ``nvidia-smi -q -x``."""
    return _START.search(text) is not None


def read(text: str, *, where: str) -> ReportDraft:
    """Return the report of the first XML log in a text.

    By hand: ``nvidia-smi -q -x``

    Raises:
        InputFileError: the XML is broken, cut off, or declares entities.
    """
    root = _parse(text, where)
    report = ReportDraft(NAME)
    head = _flatten(root, skip="gpu")
    for names, component in (
        (("kmd_version", "driver_version"), "driver"),
        (("cuda_umd_version", "cuda_version"), "cuda_driver"),
    ):
        for name in names:
            if name in head:
                version = head[name].split(" [")[0]
                report.component(component, v.observe(version, v.text, f"{TOOL}: {name}"))
    report.device_count = v.observe(head.get("attached_gpus"), v.integer, f"{TOOL}: attached_gpus")
    report.printed_time = head.get("timestamp", "")
    for gpu in root.findall("gpu"):
        _add_gpu(report, gpu)
    if report.devices:
        report.count_listed(len(root.findall("gpu")), f"{TOOL}: gpu elements")
    return report


def _parse(text: str, where: str) -> ET.Element:
    start = _START.search(text)
    if start is None:
        raise InputFileError("no nvidia_smi_log element", where=where, mend="give the whole XML file")
    head = text[: start.start()]
    end = text.find(_END, start.start())
    body = text[start.start() : end + len(_END)] if end >= 0 else text[start.start() :]
    if "<!ENTITY" in head or "<!ENTITY" in body or "<!DOCTYPE" in body or re.search(r"<!DOCTYPE[^>]{0,400}\[", head):
        raise InputFileError(
            "the XML declares entities or an inner document type",
            where=where,
            mend="export it again with nvidia-smi -q -x",
        )
    try:
        return ET.fromstring(body)  # noqa: S314  (no document type is passed on, so no entity can be declared)
    except (ET.ParseError, ValueError) as error:
        raise InputFileError(
            f"not complete XML: {error}", where=where, mend="give the whole output of nvidia-smi -q -x"
        ) from error


def _flatten(element: ET.Element, *, skip: str = "") -> dict[str, str]:
    """Return element path -> text of every leaf below ``element``; the first of a path wins."""
    printed: dict[str, str] = {}
    stack = [(child, child.tag) for child in reversed(element)]
    while stack:
        node, path = stack.pop()
        if node.tag == skip or path.count("/") > _MAX_DEPTH:
            continue
        if len(node) == 0:
            printed.setdefault(path, (node.text or "").strip())
        stack.extend((child, f"{path}/{child.tag}") for child in reversed(node))
    return printed


def _add_gpu(report: ReportDraft, gpu: ET.Element) -> None:
    printed = _flatten(gpu, skip="supported_clocks")
    parent = DeviceDraft(vendor="nvidia", source=TOOL)
    nvidia_fields.fill(parent, printed, dialect="xml", tool=TOOL)
    nvidia_fields.fill_private(parent, uuid=printed.get("uuid"), serial=printed.get("serial"), tool=TOOL)
    parent.locate("pci_bus_id", v.observe(gpu.get("id"), v.bus_id, f"{TOOL}: gpu id"))
    part = printed.get("gpu_part_number", "")
    if re.match(r"[0-9]{3}-", part):
        parent.identify("board_part_number", v.observe(part, v.text, f"{TOOL}: gpu_part_number"))
    _fill_health(parent, printed)
    _fill_reasons(parent, printed)
    _fill_processes(parent, gpu)
    slices = gpu.findall("mig_devices/mig_device")
    for each in slices:
        report.add(_mig_slice(parent, each))
    if not slices:
        report.add(parent)


def _mig_slice(parent: DeviceDraft, element: ET.Element) -> DeviceDraft:
    printed = _flatten(element)
    source = f"{TOOL}: mig_device"
    device = slice_of(parent, profile=printed.get("profile", ""), source=source)
    device.locate("uuid", v.masked_or(printed.get("uuid"), f"{source}/uuid"))
    device.identify(
        "sm_count",
        v.observe(
            printed.get("device_attributes/shared/multiprocessor_count"),
            v.positive,
            f"{source}/multiprocessor_count",
        ),
    )
    device.identify("memory_bytes", _size(printed, "fb_memory_usage/total", source))
    device.identify("bar1_bytes", _size(printed, "bar1_memory_usage/total", source))
    device.condition("memory_used_bytes", _size(printed, "fb_memory_usage/used", source))
    device.condition("memory_reserved_bytes", _size(printed, "fb_memory_usage/reserved", source))
    device.condition("memory_free_bytes", _size(printed, "fb_memory_usage/free", source))
    device.condition("bar1_used_bytes", _size(printed, "bar1_memory_usage/used", source))
    counts = ("ecc_error_count/volatile_count/sram_uncorrectable",)
    device.condition("ecc_uncorrected", nvidia_fields.total(printed, counts, f"{source}/{counts[0]}"))
    return device


def _size(printed: dict[str, str], path: str, source: str) -> Reading[int] | Absent:
    return v.observe(printed.get(path), v.size_bytes, f"{source}/{path}")


def _fill_health(device: DeviceDraft, printed: dict[str, str]) -> None:
    volatile = "ecc_errors/volatile"
    corrected = (f"{volatile}/sram_correctable", f"{volatile}/dram_correctable")
    device.condition("ecc_corrected", nvidia_fields.total(printed, corrected, f"{TOOL}: {volatile}"))
    for sram in (("sram_uncorrectable",), ("sram_uncorrectable_parity", "sram_uncorrectable_secded")):
        names = tuple(f"{volatile}/{name}" for name in (*sram, "dram_uncorrectable"))
        device.condition("ecc_uncorrected", nvidia_fields.total(printed, names, f"{TOOL}: {volatile}"))
    pages = (
        "retired_pages/multiple_single_bit_retirement/retired_count",
        "retired_pages/double_bit_retirement/retired_count",
    )
    device.condition("retired_pages", nvidia_fields.total(printed, pages, f"{TOOL}: retired_pages"))
    device.condition("fabric_state", v.observe(printed.get("fabric/state"), fabric_state, f"{TOOL}: fabric/state"))
    summary = printed.get("fabric/health/summary")
    device.condition("fabric_healthy", v.observe(summary, fabric_healthy, f"{TOOL}: fabric/health/summary"))


def _fill_reasons(device: DeviceDraft, printed: dict[str, str]) -> None:
    for section in ("clocks_event_reasons", "clocks_throttle_reasons"):
        reasons = {path.split("/")[1]: text for path, text in printed.items() if path.startswith(f"{section}/")}
        nvidia_fields.fill_reasons(device, reasons, source=f"{TOOL}: {section}")


def _fill_processes(device: DeviceDraft, gpu: ET.Element) -> None:
    section = gpu.find("processes")
    if section is None or v.why_absent((section.text or "x").strip() or "x"):
        return
    found = tuple(process for each in section.findall("process_info") if (process := _process(each)))
    device.condition("processes", Reading(value=found, source=f"{TOOL}: processes"))


def _process(element: ET.Element) -> Process | None:
    printed = _flatten(element)
    pid = v.integer(printed.get("pid", ""))
    if pid is None:
        return None
    kind = "graphics" if printed.get("type") == "G" else "compute"
    memory = v.size_bytes(printed.get("used_memory", ""))
    return Process(pid=pid, kind=kind, name=printed.get("process_name", "")[: v.MAX_TEXT], memory_bytes=memory)
