"""collect_env in its classic, sectioned, collapsed, quoted and cut-off forms."""

from __future__ import annotations

from collections.abc import Callable

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint, Link
from parity.readers import read_report

Read = Callable[[str], Fingerprint]


def names(fingerprint: Fingerprint) -> list[str | None]:
    return [value_of(device.identity.name) for device in fingerprint.devices]


def kinds(fingerprint: Fingerprint) -> list[tuple[str, str] | None]:
    partitions = [value_of(device.identity.partition) for device in fingerprint.devices]
    return [(each.kind, each.profile) if each else None for each in partitions]


def version(fingerprint: Fingerprint, component: str) -> str | None:
    return value_of(fingerprint.stack.components[component])


def test_lists_every_gpu_whole(read: Read) -> None:
    fingerprint = read("collect-env-h100x2.txt")
    assert fingerprint.origin.reader == "collect-env"
    assert value_of(fingerprint.device_count) == 2
    assert names(fingerprint) == ["NVIDIA H100 80GB HBM3"] * 2
    assert kinds(fingerprint) == [("none", "")] * 2


def test_software_versions(read: Read) -> None:
    fingerprint = read("collect-env-h100x2.txt")
    expected = {
        "torch": "2.8.0+cu128",
        "torch_cuda": "12.8",
        "driver": "570.86.15",
        "cuda_toolkit": "12.8.61",
        "python": "3.12.4",
        "libc": "2.39",
        "cuda_runtime": "12.8.57",
        "nccl": "2.26.2",
        "triton": "3.4.0",
    }
    assert {name: version(fingerprint, name) for name in expected} == expected


def test_pip_cudnn_stands_and_the_loader_copies_are_listed(read: Read) -> None:
    fingerprint = read("collect-env-h100x2.txt")
    assert version(fingerprint, "cudnn") == "9.8.0.87"
    assert [library.version for library in fingerprint.stack.libraries] == ["9.7.1", "9.7.1"]


def test_packages_are_normalised_and_only_relevant_ones_kept(read: Read) -> None:
    packages = read("collect-env-h100x2.txt").stack.packages
    assert packages["flash-attn"] == "2.8.1"
    assert packages["vllm"] == "0.9.1"
    assert "mypy-extensions" not in packages


def test_no_cuda_driver_version_is_made_up(read: Read) -> None:
    assert "cuda_driver" not in read("collect-env-h100x2.txt").stack.components


def test_environment_keeps_gpu_variables_only(read: Read) -> None:
    environment = read("collect-env-h100x2.txt").environment
    assert environment == {
        "CUDA_VISIBLE_DEVICES": "0,1",
        "TORCH_CUDA_ARCH_LIST": "7.0 8.0 9.0+PTX",
        "NCCL_P2P_DISABLE": "1",
    }


def test_architecture_is_never_taken_from_the_environment(read: Read) -> None:
    for device in read("collect-env-h100x2.txt").devices:
        assert isinstance(device.identity.compute_capability, Absent)
    assert value_of(read("collect-env-rocm.txt").devices[0].identity.gfx_target) == "gfx942"


def test_topology_becomes_links(read: Read) -> None:
    assert read("collect-env-h100x2.txt").links == (Link(a=0, b=1, kind="nvlink", count=18, path="NV18"),)


def test_host_facts(read: Read) -> None:
    host = read("collect-env-h100x2.txt").host
    assert value_of(host.os) == "Ubuntu 24.04.1 LTS (x86_64)"
    assert value_of(host.kernel) == "6.8.0-41-generic"
    assert (value_of(host.cpu_count), value_of(host.cpu_sockets), value_of(host.numa_nodes)) == (96, 2, 2)
    assert (value_of(host.virtualization), value_of(host.wsl), value_of(host.cpu_boost)) == (
        "kvm",
        False,
        True,
    )


def test_collapsed_paste_says_the_same(read: Read) -> None:
    whole, collapsed = read("collect-env-h100x2.txt"), read("collect-env-collapsed.txt")
    assert names(collapsed) == names(whole)
    assert collapsed.links == whole.links
    assert collapsed.stack.packages == whole.stack.packages
    assert {name: value_of(each) for name, each in collapsed.stack.components.items()} == {
        name: value_of(each) for name, each in whole.stack.components.items()
    }
    assert value_of(collapsed.host.cpu_model) == value_of(whole.host.cpu_model)


def test_quoted_issue_says_the_same(read: Read) -> None:
    whole, quoted = read("collect-env-h100x2.txt"), read("collect-env-quoted.md")
    assert (names(quoted), quoted.links, quoted.environment) == (names(whole), whole.links, whole.environment)
    assert quoted.identity_hash == whole.identity_hash


def test_a_cut_name_and_count_are_unknown(read: Read) -> None:
    fingerprint = read("collect-env-cut.txt")
    assert isinstance(fingerprint.device_count, Absent)
    name = fingerprint.devices[1].identity.name
    assert isinstance(name, Absent)
    assert name.detail == "cut off: NVIDIA H1"
    assert any("cut off" in note.text for note in fingerprint.notes)


def test_h20_at_the_end_of_a_cut_report_is_not_an_h20() -> None:
    raw = b"PyTorch version: 2.8.0\nGPU models and configuration: \nGPU 0: NVIDIA H20"
    fingerprint = read_report(raw, where="paste")
    assert names(fingerprint) == [None]


def test_mig_slices_replace_their_parent(read: Read) -> None:
    fingerprint = read("collect-env-mig.txt")
    assert value_of(fingerprint.device_count) == 2
    assert kinds(fingerprint) == [("mig", "3g.20gb"), ("mig", "1g.5gb"), ("none", "")]
    assert names(fingerprint) == ["NVIDIA A100-SXM4-40GB"] * 3
    assert [device.locator.index for device in fingerprint.devices] == [0, 1, 2]


def test_cpu_pytorch_is_not_zero_gpus(read: Read) -> None:
    fingerprint = read("collect-env-cpu.txt")
    assert fingerprint.devices == ()
    assert isinstance(fingerprint.device_count, Absent)
    assert fingerprint.device_count.why == "not_asked"
    assert fingerprint.notes


def test_masked_names_are_absent(read: Read) -> None:
    for device in read("collect-env-masked.txt").devices:
        assert isinstance(device.identity.name, Absent)
        assert device.identity.name.detail == "masked in the report"


def test_rocm_names_one_gpu_and_the_matrix_counts(read: Read) -> None:
    fingerprint = read("collect-env-rocm.txt")
    assert names(fingerprint) == ["AMD Instinct MI300X"]
    assert value_of(fingerprint.device_count) == 4
    assert len(fingerprint.links) == 6
    assert {link.kind for link in fingerprint.links} == {"xgmi"}
    assert isinstance(fingerprint.devices[0].identity.partition, Absent)
    assert version(fingerprint, "rocm") == "6.3.42133-1b9c17779"
    assert isinstance(fingerprint.stack.components["driver"], Absent)


def test_sectioned_form_inside_wsl(read: Read) -> None:
    fingerprint = read("collect-env-vllm-wsl.txt")
    assert fingerprint.origin.reader == "collect-env-vllm"
    assert names(fingerprint) == ["NVIDIA GeForce RTX 4090"]
    assert value_of(fingerprint.host.wsl) is True
    assert version(fingerprint, "libc") == "2.39"
    assert any("Windows" in note.text for note in fingerprint.notes)
    assert fingerprint.environment == {"NCCL_CUMEM_ENABLE": "0", "CUDA_MODULE_LOADING": "LAZY"}


def test_sectioned_form_collapsed(read: Read) -> None:
    whole, collapsed = read("collect-env-vllm-wsl.txt"), read("collect-env-vllm-collapsed.txt")
    assert collapsed.identity_hash == whole.identity_hash
    assert version(collapsed, "driver") == "576.52"


def test_a_lost_gpu_in_the_list_is_a_device() -> None:
    raw = (
        b"GPU models and configuration: \nGPU 0: NVIDIA H100 80GB HBM3\n"
        b"Unable to determine the device handle for GPU0000:C1:00.0: Unknown Error\n\nNvidia driver version: 570.86.15\n"
    )
    fingerprint = read_report(raw, where="paste")
    lost = fingerprint.devices[1]
    assert value_of(fingerprint.device_count) == 2
    assert isinstance(lost.identity.name, Absent)
    assert lost.identity.name.why == "lost"
    assert lost.locator.pci_bus_id == Reading(value="00000000:c1:00.0", source="collect_env: nvidia-smi -L")
