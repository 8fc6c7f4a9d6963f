"""Knows ``nvidia-smi -L``: one line per GPU with its UUID, MIG slices indented below their GPU."""

from __future__ import annotations

import re
from typing import NamedTuple

from parity.model.absent import Absent
from parity.readers import value as v
from parity.readers.clean import split_labels
from parity.readers.draft import DeviceDraft, ReportDraft
from parity.readers.slicing import identify_by_name, slice_of

NAME = "nvidia-smi-list"
TOOL = "nvidia-smi -L"
ANCHOR = re.compile(r"GPU 0: [^\n(]{1,80} \(UUID: GPU-")

_ITEM = re.compile(
    r"\b(?:GPU [0-9]{1,3}: |MIG [0-9a-z.+\-]{3,24} +Device +[0-9]{1,3}:|Unable to determine the device handle)"
)
_GPU = re.compile(r"^GPU ([0-9]{1,3}): (.*?)(?: \(UUID: ([^)\n]{0,60})\)?)?$")
_MIG = re.compile(r"^MIG ([0-9a-z.+\-]{3,24}) +Device +[0-9]{1,3}:(?: *\(UUID: ([^)\n]{0,80})\)?)?")
_LOST = re.compile(r"^Unable to determine the device handle for GPU ?([0-9A-Fa-f:.]{7,16}): (.{1,80})")


class Listed(NamedTuple):
    """What the lines of one list say: drafts in order, and the number of GPUs they belong to."""

    devices: list[DeviceDraft]
    gpus: int


def read(text: str) -> ReportDraft:
    """Return the report of one list.

    By hand: ``nvidia-smi -L``
    """
    report = ReportDraft(NAME)
    listed = read_lines(text, tool=TOOL)
    for device in listed.devices:
        report.add(device)
    report.count_listed(listed.gpus, f"{TOOL}: GPUs listed")
    return report


def read_lines(text: str, *, tool: str) -> Listed:
    """Return the devices of GPU and MIG lines; collect_env prints the same list without UUIDs.

    A GPU with slices is not itself a device: nothing runs on the whole of it.
    """
    devices: list[DeviceDraft] = []
    parent: DeviceDraft | None = None
    gpus, any_slice = 0, " MIG " in f" {text}"
    for line in split_labels(text, _ITEM).split("\n"):
        row = line.strip()
        gpu, mig, lost = _GPU.match(row), _MIG.match(row), _LOST.match(row)
        if gpu:
            gpus += 1
            parent = _gpu(gpu, tool)
            devices.append(parent)
        elif mig and parent is not None:
            if devices and devices[-1] is parent:
                devices.pop()
            devices.append(_slice(parent, mig, tool))
        elif lost:
            gpus += 1
            devices.append(_lost(lost, tool))
    if any_slice:
        _say_whole_beside_slices(devices, tool)
    return Listed(devices, gpus)


def _say_whole_beside_slices(devices: list[DeviceDraft], tool: str) -> None:
    for device in devices:
        if "partition" not in device.identity and "name" in device.identity:
            device.partition("none", f"{tool}: no MIG line below this GPU")


def _gpu(row: re.Match[str], tool: str) -> DeviceDraft:
    device = DeviceDraft(vendor="nvidia", source=tool)
    identify_by_name(
        device,
        row.group(2).strip(),
        source=f"{tool}: GPU {row.group(1)}",
        whole=f"{tool}: no MIG line below this GPU",
    )
    if row.group(3):
        device.locate("uuid", v.masked_or(row.group(3), f"{tool}: UUID"))
    return device


def _slice(parent: DeviceDraft, row: re.Match[str], tool: str) -> DeviceDraft:
    device = slice_of(parent, profile=row.group(1), source=f"{tool}: MIG {row.group(1)}")
    if row.group(2):
        device.locate("uuid", v.masked_or(row.group(2), f"{tool}: MIG UUID"))
    return device


def _lost(row: re.Match[str], tool: str) -> DeviceDraft:
    device = DeviceDraft(vendor="nvidia", source=tool)
    reason = row.group(2).strip()
    device.identify("name", Absent(why="lost", source=tool, detail=reason))
    device.locate("pci_bus_id", v.observe(row.group(1).rstrip(":"), v.bus_id, tool))
    return device
