"""Knows how to get a node's labels out of ``kubectl describe``, ``kubectl get -o yaml|json`` and plain label lines."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from parity.errors import InputFileError
from parity.inputs import load_yaml

_GPU_LABEL = re.compile(r"^(?:nvidia\.com/(?:gpu\.|mig|cuda\.)|(?:beta\.)?amd\.com/(?:gpu|compute|cpu\.gpu))")
_LINE = re.compile(
    r"(?:^|(?<=[\s,\"']))([a-z0-9.\-]{0,60}(?:nvidia|amd|kubernetes|k8s)[a-z0-9.\-]{0,20}\.(?:com|io)/[A-Za-z0-9._+\-]{1,80})"
    r"[\"']?\s?[=:]\s{0,20}[\"']?([A-Za-z0-9._+\-]{0,80})"
)
_NODE_NAME = re.compile(r"^Name:[ \t]{1,40}(\S{1,120})[ \t]*$", re.MULTILINE)
ANCHOR = re.compile(
    r"(?:nvidia\.com/(?:gpu\.(?:product|count|memory|family)|cuda\.driver)|amd\.com/gpu[.a-z\-]*(?:device-id|product-name|family|cu-count|vram))"
)


class Node(NamedTuple):
    """One node's labels and the facts of its status.

    Attributes:
        name: empty when only labels were pasted.
        labels: label -> text.
        capacity: resource -> text: ``amd.com/gpu`` -> ``8``.
        info: kubelet's ``nodeInfo``: kernelVersion, osImage, architecture.
    """

    name: str
    labels: dict[str, str]
    capacity: dict[str, str]
    info: dict[str, str]

    @property
    def has_gpu_labels(self) -> bool:
        """Return whether a GPU labeller has described the node."""
        return any(_GPU_LABEL.match(label) for label in self.labels)


def from_data(data: Any) -> list[Node]:
    """Return the nodes of a Node, a NodeList or a List object; a bare label mapping is one node."""
    if isinstance(data, dict) and isinstance(data.get("items"), list):
        return [node for item in data["items"][:20_000] for node in from_data(item) if isinstance(item, dict)]
    if not isinstance(data, dict):
        return []
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("labels"), dict):
        status = data.get("status") if isinstance(data.get("status"), dict) else {}
        name = metadata.get("name")
        return [
            Node(
                name if isinstance(name, str) else "",
                _texts(metadata["labels"]),
                _texts(status.get("capacity")) if status else {},
                _texts(status.get("nodeInfo")) if status else {},
            )
        ]
    labels = _texts(data.get("labels") if isinstance(data.get("labels"), dict) else data)
    node = Node("", labels, {}, {})
    return [node] if node.has_gpu_labels else []


def from_text(text: str, *, where: str) -> list[Node]:
    """Return the nodes of YAML documents, of ``kubectl describe`` sections, or of label lines."""
    if re.search(r"^\s*(?:kind:\s*(?:Node|NodeList|List)\b|labels:\s*$|metadata:\s*$)", text, re.MULTILINE):
        nodes = _from_yaml(text, where)
        if any(node.has_gpu_labels for node in nodes):
            return nodes
    starts = [match.start() for match in _NODE_NAME.finditer(text)] or [0]
    if starts[0] > 0 and ANCHOR.search(text, 0, starts[0]):
        starts.insert(0, 0)
    return [_from_lines(text[a:b]) for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def _from_yaml(text: str, where: str) -> list[Node]:
    nodes: list[Node] = []
    for document in re.split(r"^---[ \t]*$", text, flags=re.MULTILINE)[:1000]:
        if not document.strip():
            continue
        try:
            nodes.extend(from_data(load_yaml(document, where=where).data))
        except InputFileError:  # not YAML, or cut off: the label lines still read
            continue
    return nodes


def _from_lines(section: str) -> Node:
    if not section.endswith("\n"):
        section = _without_cut_label(section)
    name = _NODE_NAME.search(section)
    capacity_at = section.find("Capacity:")
    labels: dict[str, str] = {}
    capacity: dict[str, str] = {}
    for match in _LINE.finditer(section):
        target = capacity if 0 <= capacity_at < match.start() else labels
        target.setdefault(match.group(1), match.group(2))
    info = {}
    for label, key in (
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Architecture", "architecture"),
    ):
        found = re.search(rf"^[ \t]*{label}:[ \t]{{1,40}}([^\n]{{1,120}})$", section, re.MULTILINE)
        if found:
            info[key] = found.group(1).strip()
    return Node(name.group(1) if name else "", labels, capacity, info)


def _without_cut_label(section: str) -> str:
    """Return the section without its last label when nothing follows it: its value may be cut."""
    matches = list(_LINE.finditer(section))
    if not matches or matches[-1].end() != len(section):
        return section
    return section[: matches[-1].start()]


def _texts(mapping: Any) -> dict[str, str]:
    if not isinstance(mapping, dict):
        return {}
    kept: dict[str, str] = {}
    for key, value in list(mapping.items())[:5000]:
        if isinstance(key, str) and isinstance(value, (str, int, float, bool)):
            kept[key] = str(value).lower() if isinstance(value, bool) else str(value)[:400]
    return kept
