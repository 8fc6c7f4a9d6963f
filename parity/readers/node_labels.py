"""Knows the node labels of NVIDIA GPU Feature Discovery and of AMD's node labeller."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.model.absent import Reading
from parity.readers import value as v
from parity.readers.amd_smi_fields import fill_partition
from parity.readers.draft import DeviceDraft, ReportDraft
from parity.readers.slicing import slice_of, split_name
from parity.units import GIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.readers.node_objects import Node

NVIDIA = "gfd-labels"
AMD = "amd-node-labels"

_MAX_GPUS = 512
_PROFILE = re.compile(r"nvidia\.com/mig-([0-9a-z.]{3,20})\.count")
_SHARED = "-SHARED"


def read(nodes: list[Node]) -> ReportDraft | None:
    """Return the report of the first node with GPU labels; None when none has any.

    By hand: ``kubectl get node NAME -o json``
    """
    labelled = [node for node in nodes if node.has_gpu_labels]
    if not labelled:
        return None
    node, others = labelled[0], labelled[1:]
    report = ReportDraft(NVIDIA if any(label.startswith("nvidia.com/") for label in node.labels) else AMD)
    _read_host(report, node)
    if report.reader == NVIDIA:
        _read_nvidia(report, node.labels)
    else:
        _read_amd(report, node)
    if others:
        names = ", ".join(other.name or "(unnamed)" for other in others[:20])
        report.note(f"only the first of {len(labelled)} nodes with GPU labels was read; the others are: {names}")
    if not report.devices:
        report.count_unknown("failed", "the labels name no GPU")
        report.note("the labels name no GPU product or device id")
    return report


def _read_host(report: ReportDraft, node: Node) -> None:
    labels = node.labels
    hostname = labels.get("kubernetes.io/hostname") or node.name or None
    report.machine("hostname", v.observe(hostname, v.text, "kubernetes.io/hostname"))
    report.machine("kernel", v.observe(node.info.get("kernelVersion"), v.text, "nodeInfo: kernelVersion"))
    report.machine("os", v.observe(node.info.get("osImage"), v.text, "nodeInfo: osImage"))
    for label in (
        "nvidia.com/gpu.machine",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
    ):
        report.machine("machine_type", v.observe(labels.get(label), v.text, label))
    for label in ("feature.node.kubernetes.io/kernel-version.full",):
        report.machine("kernel", v.observe(labels.get(label), v.text, label))
    arch = labels.get("kubernetes.io/arch") or node.info.get("architecture")
    words = {"amd64": "x86_64", "arm64": "aarch64"}
    report.machine("machine", v.observe(arch, lambda text: words.get(text, text), "kubernetes.io/arch"))


def _read_nvidia(report: ReportDraft, labels: dict[str, str]) -> None:
    _read_nvidia_versions(report, labels)
    product = labels.get("nvidia.com/gpu.product")
    if product is None:
        return
    whole = _nvidia_device(labels, product)
    count = v.positive(labels.get("nvidia.com/gpu.count", ""))
    mixed = _mixed_slices(whole, labels)
    sliced = split_name(product.removesuffix(_SHARED)).kind == "mig"
    if mixed:
        _add_mixed(report, mixed, labels)
    elif sliced:
        _add_single(report, whole, count)
    else:
        for _ in range(min(count or 1, _MAX_GPUS)):
            report.add(whole)
        report.device_count = v.observe(labels.get("nvidia.com/gpu.count"), v.positive, "nvidia.com/gpu.count")
    _share(report, [whole, *mixed], labels, product)


def _add_single(report: ReportDraft, device: DeviceDraft, count: int | None) -> None:
    """With the single strategy the label counts slices, and says nothing of how many GPUs they are cut from."""
    for _ in range(min(count or 1, _MAX_GPUS)):
        report.add(device)
    report.count_unknown("not_asked", "with MIG strategy single, gpu.count counts slices, not GPUs")


def _add_mixed(report: ReportDraft, slices: list[DeviceDraft], labels: dict[str, str]) -> None:
    for device in slices[:_MAX_GPUS]:
        report.add(device)
    report.device_count = v.observe(labels.get("nvidia.com/gpu.count"), v.positive, "nvidia.com/gpu.count")
    report.note(
        "MIG strategy mixed: the labels do not say how many GPUs of the node are not sliced; only slices are listed"
    )


def _nvidia_device(labels: dict[str, str], product: str) -> DeviceDraft:
    source = "nvidia.com/gpu.product"
    device = DeviceDraft(vendor="nvidia", source=source)
    name, kind, profile = split_name(product.removesuffix(_SHARED))
    device.identify("name", v.observe(name, v.unmasked, source))
    device.identify(
        "memory_bytes",
        v.observe(labels.get("nvidia.com/gpu.memory"), v.size_over_zero, "nvidia.com/gpu.memory"),
    )
    units = labels.get("nvidia.com/gpu.multiprocessors")
    device.identify("sm_count", v.observe(units, v.positive, "nvidia.com/gpu.multiprocessors"))
    major, minor = (
        labels.get("nvidia.com/gpu.compute.major", ""),
        labels.get("nvidia.com/gpu.compute.minor", ""),
    )
    if major.isdecimal() and minor.isdecimal():
        device.identify("compute_capability", Reading(value=f"{major}.{minor}", source="nvidia.com/gpu.compute"))
    if kind != "none":
        device.partition(kind, source, profile=profile)
        if kind == "mig":
            device.condition("mig_enabled", Reading(value=True, source=source))
    elif labels.get("nvidia.com/vgpu.present") == "true":
        device.partition("vgpu", "nvidia.com/vgpu.present")
    elif labels.get("nvidia.com/mig.config") in {"all-disabled", None} and not _has_slices(labels):
        device.partition("none", "nvidia.com/gpu.product: no MIG suffix")
    return device


def _has_slices(labels: dict[str, str]) -> bool:
    return any(_PROFILE.fullmatch(label) and text not in {"", "0"} for label, text in labels.items())


def _mixed_slices(whole: DeviceDraft, labels: dict[str, str]) -> list[DeviceDraft]:
    """Return one draft per slice of the mixed strategy's labels."""
    devices: list[DeviceDraft] = []
    for label, text in labels.items():
        match = _PROFILE.fullmatch(label)
        count = v.positive(text) if match else None
        if match is None or count is None:
            continue
        stem = f"nvidia.com/mig-{match.group(1)}"
        device = slice_of(whole, profile=match.group(1), source=label)
        device.identify("memory_bytes", v.observe(labels.get(f"{stem}.memory"), v.size_over_zero, f"{stem}.memory"))
        units = labels.get(f"{stem}.multiprocessors")
        device.identify("sm_count", v.observe(units, v.positive, f"{stem}.multiprocessors"))
        devices.extend([device] * min(count, _MAX_GPUS))
    return devices


def _share(report: ReportDraft, devices: Sequence[DeviceDraft], labels: dict[str, str], product: str) -> None:
    """Say that other pods may run on the same device, where the device plugin offers it several times."""
    replicas = v.integer(labels.get("nvidia.com/gpu.replicas", "")) or 1
    strategy = labels.get("nvidia.com/gpu.sharing-strategy", "")
    if product.endswith(_SHARED) or replicas > 1:
        how = strategy if strategy not in {"", "none"} else "time-slicing"
        report.note(f"the GPUs are shared by {how} ({replicas} replicas each): other pods may run on the same GPU")
        told = Reading(value=max(replicas, 2), source=f"nvidia.com/gpu.replicas, {how}")
        for device in devices:
            device.condition("replicas", told)


def _read_nvidia_versions(report: ReportDraft, labels: dict[str, str]) -> None:
    driver = labels.get("nvidia.com/cuda.driver-version.full")
    if driver is None:
        parts = [labels.get(f"nvidia.com/cuda.driver.{part}") for part in ("major", "minor", "rev")]
        driver = None if None in parts else ".".join(part for part in parts if part)
    report.component("driver", v.observe(driver, v.text, "nvidia.com/cuda.driver"))
    # GPU Feature Discovery calls the driver's newest CUDA the runtime version.
    cuda = labels.get("nvidia.com/cuda.runtime-version.full")
    major, minor = (labels.get(f"nvidia.com/cuda.runtime.{part}") for part in ("major", "minor"))
    if cuda is None and major and minor:
        cuda = f"{major}.{minor}"
    report.component("cuda_driver", v.observe(cuda, v.text, "nvidia.com/cuda.runtime (the driver's)"))


def _read_amd(report: ReportDraft, node: Node) -> None:
    labels = node.labels
    values = {name: _amd_label(labels, name) for name in _AMD_NAMES}
    report.component("driver", v.observe(values["driver-version"][0], v.text, "amd.com/gpu.driver-version"))
    part, count = values["device-id"]
    if part is None and values["product-name"][0] is None:
        return
    device = DeviceDraft(vendor="amd", source="amd.com/gpu labels")
    device.identify("name", v.observe(values["product-name"][0], v.unmasked, "amd.com/gpu.product-name"))
    device.identify("pci_device_id", v.observe(part, v.amd_pci_id, "amd.com/gpu.device-id"))
    device.identify("cu_count", v.observe(values["cu-count"][0], v.positive, "amd.com/gpu.cu-count"))
    device.identify("memory_bytes", v.observe(values["vram"][0], _vram, "amd.com/gpu.vram (rounded)"))
    _fill_amd_partition(device, labels)
    capacity = v.positive(node.capacity.get("amd.com/gpu", ""))
    total = count or capacity
    for _ in range(min(total or 1, _MAX_GPUS)):
        report.add(device)
    if total:
        source = "amd.com/gpu.device-id" if count else "capacity: amd.com/gpu"
        report.device_count = Reading(value=total, source=source)
    else:
        report.count_unknown("not_asked", "the labels carry no count")
        report.note("the labels describe the node's GPUs but carry no count; one device is listed")


_AMD_NAMES = ("device-id", "product-name", "cu-count", "vram", "driver-version", "family")


def _amd_label(labels: dict[str, str], name: str) -> tuple[str | None, int | None]:
    """Return a label's value and the number of GPUs it holds for.

    The plain form is ``amd.com/gpu.vram=192G``; the beta form ``beta.amd.com/gpu.vram.192G=8`` also carries a count.
    """
    plain = labels.get(f"amd.com/gpu.{name}")
    stem = f"beta.amd.com/gpu.{name}."
    for label, text in labels.items():
        if label.startswith(stem):
            return plain or label.removeprefix(stem), v.positive(text)
    return plain or labels.get(f"beta.amd.com/gpu.{name}"), None


def _fill_amd_partition(device: DeviceDraft, labels: dict[str, str]) -> None:
    label = "amd.com/compute-memory-partition"
    mode, _, memory = labels.get(label, "").partition("_")
    if mode:
        device.condition("compute_partition", Reading(value=mode.upper(), source=label))
        device.condition("memory_partition", v.observe(memory.upper() or None, v.text, label))
        fill_partition(device, mode, memory, label)


def _vram(printed: str) -> int | None:
    """Return bytes of ``192G``; the labeller rounds to whole GiB."""
    number = v.positive(printed)
    return None if number is None else number * GIB
