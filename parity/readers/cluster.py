"""Knows the nodes of a cluster: ``kubectl get nodes -o json`` with the labels of GPU Feature Discovery, one by one."""

from __future__ import annotations

import msgspec

from parity.model.fingerprint import Fingerprint, sealed
from parity.readers import node_labels
from parity.readers.node_objects import Node

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu")
MAX_LIST_BYTES = 512 * 1024 * 1024
"""A node object takes 10 to 30 KB, most of it names of images."""


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""
    labels: dict[str, str] = {}


class _Status(msgspec.Struct, frozen=True, rename={"info": "nodeInfo"}):
    capacity: dict[str, str] = {}
    info: dict[str, str | bool | None] = {}


class _Item(msgspec.Struct, frozen=True):
    kind: str = "Node"
    metadata: _Metadata = _Metadata()
    status: _Status = _Status()


class _List(msgspec.Struct, frozen=True):
    items: tuple[_Item, ...]


def read_nodes(raw: bytes) -> list[tuple[str, Fingerprint | None]]:
    """Return (name, fingerprint) of each node that bears GPU labels; empty when this is no list of nodes.

    None stands for a node that offers GPUs and bears no label that says which. Nodes without either (control planes,
    CPU pools) are no part of a GPU fleet and are left out.

    By hand: ``kubectl get nodes -o json``
    """
    try:
        items = msgspec.json.decode(raw, type=_List).items
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
    found: list[tuple[str, Fingerprint | None]] = []
    for item in items:
        info = {name: value for name, value in item.status.info.items() if isinstance(value, str)}
        report = node_labels.read([Node(item.metadata.name, item.metadata.labels, item.status.capacity, info)])
        if item.kind == "Node" and report is not None:
            found.append((item.metadata.name, sealed(report.build())))
        elif item.kind == "Node" and any(item.status.capacity.get(name, "0") != "0" for name in GPU_RESOURCES):
            found.append((item.metadata.name, None))
    return found
