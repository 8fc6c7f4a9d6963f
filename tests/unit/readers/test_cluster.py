"""The nodes of a cluster, one by one; what is no list of nodes is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.model.absent import value_of
from parity.readers.cluster import read_nodes

LIST = Path(__file__).resolve().parents[2] / "fixtures" / "reports" / "node-list.json"


def test_each_node_with_gpu_labels_is_one() -> None:
    found = read_nodes(LIST.read_bytes())
    assert [(name, len(fingerprint.devices)) for name, fingerprint in found] == [("mixed", 3), ("other", 4)]
    assert value_of(found[1][1].devices[0].identity.name) == "NVIDIA-H100-80GB-HBM3"


def test_nodes_without_gpu_labels_are_no_part_of_the_fleet() -> None:
    data = json.loads(LIST.read_bytes())
    data["items"].append({"kind": "Node", "metadata": {"name": "cpu", "labels": {"kubernetes.io/os": "linux"}}})
    assert len(read_nodes(json.dumps(data).encode())) == 2


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"items": 3}', b'{"items": [{"metadata": 3}]}', b"\xff" * 20])
def test_anything_else_is_none(raw: bytes) -> None:
    assert read_nodes(raw) == []


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    assert read_nodes(b'{"items": ' + raw) == []
