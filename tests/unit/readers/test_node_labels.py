"""Kubernetes labels of NVIDIA and AMD, as describe, YAML, JSON and bare lines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]
GIB = 1024**3
MIB = 1024**2


def test_describe_takes_the_node_with_gpus(read: Read) -> None:
    fingerprint = read("node-describe-gfd.txt")
    assert fingerprint.origin.reader == "gfd-labels"
    assert value_of(fingerprint.device_count) == 4
    assert len(fingerprint.devices) == 4
    device = fingerprint.devices[0]
    assert value_of(device.identity.name) == "NVIDIA-H100-80GB-HBM3"
    assert value_of(device.identity.memory_bytes) == 81559 * MIB
    assert value_of(device.identity.compute_capability) == "9.0"
    assert value_of(fingerprint.host.hostname) == "gpu-node-1"
    assert value_of(fingerprint.host.kernel) == "5.15.0-91-generic"
    assert (
        value_of(fingerprint.stack.components["driver"]),
        value_of(fingerprint.stack.components["cuda_driver"]),
    ) == ("535.129.03", "12.2")


def test_time_slicing_is_noted_and_taken_off_the_name(read: Read) -> None:
    notes = read("node-describe-gfd.txt").notes
    assert any("time-slicing" in note.text for note in notes)


def test_mig_single_counts_slices_not_gpus(read: Read) -> None:
    fingerprint = read("node-mig-single.yaml")
    assert isinstance(fingerprint.device_count, Absent)
    assert len(fingerprint.devices) == 7
    device = fingerprint.devices[0]
    partition = value_of(device.identity.partition)
    assert partition is not None
    assert (partition.kind, partition.profile) == ("mig", "1g.5gb")
    assert (value_of(device.identity.sm_count), value_of(device.identity.memory_bytes)) == (14, 4864 * MIB)


def test_mig_mixed_lists_slices_and_other_nodes_are_named(read: Read) -> None:
    fingerprint = read("node-list.json")
    sizes = [(value_of(each.identity.sm_count), value_of(each.identity.memory_bytes)) for each in fingerprint.devices]
    assert sizes == [(14, 4864 * MIB), (14, 4864 * MIB), (28, 9984 * MIB)]
    assert any("other" in note.text and "2 nodes" in note.text for note in fingerprint.notes)


def test_amd_plain_labels(read: Read) -> None:
    fingerprint = read("node-amd.json")
    assert value_of(fingerprint.device_count) == 8
    device = fingerprint.devices[0]
    assert (value_of(device.identity.pci_device_id), value_of(device.identity.cu_count)) == ("1002:74a1", 304)
    assert value_of(device.identity.memory_bytes) == 192 * GIB
    assert isinstance(device.identity.partition, Reading)


def test_amd_beta_labels_carry_the_count(read: Read) -> None:
    fingerprint = read("node-amd-beta.txt")
    assert value_of(fingerprint.device_count) == 2
    assert value_of(fingerprint.devices[0].identity.pci_device_id) == "1002:6860"


@pytest.mark.parametrize("form", ["{}={}\n", "{}: {}\n", '"{}": "{}",\n'])
def test_bare_label_lines(form: str) -> None:
    labels = {
        "nvidia.com/gpu.count": "2",
        "nvidia.com/gpu.product": "Tesla-T4",
        "nvidia.com/mig.capable": "false",
    }
    raw = "".join(form.format(*pair) for pair in labels.items()).encode()
    fingerprint = read_report(raw, where="labels")
    assert [value_of(device.identity.name) for device in fingerprint.devices] == ["Tesla-T4"] * 2


def test_a_cut_product_label_is_not_used() -> None:
    raw = b"nvidia.com/gpu.count=8\nnvidia.com/gpu.product=NVIDIA-H20"
    fingerprint = read_report(raw, where="labels")
    assert fingerprint.devices == ()
