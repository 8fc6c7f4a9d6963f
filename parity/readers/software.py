"""Knows the software lines that environment reports share: pip lists, CPU facts, environment variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.model.absent import Reading
from parity.model.fingerprint import Library
from parity.readers import value as v

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.readers.draft import ReportDraft

_PIP = re.compile(r"\[pip3?\]\s+([A-Za-z0-9][A-Za-z0-9_.\-]{0,80})==([A-Za-z0-9_.+!\-]{1,80})(?=\s)")
_CONDA = re.compile(r"\[conda\]\s+([A-Za-z0-9][A-Za-z0-9_.\-]{0,80})\s+([0-9][A-Za-z0-9_.+!\-]{0,80})(?=\s)")
_CUDNN = re.compile(r"(/[^\s:]{1,200}/(libcudnn[a-z_]{0,40})\.so\.([0-9][0-9.]{0,20}))(?=\s)")
_VARIABLE = re.compile(
    r"(?:^|(?<=\s))((?:CUDA_|NVIDIA_|NCCL_|RCCL_|TORCH|PYTORCH_|HIP_|HSA_|ROCR_|ROCM_|AMD_|GPU_|TRITON_|VLLM_|SGLANG_|OMP_)"
    r"[A-Z0-9_]{1,80}|LD_PRELOAD)=",
    re.MULTILINE,
)
_ANY_VARIABLE = re.compile(r"\s[A-Z][A-Z0-9_]{2,80}=")

# Distributions that decide which GPU code runs, or how fast.
_RELEVANT = re.compile(
    r"torch.*|pytorch-triton.*|triton.*|nvidia-.*|flash-?attn.*|flashinfer.*|flash-mla|vllm.*|sglang.*|sgl-kernel.*"
    r"|transformers|transformer-engine.*|xformers|cupy.*|jax.*|deepspeed|bitsandbytes|apex|amd-?aiter|aiter|deep-gemm"
    r"|deep-ep|tilelang|mamba-ssm|causal-conv1d|accelerate|numpy|onnxruntime.*|tensorrt.*|tensorflow.*|liger-kernel"
    r"|cuda-.*|rocm.*|amdsmi|xgrammar|apache-tvm.*|grouped-gemm|unsloth|peft|lmdeploy|exllamav2|auto-?gptq|autoawq"
)
_COMPONENTS = (
    ("cuda_runtime", re.compile(r"nvidia-cuda-runtime(?:-cu[0-9]{2})?")),
    ("cudnn", re.compile(r"nvidia-cudnn(?:-cu[0-9]{2})?")),
    ("cublas", re.compile(r"nvidia-cublas(?:-cu[0-9]{2})?")),
    ("nccl", re.compile(r"nvidia-nccl(?:-cu[0-9]{2})?")),
    ("triton", re.compile(r"triton|pytorch-triton(?:-rocm)?")),
    ("jax", re.compile(r"jax")),
)


def normal_name(name: str) -> str:
    """Return a distribution's normalised name.

    >>> normal_name("flash_attn"), normal_name("Flash.Attn")
    ('flash-attn', 'flash-attn')
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def read_packages(report: ReportDraft, text: str) -> None:
    """Keep relevant distributions of ``[pip3] name==version`` and ``[conda] name version`` lines."""
    for pattern, lister in ((_PIP, "[pip3]"), (_CONDA, "[conda]")):
        for name, version in pattern.findall(text):
            keep_package(report, name, version, source=lister)


def keep_package(report: ReportDraft, name: str, version: str, *, source: str) -> None:
    """Keep one distribution when it matters to a GPU, and the component it is."""
    normal = normal_name(name)
    if not _RELEVANT.fullmatch(normal) or v.why_absent(version) or not version[0].isdigit():
        return
    report.packages.setdefault(normal, version)
    for component, pattern in _COMPONENTS:
        if pattern.fullmatch(normal):
            report.component(component, Reading(value=version, source=f"{source} {normal}"))


def read_cudnn(report: ReportDraft, text: str) -> None:
    """Keep the cuDNN copies that collect_env found on the loader path."""
    seen = {library.path for library in report.libraries}
    for path, name, version in _CUDNN.findall(text):
        if path not in seen:
            seen.add(path)
            report.libraries.append(Library(name=name, path=path, version=version.rstrip("."), found="loader"))
        if name == "libcudnn":
            report.component("cudnn", Reading(value=version.rstrip("."), source="cuDNN version"))


def read_environment(report: ReportDraft, text: str) -> None:
    """Keep environment variables that select devices or change a number; others are never kept."""
    for name, value in _variables(text):
        report.environment.setdefault(name, value)


def _variables(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        if "=" not in line or "==" in line:
            continue
        for match in _VARIABLE.finditer(line):
            rest = line[match.end() :]
            following = _ANY_VARIABLE.search(rest)
            yield match.group(1), (rest[: following.start()] if following else rest).strip()


def read_machine(report: ReportDraft, labels: dict[str, str], *, tool: str) -> None:
    """Keep what the CPU and system lines of an environment report say."""
    for label, field in (("OS", "os"), ("Model name", "cpu_model"), ("Architecture", "machine")):
        report.machine(field, v.observe(labels.get(label), v.text, f"{tool}: {label}"))
    for label, field in (
        ("CPU(s)", "cpu_count"),
        ("Socket(s)", "cpu_sockets"),
        ("NUMA node(s)", "numa_nodes"),
    ):
        report.machine(field, v.observe(labels.get(label), v.positive, f"{tool}: {label}"))
    report.machine("cpu_boost", v.observe(labels.get("Frequency boost"), v.flag, f"{tool}: Frequency boost"))
    vendor = labels.get("Hypervisor vendor")
    report.machine("virtualization", v.observe(vendor, v.lowered, f"{tool}: Hypervisor vendor"))
    _read_platform(report, labels.get("Python platform", ""), tool)


def _read_platform(report: ReportDraft, platform: str, tool: str) -> None:
    """Keep kernel, machine and WSL from ``Linux-6.6.87.1-microsoft-standard-WSL2-x86_64-with-glibc2.39``."""
    source = f"{tool}: Python platform"
    match = re.match(r"Linux-(\S{1,120}?)-(x86_64|aarch64|ppc64le)(?:-with-\S{0,40})?$", platform)
    if match:
        report.machine("kernel", Reading(value=match.group(1), source=source))
        report.machine("machine", Reading(value=match.group(2), source=source))
    if platform.startswith("Linux-"):
        wsl = "microsoft" in platform.lower()
        report.machine("wsl", Reading(value=wsl, source=source))
        if wsl:
            report.note(
                "this is WSL: the driver number is that of Windows, and its clocks and processes are not complete"
            )
