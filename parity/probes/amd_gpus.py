"""Knows which answers of an AMD survey belong to one device: KFD, DRM, PCI and amdsmi joined by PCI bus id.

KFD is the leading list, because ROCm computes on KFD nodes: a package in CPX is eight nodes with one bus id, told apart
by bits 31..28 of ``location_id``. An empty list from amdsmi never means that there is no GPU.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.probes.fields import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.probes.supervise import Survey


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """The answers that belong to one device.

    Attributes:
        bdf: ``0000:c1:00.0``, function 0 on a partition; empty when unknown.
        node: KFD node number, None when KFD does not show it.
        properties: the node's properties, empty without a node.
        partition_id: 0, or the number of the compute partition.
        siblings: devices that share the package, this one included.
        amdsmi: index in amdsmi's list, None when amdsmi does not show it.
        drm: whether the DRM device files were read.
    """

    bdf: str
    node: int | None = None
    properties: dict[str, Any]
    partition_id: int = 0
    siblings: int = 1
    amdsmi: int | None = None
    drm: bool = False


def gpus(survey: Survey) -> tuple[Gpu, ...]:
    """Return every device that KFD, DRM or amdsmi enumerates and this process may use, KFD nodes first, in their order.

    Device cgroups filter KFD nodes but not ``/sys/class/drm``: where nodes are withheld, the other lists prove nothing.
    """
    nodes = list(kfd_nodes(survey))
    cards = card_bus_ids(survey)
    smi = amdsmi_bus_ids(survey)
    found: list[Gpu] = []
    for number, known in nodes:
        bdf = bus_id(known)
        partition = (whole(known.get("location_id")) or 0) >> 28
        siblings = sum(1 for _, other in nodes if bdf and bus_id(other) == bdf)
        found.append(
            Gpu(
                bdf=bdf,
                node=number,
                properties=known,
                partition_id=partition,
                siblings=max(siblings, 1),
                amdsmi=_amdsmi_index(survey, smi, number, bdf, partition),
                drm=bdf in cards,
            )
        )
    if forbidden_nodes(survey):
        return tuple(found)
    shown = {gpu.bdf for gpu in found}
    taken = {gpu.amdsmi for gpu in found}
    for bdf in cards:
        if bdf not in shown:
            index = next((i for i, other in smi.items() if other == bdf and i not in taken), None)
            found.append(Gpu(bdf=bdf, properties={}, amdsmi=index, drm=True))
            shown.add(bdf)
            taken.add(index)
    for index, bdf in smi.items():
        if index not in taken and bdf not in shown:
            found.append(Gpu(bdf=bdf, properties={}, amdsmi=index))
    return tuple(found)


def kfd_nodes(survey: Survey) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (node number, properties) of every KFD node with compute units."""
    for number in node_numbers(survey):
        known = survey.values.get(f"kfd:{number}:properties")
        if isinstance(known, dict) and whole(known.get("simd_count")):
            yield number, known


def node_numbers(survey: Survey) -> list[int]:
    """Return the numbers of all KFD nodes, CPUs included."""
    names = survey.values.get("kfd:nodes")
    return (
        [int(name) for name in names if isinstance(name, str) and name.isdecimal()] if isinstance(names, list) else []
    )


def forbidden_nodes(survey: Survey) -> list[int]:
    """Return KFD nodes this process may not read: GPUs withheld by a cgroup. CPU nodes are open to everybody."""
    return [
        number
        for number in node_numbers(survey)
        if survey.reasons.get(f"kfd:{number}:properties", ("",))[0] == "no_permission"
    ]


def bus_id(properties: dict[str, Any]) -> str:
    """Return ``0000:c1:00.0`` from a node's ``domain`` and ``location_id``; empty when they cannot be true.

    >>> bus_id({"domain": 0, "location_id": 0x3000C100})
    '0000:c1:00.0'
    """
    location, domain = whole(properties.get("location_id")), whole(properties.get("domain", 0))
    if location is None or domain is None or not location & 0xFFFF or domain > 0xFFFFFFFF:
        return ""
    return f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"


def card_bus_ids(survey: Survey) -> list[str]:
    """Return the bus ids of the DRM cards, in the kernel's order."""
    cards = survey.values.get("drm:cards")
    if not isinstance(cards, list):
        return []
    return [card[1] for card in cards if isinstance(card, list) and len(card) == 2 and isinstance(card[1], str)]


def amdsmi_bus_ids(survey: Survey) -> dict[int, str]:
    """Return amdsmi's devices: index -> bus id, empty text when it told none."""
    count = survey.values.get("amdsmi:amdsmi_get_processor_handles")
    found = {}
    for index in range(count if isinstance(count, int) and 0 <= count <= 1024 else 0):
        raw = survey.values.get(f"amdsmi:{index}:amdsmi_get_gpu_device_bdf")
        good = isinstance(raw, str) and re.fullmatch(r"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]", raw)
        found[index] = raw.lower() if good and isinstance(raw, str) else ""
    return found


def _amdsmi_index(survey: Survey, smi: dict[int, str], node: int, bdf: str, partition: int) -> int | None:
    """Return amdsmi's index of a KFD node: by its node id where the binding tells it, else by bus id."""
    candidates = []
    for index, other in smi.items():
        info = survey.values.get(f"amdsmi:{index}:amdsmi_get_gpu_kfd_info")
        told = info.get("node_id") if isinstance(info, dict) else None
        if isinstance(told, int) and other[:-1] == bdf[:-1]:
            if told == node:
                return index
            continue
        if other[:-1] == bdf[:-1] and bdf:  # partitions differ in the function number, if at all
            candidates.append(index)
    if len(candidates) == 1:
        return candidates[0]
    return candidates[partition] if partition < len(candidates) else None
