"""Knows ``python -m torch.utils.collect_env``, vLLM's copy of it, and the sectioned form vLLM prints since 0.9."""

from __future__ import annotations

import re

from parity.model.absent import Reading
from parity.readers import software, topology
from parity.readers import value as v
from parity.readers.clean import finished, split_labels
from parity.readers.draft import DeviceDraft, ReportDraft
from parity.readers.nvidia_smi_list import read_lines
from parity.readers.slicing import drop_links_of_slices

NAME = "collect-env"
SECTIONED = "collect-env-vllm"
ANCHOR = re.compile(r"PyTorch version\s*:(?!\s*\n?={3})|(?<![\w/])GPU models and configuration\s*:")
GPU_LIST = re.compile(r"GPU models and configuration\s*:")

_SECTION = re.compile(r"={10,60}\s*(?:CUDA / GPU Info|PyTorch Info|System Info)\s*={10,60}")
_NAMES = (
    "PyTorch version", "Is debug build", "CUDA used to build PyTorch", "ROCM used to build PyTorch",
    "XPU used to build PyTorch", "OS", "GCC version", "Clang version", "CMake version", "Libc version",
    "Python version", "Python platform", "Is CUDA available", "CUDA runtime version", "CUDA_MODULE_LOADING set to",
    "GPU models and configuration", "Nvidia driver version", "cuDNN version", "HIP runtime version",
    "MIOpen runtime version", "Is XNNPACK available", "Is XPU available", "CPU", "Architecture", "CPU op-mode(s)",
    "Byte Order", "Address sizes", "CPU(s)", "On-line CPU(s) list", "Thread(s) per core", "Core(s) per socket",
    "Socket(s)", "NUMA node(s)", "Vendor ID", "CPU family", "Model", "Model name", "Stepping", "Frequency boost",
    "CPU MHz", "CPU max MHz", "CPU min MHz", "BogoMIPS", "Virtualization", "Hypervisor vendor", "Virtualization type",
    "L1d cache", "L1i cache", "L2 cache", "L3 cache", "NUMA node0 CPU(s)", "Flags", "Vulnerability Itlb multihit",
    "Vulnerability Gather data sampling", "Versions of relevant libraries", "ROCM Version", "Neuron SDK Version",
    "vLLM Version", "vLLM Build Flags", "CUDA Archs", "GPU Topology", "Legend", "Intel GPU driver version",
)  # fmt: skip
_LABELS = re.compile(
    r"(?<![^\s=])(?:" + "|".join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True)) + r")\s{0,40}:(?!:)"
    r"|={10,60}\s*[A-Z][A-Za-z /]{2,40}\s*={10,60}|\[(?:pip3?|conda)\]\s"
)
_ROCM_NAME = re.compile(r"^(.{0,120}?)\s*\((gfx[0-9a-f]{3,5}[^)]{0,60})\)?$")
_NO_GPU = frozenset({"no cuda", "none", "n/a"})


def start(text: str, anchor: int) -> int:
    """Return where the report begins: the sectioned form prints the system before PyTorch's version."""
    before = text.rfind("System Info", max(0, anchor - 2000), anchor)
    if before < 0:
        before = anchor
    return max(text.rfind("\n", 0, before) + 1, before - 100, 0)


def read(text: str) -> ReportDraft:
    """Return the report of one collect_env output, collapsed or not.

    By hand: ``python -m torch.utils.collect_env``
    """
    report = ReportDraft(SECTIONED if _SECTION.search(text) else NAME)
    lines = split_labels(text, _LABELS)
    labels = _labels(finished(lines))
    _read_devices(report, lines, labels)
    _read_topology(report, text)
    _read_versions(report, labels)
    software.read_machine(report, labels, tool=NAME)
    software.read_packages(report, text)
    software.read_cudnn(report, text)
    software.read_environment(report, lines)
    drop_links_of_slices(report)
    return report


def _labels(lines: str) -> dict[str, str]:
    """Return the first text of each known label."""
    known = frozenset(_NAMES)
    labels: dict[str, str] = {}
    for line in lines.split("\n"):
        label, colon, text = line.partition(":")
        if colon and label.strip() in known:
            labels.setdefault(label.strip(), text.strip())
    return labels


def _gpu_lines(lines: str) -> tuple[str, bool]:
    """Return the text between the GPU label and the next label, and whether there is a next label."""
    start = GPU_LIST.search(lines)
    if start is None:
        return "", True
    rest = lines[start.end() : start.end() + 40_000]
    following = _LABELS.search(rest)
    return (rest[: following.start()], True) if following else (rest, False)


def _read_devices(report: ReportDraft, lines: str, labels: dict[str, str]) -> None:
    raw, complete = _gpu_lines(lines)
    body = raw.strip()
    if body and not complete:
        report.count_unknown("failed", "the GPU list is cut off")
        report.note("the report is cut off in or after its GPU list: there may be more GPUs")
    first = body.split("\n")[0].strip() if body else ""
    ended = complete or raw.endswith("\n")
    listed = read_lines(body, tool="collect_env: nvidia-smi -L", ended=ended)
    rocm = _ROCM_NAME.match(first)
    if listed.devices:
        for device in listed.devices:
            report.add(device)
        if complete:
            report.count_listed(listed.gpus, "collect_env: GPU models and configuration")
        if listed.unknown:
            report.note(f"lines of the GPU list were not understood: {' | '.join(listed.unknown)[:300]}")
    elif rocm or (first and _is_rocm(labels) and v.why_absent(first) is None and first.lower() not in _NO_GPU):
        if ended:
            _add_rocm(report, rocm.group(1) if rocm else first, rocm.group(2) if rocm else "")
    else:
        _say_none(report, first, labels)
    if listed.devices and labels.get("Is CUDA available") == "False":
        report.note("PyTorch could not use CUDA in this environment: the GPUs are the driver's list")


def _is_rocm(labels: dict[str, str]) -> bool:
    return labels.get("ROCM used to build PyTorch", "N/A")[:1].isdigit()


def _add_rocm(report: ReportDraft, name: str, target: str) -> None:
    """On ROCm the label holds one line: the name and target of the current device."""
    source = "collect_env: GPU models and configuration"
    device = DeviceDraft(vendor="amd", source=source)
    device.identify("name", v.observe(name.strip() or "N/A", v.unmasked, source))
    device.identify("gfx_target", v.observe(target or None, v.gfx_target, source))
    report.add(device)


def _say_none(report: ReportDraft, first: str, labels: dict[str, str]) -> None:
    if first.lower() == "no cuda":
        torch = labels.get("PyTorch version", "")
        report.count_unknown("not_asked", "this PyTorch has no CUDA, so it did not look for GPUs")
        report.note(
            f"PyTorch {torch} reports No CUDA: that says nothing about the GPUs of the machine".replace("  ", " ")
        )
    elif first:
        report.count_unknown("failed", f"GPU models and configuration: {first[:80]}")
        report.note(f"no GPU line was understood: {first[:120]}")
    else:
        report.count_unknown("not_asked", "the report does not name a GPU")
        report.note("the report does not name a GPU; it may be cut off")


def _read_topology(report: ReportDraft, text: str) -> None:
    """Keep the connection matrix; on ROCm it is also the only count."""
    nvidia = "rocm system management interface" not in text.lower()
    source = "nvidia-smi topo -m" if nvidia else "rocm-smi --showtopo"
    start = text.find("GPU Topology")
    count, links = (topology.read_nvidia if nvidia else topology.read_amd)(text[start:] if start >= 0 else text)
    report.links = links
    if count == 0:
        if report.devices and not nvidia_listed(report):
            report.count_unknown("not_asked", "collect_env on ROCm names one GPU and no count")
        return
    named = len(report.devices)
    if not nvidia_listed(report) and count >= named:
        report.device_count = Reading(value=count, source=source)
        if named == 1 and count > 1:
            report.note(f"collect_env on ROCm names only one GPU; the connection matrix has {count}")
    elif isinstance(report.device_count, Reading) and report.device_count.value != count:
        report.note(f"{report.device_count.value} GPUs are listed, the connection matrix has {count}")


def nvidia_listed(report: ReportDraft) -> bool:
    """Return whether the devices come from nvidia-smi, which lists all of them."""
    return any(getattr(device.identity["vendor"], "value", "") == "nvidia" for device in report.devices)


def _read_versions(report: ReportDraft, labels: dict[str, str]) -> None:
    for label, component in (
        ("PyTorch version", "torch"),
        ("CUDA used to build PyTorch", "torch_cuda"),
        ("ROCM used to build PyTorch", "torch_hip"),
        ("Nvidia driver version", "driver"),
        ("HIP runtime version", "hip"),
        ("ROCM Version", "rocm"),
    ):
        report.component(component, v.observe(labels.get(label), version, f"collect_env: {label}"))
    # collect_env asks nvcc for what it calls the runtime version.
    toolkit = v.observe(labels.get("CUDA runtime version"), version, "collect_env: CUDA runtime version (nvcc)")
    report.component("cuda_toolkit", toolkit)
    report.component("python", v.observe(labels.get("Python version"), version, "collect_env: Python version"))
    report.component("libc", v.observe(labels.get("Libc version"), _libc, "collect_env: Libc version"))
    vllm = re.match(r"[^@\s]+", labels.get("vLLM Version", ""))
    if vllm:
        software.keep_package(report, "vllm", vllm.group(), source="vLLM Version")


def version(printed: str) -> str | None:
    """Return the first word of a text when it is a version.

    >>> version("3.12.3 (main, Feb  4 2025, 14:48:35)"), version("No CUDA")
    ('3.12.3', None)
    """
    match = re.match(r"[0-9][^\s]{0,79}", printed)
    return match.group() if match else None


def _libc(printed: str) -> str | None:
    return version(printed.removeprefix("glibc-").removeprefix("musl-"))
