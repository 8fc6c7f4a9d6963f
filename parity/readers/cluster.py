"""Knows the nodes of a cluster: ``kubectl get nodes -o json`` with the labels of GPU Feature Discovery, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from parity.model.fingerprint import Fingerprint, sealed
from parity.readers import node_labels
from parity.readers.node_ailments import is_offered, out_of_service
from parity.readers.node_objects import Node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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
    offered = {name for item in items for name in item.status.capacity}
    for item in items:
        info = {name: value for name, value in item.status.info.items() if isinstance(value, str)}
        report = node_labels.read([Node(item.metadata.name, item.metadata.labels, item.status.capacity, info)])
        if item.kind == "Node" and report is not None:
            found.append(ClusterNode(item.metadata.name, sealed(report.build()), tuple(_ailments(item, offered))))
        elif item.kind == "Node" and any(map(is_offered, item.status.capacity.items())):
            found.append(ClusterNode(item.metadata.name, None, ()))
    return found


def _ailments(item: _Item, offered: Collection[str]) -> Iterator[str]:
    """Yield what the cluster says is wrong; where no status is told (labels alone) nothing is."""
    status = item.status
    if status.capacity:
        yield from out_of_service(item.metadata.labels, status.capacity, status.allocatable, offered)
    for one in status.conditions:
        if one.type == "Ready" and one.status != "True":
            yield f"the node is not ready ({one.status or 'unknown'})"
