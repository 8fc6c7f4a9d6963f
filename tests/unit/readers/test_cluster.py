"""The nodes of a cluster, one by one; what is no list of nodes is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.model.absent import value_of
from parity.readers.cluster import read_nodes
from parity.readers.node_ailments import out_of_service

LIST = Path(__file__).resolve().parents[2] / "fixtures" / "reports" / "node-list.json"


def test_each_node_with_gpu_labels_is_one() -> None:
    found = read_nodes(LIST.read_bytes())
    assert [(name, len(fingerprint.devices)) for name, fingerprint, _ in found if fingerprint] == [
        ("mixed", 3), ("other", 4),
    ]  # fmt: skip
    second = found[1].fingerprint
    assert second is not None
    assert value_of(second.devices[0].identity.name) == "NVIDIA-H100-80GB-HBM3"
    assert {one.ailments for one in found} == {()}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"capacity": {"nvidia.com/gpu": "8"}, "allocatable": {"nvidia.com/gpu": "8"}}, ()),
        (
            {"capacity": {"nvidia.com/gpu": "8"}, "allocatable": {"nvidia.com/gpu": "7"}},
            ("7 of 8 nvidia.com/gpu can be allocated",),
        ),
        (
            {"capacity": {"nvidia.com/mig-1g.10gb": "7"}, "allocatable": {"nvidia.com/mig-1g.10gb": "0"}},
            ("0 of 7 nvidia.com/mig-1g.10gb can be allocated",),
        ),
        ({"capacity": {"cpu": "64"}, "allocatable": {"cpu": "60"}}, ()),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, ("the node is not ready (False)",)),
        ({"conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"}]}, ()),
        ({"capacity": {"nvidia.com/gpu": "8k"}, "allocatable": {"nvidia.com/gpu": "many"}}, ()),
    ],
)
def test_what_the_cluster_says_is_wrong(status: dict[str, object], told: tuple[str, ...]) -> None:
    data = json.loads(LIST.read_bytes())
    (item,) = [one for one in data["items"] if one["metadata"]["name"] == "mixed"]
    item["status"] = status
    found = {one.name: one.ailments for one in read_nodes(json.dumps(data).encode())}
    assert (found["mixed"], found["other"]) == (told, ())


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"capacity": {"nvidia.com/gpu": "4"}, "allocatable": {"nvidia.com/gpu": "4"}}, ()),
        # the device plugin restarted without one device, or died, or never came up while others' did
        ({"capacity": {"nvidia.com/gpu": "3"}, "allocatable": {"nvidia.com/gpu": "3"}}, ("3 of 4 nvidia.com/gpu",)),
        ({"capacity": {"nvidia.com/gpu": "0"}, "allocatable": {"nvidia.com/gpu": "0"}}, ("0 of 4 nvidia.com/gpu",)),
        ({"capacity": {"cpu": "64"}, "allocatable": {"cpu": "64"}}, ("0 of 4 nvidia.com/gpu",)),
        ({}, ()),  # labels alone
    ],
)
def test_fewer_than_the_labels_tell_of(status: dict[str, object], told: tuple[str, ...]) -> None:
    data = json.loads(LIST.read_bytes())
    (item,) = [one for one in data["items"] if one["metadata"]["name"] == "other"]
    assert item["metadata"]["labels"]["nvidia.com/gpu.count"] == "4"
    del item["metadata"]["labels"]["nvidia.com/gpu.replicas"]
    item["status"] = status
    whole = {"nvidia.com/gpu": "2"}
    labels = {"nvidia.com/gpu.product": "NVIDIA-L40S", "nvidia.com/gpu.count": "2"}
    neighbour = {"metadata": {"name": "n", "labels": labels}, "status": {"capacity": whole, "allocatable": whole}}
    data["items"].append(neighbour)
    found = {one.name: one.ailments for one in read_nodes(json.dumps(data).encode())}
    assert found["other"] == tuple(f"{one} can be allocated" for one in told)
    assert found["n"] == ()


def test_where_no_node_offers_a_resource_none_is_missing() -> None:
    """Devices may be given out as resource claims, and then no node counts them."""
    data = json.loads(LIST.read_bytes())
    for item in data["items"]:
        item["status"] = {"capacity": {"cpu": "64"}, "allocatable": {"cpu": "64"}}
    assert {one.ailments for one in read_nodes(json.dumps(data).encode())} == {()}


@pytest.mark.parametrize(
    ("labels", "capacity", "told"),
    [
        ({"nvidia.com/gpu.replicas": "4"}, {"nvidia.com/gpu": "16"}, ()),
        ({"nvidia.com/gpu.replicas": "4"}, {"nvidia.com/gpu": "12"}, ("12 of 16 nvidia.com/gpu can be allocated",)),
        ({"nvidia.com/gpu.replicas": "4"}, {"nvidia.com/gpu.shared": "16", "nvidia.com/gpu": "0"}, ()),
        (
            {"nvidia.com/gpu.replicas": "4"},
            {"nvidia.com/gpu.shared": "8"},
            ("8 of 16 nvidia.com/gpu.shared can be allocated",),
        ),
        (  # some GPUs are cut into slices, and then gpu.count says nothing of whole ones
            {"nvidia.com/mig-1g.10gb.count": "7"},
            {"nvidia.com/gpu": "3", "nvidia.com/mig-1g.10gb": "6"},
            ("6 of 7 nvidia.com/mig-1g.10gb can be allocated",),
        ),
    ],
)
def test_shared_and_sliced_ones_are_counted_as_offered(
    labels: dict[str, str], capacity: dict[str, str], told: tuple[str, ...]
) -> None:
    labels = {"nvidia.com/gpu.count": "4", **labels}
    assert tuple(out_of_service(labels, capacity, capacity, capacity)) == told


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


def test_devices_that_several_pods_share_say_so() -> None:
    data = json.loads(LIST.read_bytes())
    (item,) = [one for one in data["items"] if one["metadata"]["name"] == "other"]
    labels = item["metadata"]["labels"]
    labels["nvidia.com/gpu.product"] += "-SHARED"
    labels["nvidia.com/gpu.replicas"] = "4"
    found = {one.name: one.fingerprint for one in read_nodes(json.dumps(data).encode())}
    shared, whole = found["other"], found["mixed"]
    assert shared is not None
    assert whole is not None
    assert {value_of(device.conditions.replicas) for device in shared.devices} == {4}
    assert {value_of(device.conditions.replicas) for device in whole.devices} == {None}
