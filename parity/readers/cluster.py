"""Knows the nodes of a cluster: ``kubectl get nodes -o json`` with the labels of GPU Feature Discovery, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from parity.model.fingerprint import Fingerprint, sealed
from parity.readers import node_labels
from parity.readers.node_objects import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu")
_GPU_PREFIXES = (*GPU_RESOURCES, "nvidia.com/mig-")
MAX_LIST_BYTES = 512 * 1024 * 1024
"""A node object takes 10 to 30 KB, most of it names of images."""


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""
    labels: dict[str, str] = {}


class _Condition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, frozen=True, rename={"info": "nodeInfo"}):
    capacity: dict[str, str] = {}
    allocatable: dict[str, str] = {}
    conditions: tuple[_Condition, ...] = ()
    info: dict[str, str | bool | None] = {}


class _Item(msgspec.Struct, frozen=True):
    kind: str = "Node"
    metadata: _Metadata = _Metadata()
    status: _Status = _Status()


class _List(msgspec.Struct, frozen=True):
    items: tuple[_Item, ...]


class ClusterNode(NamedTuple):
    """One node of a cluster.

    Attributes:
        fingerprint: None for one that offers GPUs and bears no label that says which.
        ailments: what the cluster itself says is wrong: devices taken out of service, a node that is not ready.
    """

    name: str
    fingerprint: Fingerprint | None
    ailments: tuple[str, ...]


def read_nodes(raw: bytes) -> list[ClusterNode]:
    """Return each node that bears GPU labels, or offers GPUs; empty when this is no list of nodes.

    Nodes without either (control planes,
    CPU pools) are no part of a GPU fleet and are left out.

    By hand: ``kubectl get nodes -o json``
    """
    try:
        items = msgspec.json.decode(raw, type=_List).items
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
    found: list[ClusterNode] = []
    for item in items:
        info = {name: value for name, value in item.status.info.items() if isinstance(value, str)}
        report = node_labels.read([Node(item.metadata.name, item.metadata.labels, item.status.capacity, info)])
        if item.kind == "Node" and report is not None:
            found.append(ClusterNode(item.metadata.name, sealed(report.build()), tuple(_ailments(item.status))))
        elif item.kind == "Node" and any(item.status.capacity.get(name, "0") != "0" for name in GPU_RESOURCES):
            found.append(ClusterNode(item.metadata.name, None, ()))
    return found


def _ailments(status: _Status) -> Iterator[str]:
    """Yield what the cluster says is wrong.

    A device plugin takes a device that it finds unhealthy out of what can be allocated, and leaves the capacity.
    """
    for name, capacity in status.capacity.items():
        have = status.allocatable.get(name, capacity)
        is_count = name.startswith(_GPU_PREFIXES) and capacity.isdecimal() and have.isdecimal()
        if is_count and int(have) < int(capacity):
            yield f"{have} of {capacity} {name} can be allocated"
    for one in status.conditions:
        if one.type == "Ready" and one.status != "True":
            yield f"the node is not ready ({one.status or 'unknown'})"
