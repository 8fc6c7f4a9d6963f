"""Knows ``python -m sglang.check_env``: GPUs grouped by name, a compute capability, package versions."""

from __future__ import annotations

import re

from parity.model.absent import Reading
from parity.readers import software, topology
from parity.readers import value as v
from parity.readers.clean import finished, split_labels
from parity.readers.collect_env import version
from parity.readers.draft import DeviceDraft, ReportDraft
from parity.readers.slicing import identify_by_name

NAME = "sglang-check-env"
TOOL = "sglang.check_env"
ANCHOR = re.compile(r"(?<!Is )(?<!\w)(?:CUDA|ROCM) available\s*: *(?:True|False)")
GROUP = re.compile(r"(?<![\w,])GPU [0-9]{1,3}(?:,[0-9]{1,3}){0,127}(?: Compute Capability)?\s*:")

_PACKAGES = (
    "sglang", "sgl_kernel", "sgl-kernel", "flashinfer", "flashinfer_python", "flashinfer_cubin", "flashinfer_jit_cache",
    "triton", "transformers", "torchao", "numpy", "aiohttp", "fastapi", "hf_transfer", "huggingface_hub", "interegular",
    "modelscope", "orjson", "outlines", "packaging", "psutil", "pydantic", "multipart", "python-multipart", "pyzmq",
    "zmq", "uvicorn", "uvloop", "vllm", "xgrammar", "openai", "tiktoken", "anthropic", "litellm", "decord", "decord2",
    "sglang-kernel", "torch_memory_saver", "apache-tvm-ffi", "nvidia-cutlass-dsl",
)  # fmt: skip
_NAMES = (
    "Python", "CUDA available", "ROCM available", "CUDA_HOME", "ROCM_HOME", "NVCC", "HIPCC", "CUDA Driver Version",
    "CUDA Driver Versions", "ROCM Driver Version", "PyTorch", "NVIDIA Topology", "AMD Topology", "Legend", "NIC Legend",
    "Hypervisor vendor", "ulimit soft",
)  # fmt: skip
_LABELS = re.compile(
    GROUP.pattern
    + r"|(?<!\S)(?:"
    + "|".join(re.escape(name) for name in sorted((*_PACKAGES, *_NAMES), key=len, reverse=True))
    + r")\s{0,4}:(?=\s)"
)
_GROUP_LINE = re.compile(r"^GPU ([0-9,]{1,512})( Compute Capability)?\s*:\s*(.{1,120})$")


def start(text: str, anchor: int) -> int:
    """Return where the report begins: the ``Python:`` line stands before the anchor."""
    before = text.rfind("Python:", max(0, anchor - 400), anchor)
    return before if before >= 0 else anchor


def read(text: str) -> ReportDraft:
    """Return the report of one check_env output, collapsed or not.

    By hand: ``python -m sglang.check_env``
    """
    report = ReportDraft(NAME)
    lines = split_labels(text, _LABELS)
    labels = _labels(finished(lines))
    rocm = "ROCM available" in labels
    _read_devices(report, lines, labels, vendor="amd" if rocm else "nvidia")
    _read_versions(report, labels, rocm=rocm)
    for name in _PACKAGES:
        if name in labels:
            software.keep_package(report, name, labels[name].split(" ")[0], source=TOOL)
    software.read_environment(report, lines)
    hypervisor = labels.get("Hypervisor vendor")
    report.machine("virtualization", v.observe(hypervisor, v.lowered, f"{TOOL}: Hypervisor vendor"))
    count, report.links = (topology.read_amd if rocm else topology.read_nvidia)(text)
    if not report.devices:
        _say_none(report, labels, count)
    return report


def _labels(lines: str) -> dict[str, str]:
    known = frozenset((*_NAMES, *_PACKAGES))
    labels: dict[str, str] = {}
    for line in lines.split("\n"):
        label, colon, text = line.partition(":")
        if colon and label.strip() in known:
            labels.setdefault(label.strip(), text.strip())
    return labels


def _read_devices(report: ReportDraft, lines: str, labels: dict[str, str], *, vendor: str) -> None:
    names: dict[int, str] = {}
    capabilities: dict[int, str] = {}
    for line in lines.split("\n"):
        group = _GROUP_LINE.match(line.strip())
        if group:
            target = capabilities if group.group(2) else names
            for index in _indices(group.group(1)):
                target.setdefault(index, group.group(3).strip())
    last = lines.rsplit("\n", 1)[-1]
    for index in sorted(names):
        cut = bool(last) and last.strip().endswith(f": {names[index]}")
        report.add(_device(names[index], capabilities.get(index), vendor, cut=cut), index)
    if names and not capabilities and "PyTorch" not in labels:
        report.count_unknown("failed", "the report is cut off in its GPU lines")
        report.note("the report is cut off in its GPU lines: there may be more GPUs")
    elif names:
        report.count_listed(len(names), f"{TOOL}: GPU lines (GPUs visible to PyTorch)")


def _indices(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.isdecimal() and len(part) < 4]


def _device(name: str, capability: str | None, vendor: str, *, cut: bool) -> DeviceDraft:
    device = DeviceDraft(vendor=vendor, source=TOOL)
    whole = f"{TOOL}: the name has no MIG suffix" if vendor == "nvidia" else ""
    identify_by_name(device, name, source=f"{TOOL}: GPU", whole=whole, cut=cut)
    if vendor == "nvidia":  # for ROCm torch prints the gfx number in this form; it is not a compute capability
        device.identify("compute_capability", v.observe(capability, _capability, f"{TOOL}: Compute Capability"))
    return device


def _capability(printed: str) -> str | None:
    match = re.match(r"[0-9]{1,2}\.[0-9](?![0-9])", printed)
    return match.group() if match else None


def _read_versions(report: ReportDraft, labels: dict[str, str], *, rocm: bool) -> None:
    report.component("python", v.observe(labels.get("Python"), version, f"{TOOL}: Python"))
    report.component("torch", v.observe(labels.get("PyTorch"), version, f"{TOOL}: PyTorch"))
    built = re.search(r"\+(cu|rocm)([0-9.]{2,8})", labels.get("PyTorch", ""))
    if built and built.group(1) == "cu" and built.group(2).isdecimal():
        digits = built.group(2)
        report.component("torch_cuda", Reading(value=f"{digits[:-1]}.{digits[-1]}", source=f"{TOOL}: PyTorch"))
    elif built and rocm:
        report.component("torch_hip", Reading(value=built.group(2), source=f"{TOOL}: PyTorch"))
    driver = labels.get("ROCM Driver Version" if rocm else "CUDA Driver Version")
    report.component("driver", v.observe(driver, version, f"{TOOL}: Driver Version"))
    toolkit = re.search(r"V([0-9.]{3,12})", labels.get("NVCC", ""))
    if toolkit:
        report.component("cuda_toolkit", Reading(value=toolkit.group(1), source=f"{TOOL}: NVCC"))
    hip = re.search(r"HIP version: ?([0-9][0-9A-Za-z.\-]{2,40})", labels.get("HIPCC", ""))
    if hip:
        report.component("hip", Reading(value=hip.group(1), source=f"{TOOL}: HIPCC"))


def _say_none(report: ReportDraft, labels: dict[str, str], count: int) -> None:
    if count > 1:
        report.device_count = Reading(value=count, source=f"{TOOL}: topology matrix")
        report.note("the GPU lines are missing; only the connection matrix was read")
    elif labels.get("CUDA available", labels.get("ROCM available")) == "False":
        report.count_unknown("not_asked", "PyTorch cannot use a GPU here, so it did not list any")
        report.note("PyTorch sees no GPU: that says nothing about the GPUs of the machine")
    else:
        report.count_unknown("failed", "no GPU line was understood")
        report.note("no GPU line was understood; the report may be cut off")
