"""Knows the ways a name or a list line says that a device is a slice of a GPU."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from parity.model.absent import Absent, Reading
from parity.readers.draft import DeviceDraft
from parity.readers.value import observe, unmasked

if TYPE_CHECKING:
    from parity.readers.draft import ReportDraft

_MIG_SUFFIX = re.compile(
    r"[ -]MIG[ -]([0-9]c\.)?([0-9]{1,2}g\.[0-9]{1,3}gb(?:\+(?:me|gfx)|\.me)?(?:\.all|-me)?)$", re.IGNORECASE
)
_VGPU_SUFFIX = re.compile(r"(?:^| )([A-Z0-9]{2,12}-[0-9]{1,3}(?:-[0-9]{1,2})?[ABCQ])$")

# Chip facts that hold for every slice of a GPU. Everything that a slice has less of (SMs, memory, links) or that is
# judged per board (power, clocks, VBIOS) stays with the parent.
_SHARED_IDENTITY = ("vendor", "name", "brand", "pci_device_id", "pci_subsystem_id", "compute_capability")


class SlicedName(NamedTuple):
    """A device name taken apart.

    Attributes:
        name: the name without a MIG suffix.
        kind: ``none``, ``mig`` or ``vgpu``.
        profile: ``1g.5gb`` or the vGPU type; empty for a whole GPU.
    """

    name: str
    kind: str
    profile: str


def split_name(name: str) -> SlicedName:
    """Return what a device name says about slicing.

    >>> split_name("NVIDIA A100-SXM4-40GB MIG 1g.5gb")
    SlicedName(name='NVIDIA A100-SXM4-40GB', kind='mig', profile='1g.5gb')
    >>> split_name("NVIDIA A40-48Q").kind, split_name("NVIDIA A100-SXM4-40GB").kind
    ('vgpu', 'none')
    """
    mig = _MIG_SUFFIX.search(name)
    if mig:
        return SlicedName(name[: mig.start()], "mig", (mig.group(1) or "") + mig.group(2))
    vgpu = _VGPU_SUFFIX.search(name)
    if vgpu:
        return SlicedName(name, "vgpu", vgpu.group(1))
    return SlicedName(name, "none", "")


def identify_by_name(device: DeviceDraft, printed: str, *, source: str, whole: str, cut: bool = False) -> None:
    """Keep a printed name and the partition it tells of.

    Args:
        device: receives the readings.
        printed: the name, as printed.
        source: the tool and label of the name.
        whole: source of the statement "not sliced"; empty when the report cannot tell.
        cut: the text ends with the name, so it may be the beginning of another: H20 of H200.
    """
    if cut:
        device.identify("name", Absent(why="failed", source=source, detail=f"cut off: {printed[:80]}"))
        return
    name, kind, profile = split_name(printed)
    observed = observe(name, unmasked, source)
    if isinstance(observed, Absent) and observed.detail.startswith("not understood"):
        observed = Absent(why="failed", source=source, detail="masked in the report")
    device.identify("name", observed)
    if kind != "none":
        device.partition(kind, source, profile=profile)
    elif whole:
        device.partition("none", whole)


def slice_of(parent: DeviceDraft, *, profile: str, source: str) -> DeviceDraft:
    """Return a draft of a MIG slice: the chip's facts, nothing of the parent's capacity or state."""
    device = DeviceDraft(vendor="nvidia", source=source)
    for field in _SHARED_IDENTITY:
        observed = parent.identity.get(field)
        if isinstance(observed, (Reading, Absent)):
            device.identify(field, observed)
    device.partition("mig", source, profile=profile)
    device.condition("mig_enabled", Reading(value=True, source=source))
    uuid = parent.locator.get("uuid")
    if uuid is not None:
        device.locate("parent_uuid", uuid)
    bus = parent.locator.get("pci_bus_id")
    if bus is not None:
        device.locate("pci_bus_id", bus)
    return device


def drop_links_of_slices(report: ReportDraft) -> None:
    """Remove links when devices are slices: indices of the matrix are whole GPUs, and slices have no links."""
    if not report.links:
        return
    kinds = {getattr(getattr(device.identity.get("partition"), "value", None), "kind", "") for device in report.devices}
    if "mig" in kinds:
        report.links = ()
        report.note("the connection matrix is between whole GPUs; MIG slices have no links to each other")
