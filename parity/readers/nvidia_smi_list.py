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
ANCHOR = re.compile(r"GPU 0: [^\n(]{1,80} \(UUID: ")

_ITEM = re.compile(
    r"\b(?:GPU [0-9]{1,3}: |MIG [0-9a-z.+\-]{3,24} +Device +[0-9]{1,3}:|Unable to determine the device handle)"
)
_BEGUN = re.compile(r"G(?:$|P)|M(?:$|I)|U(?:$|n)")  # a cut line of the list, not a sentence below it
_GPU = re.compile(r"^GPU ([0-9]{1,3}): (.*?)(?: \(UUID: (?:([^)\n]{0,60})\))?.*)?$")
_MIG = re.compile(r"^MIG ([0-9a-z.+\-]{3,24}) +Device +[0-9]{1,3}:(?: *\(UUID: ([^)\n]{0,80})\))?")
_LOST = re.compile(r"^Unable to determine the device handle for GPU ?(?:[0-9]{1,3}: )?([0-9A-Fa-f:.]{7,16}): (.{1,80})")


class Listed(NamedTuple):
    """What the lines of one list say.

    Attributes:
        devices: drafts in order.
        gpus: the number of GPUs they belong to.
        unknown: lines that were not understood.
        ended: whether the last line is complete.
    """

    devices: list[DeviceDraft]
    gpus: int
    unknown: tuple[str, ...]
    ended: bool


def read(text: str) -> ReportDraft:
    """Return the report of one list.

    By hand: ``nvidia-smi -L``
    """
    report = ReportDraft(NAME)
    listed = read_lines(text, tool=TOOL, uuids="(UUID: " in text, ended=text.endswith(("\n", ")")))
    for device in listed.devices:
        report.add(device)
    if listed.ended:
        report.count_listed(listed.gpus, f"{TOOL}: GPUs listed")
    else:
        report.count_unknown("failed", "the list is cut off")
        report.note("the list is cut off: there may be more GPUs")
    return report


def read_lines(text: str, *, tool: str, uuids: bool = False, ended: bool = True) -> Listed:
    """Return the devices of GPU and MIG lines; collect_env prints the same list without UUIDs.

    A GPU with slices is not itself a device: nothing runs on the whole of it.

    Args:
        text: the lines.
        tool: the command, for the sources.
        uuids: whether every complete line ends with a UUID.
        ended: whether the last line is complete.
    """
    devices: list[DeviceDraft] = []
    unknown: list[str] = []
    parent: DeviceDraft | None = None
    gpus = 0
    rows = split_labels(text, _ITEM).strip().split("\n")
    ended = ended or not _BEGUN.match(rows[-1].strip())
    for number, row in enumerate(map(str.strip, rows)):
        gpu, mig, lost = _GPU.match(row), _MIG.match(row), _LOST.match(row)
        if gpu:
            gpus += 1
            parent = _gpu(gpu, tool, cut=(uuids and "(UUID: " not in row) or (not ended and number == len(rows) - 1))
            devices.append(parent)
        elif mig and parent is not None:
            if devices and devices[-1] is parent:
                devices.pop()
            devices.append(_slice(parent, mig, tool))
        elif lost:
            gpus += 1
            devices.append(_lost(lost, tool))
        elif row and len(unknown) < 20:
            unknown.append(row)
    if not ended and parent is not None and devices[-1] is parent:
        parent.identity.pop("partition", None)  # the line that was cut may be its first slice
    return Listed(devices, gpus, tuple(unknown), ended)


def _gpu(row: re.Match[str], tool: str, *, cut: bool) -> DeviceDraft:
    device = DeviceDraft(vendor="nvidia", source=tool)
    name = row.group(2).strip()
    identify_by_name(
        device,
        name,
        source=f"{tool}: GPU {row.group(1)}",
        whole=f"{tool}: no MIG line below this GPU",
        cut=cut,
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
