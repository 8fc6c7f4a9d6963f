"""SGLang's check_env: grouped GPU lines, compute capability, packages, ROCm."""

from __future__ import annotations

from collections.abc import Callable

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint, Link
from parity.readers import read_report

Read = Callable[[str], Fingerprint]


def test_a_group_line_is_one_device_each(read: Read) -> None:
    fingerprint = read("sglang-h20x2.txt")
    assert [value_of(device.identity.name) for device in fingerprint.devices] == ["NVIDIA H20"] * 2
    assert [value_of(device.identity.compute_capability) for device in fingerprint.devices] == ["9.0"] * 2
    assert value_of(fingerprint.device_count) == 2
    assert fingerprint.links == (Link(a=0, b=1, kind="nvlink", count=18, path="NV18"),)


def test_versions_and_packages(read: Read) -> None:
    fingerprint = read("sglang-h20x2.txt")
    components = {name: value_of(each) for name, each in fingerprint.stack.components.items()}
    assert components == {
        "python": "3.12.11",
        "torch": "2.7.1+cu126",
        "torch_cuda": "12.6",
        "driver": "550.127.05",
        "cuda_toolkit": "12.6.68",
        "triton": "3.3.1",
    }
    assert fingerprint.stack.packages["sgl-kernel"] == "0.2.4"
    assert "vllm" not in fingerprint.stack.packages


def test_collapsed_mixed_models(read: Read) -> None:
    fingerprint = read("sglang-collapsed.txt")
    assert [value_of(device.identity.name) for device in fingerprint.devices] == [
        "NVIDIA GeForce RTX 4090",
        "NVIDIA GeForce RTX 3090",
    ]
    assert [value_of(device.identity.compute_capability) for device in fingerprint.devices] == ["8.9", "8.6"]


def test_rocm_capability_is_not_a_compute_capability(read: Read) -> None:
    fingerprint = read("sglang-rocm.txt")
    assert len(fingerprint.devices) == 4
    for device in fingerprint.devices:
        assert value_of(device.identity.vendor) == "amd"
        assert isinstance(device.identity.compute_capability, Absent)
    assert len(fingerprint.links) == 6


def test_torch_name_of_a_mig_slice() -> None:
    raw = b"CUDA available: True\nGPU 0: NVIDIA A100-SXM4-40GB MIG 1g.5gb\nPyTorch: 2.7.1+cu126\n"
    device = read_report(raw, where="paste").devices[0]
    partition = value_of(device.identity.partition)
    assert partition is not None
    assert (value_of(device.identity.name), partition.kind, partition.profile) == (
        "NVIDIA A100-SXM4-40GB",
        "mig",
        "1g.5gb",
    )


def test_no_gpu_visible_is_not_zero() -> None:
    fingerprint = read_report(b"Python: 3.12.1\nCUDA available: False\nPyTorch: 2.7.1\n", where="paste")
    assert isinstance(fingerprint.device_count, Absent)
    assert fingerprint.notes


def test_readings_name_their_source(read: Read) -> None:
    name = read("sglang-h20x2.txt").devices[0].identity.name
    assert isinstance(name, Reading)
    assert name.source == "sglang.check_env: GPU"
