"""Knows where the software stack shows itself without an import: package folders, version files, libraries, variables.

Runs in the probe child with the user's interpreter, so its ``sys.path`` is the one that ``import torch`` would use. No
package is imported, no ``METADATA`` is parsed and no tree is walked: a few hundred folders are listed at most.
"""

# pathlib takes 9 ms to import; the whole child takes 40.
# ruff: noqa: PTH112, PTH113, PTH118, PTH119, PTH120, PTH123, PTH207
from __future__ import annotations

import glob
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from parity.probes.small_files import Tree, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.probes.ask import Ask

MAX_FOLDERS = 400
MAX_MAPS_BYTES = 8 * 1024 * 1024

# Distributions reported: exact normalised names, and prefixes.
_NAMES = """
    torch torchvision torchaudio torchao torchtitan triton triton-rocm pytorch-triton pytorch-triton-rocm
    pytorch-triton-xpu jax jaxlib flax tensorflow cupy vllm sglang sgl-kernel sgl-kernel-cu124 lmdeploy
    tensorrt-llm text-generation-server xformers transformer-engine transformer-engine-torch
    transformer-engine-jax deep-gemm deep-ep flash-mla flash-linear-attention fla-core causal-conv1d mamba-ssm
    sageattention sageattn3 spas-sage-attn bitsandbytes apex amp-c numba numba-cuda tensorrt onnxruntime
    onnxruntime-gpu onnxruntime-rocm aiter amd-aiter amdsmi nvidia-ml-py pynvml liger-kernel deepspeed
    megatron-core accelerate transformers tilelang apache-tvm-ffi helion thunderkittens grouped-gemm megablocks
    marlin gptqmodel auto-gptq autoawq exllamav2 hqq quark amd-quark cutlass nvidia-cutlass nvidia-cutlass-dsl
    mslk fbgemm-gpu fbgemm-gpu-genai torch-memory-saver mooncake-transfer-engine nixl nixl-cu12 nixl-cu13
    kernels hf-kernels quack-kernels cuda-python cuda-bindings cuda-core cuda-tile warp-lang gsplat nerfacc
    pytorch3d spconv torch-scatter torch-sparse torch-cluster natten lightning pytorch-lightning
    pytest-benchmark pytest-codspeed numpy
"""
PACKAGES = frozenset(_NAMES.split())
PREFIXES = (
    "flash-attn",
    "flashinfer",
    "cupy-",
    "jax-cuda",
    "jax-rocm",
    "nvidia-",
    "rocm",
    "tensorrt",
    "spconv-",
    "transformer-engine-",
    "cuda-",
    "nixl-",
    "sgl-",
    "sglang-",
    "vllm-",
)

LIBRARIES = (
    "cuda|cudart|cudnn\\w*|cublas|cublasLt|cufft|cusolver|cusparse|cusparseLt|nccl|nvrtc|nvJitLink|nvshmem_host|nvidia-ml|"
    "amdhip64|rccl|hipblaslt|rocblas|hipblas|MIOpen|hsa-runtime64|amd_smi|rocm_smi64|hiprtc|amd_comgr"
)
# ``libcudart.so.12.8.90``, and ``libcudart-d0da41ae.so.12.4.127`` as auditwheel renames it.
_LIBRARY = re.compile(rf"^lib(?P<name>{LIBRARIES})(?:-[0-9a-f]{{8}})?\.so(?:\.(?P<version>[0-9][0-9.]*))?$")
_DISTRIBUTION = re.compile(r"^(?P<name>[A-Za-z0-9_.]+)-(?P<version>[0-9][^-]*)(?:-py[\d.]+)?\.(?:dist|egg)-info$")

# Folders inside site-packages that hold libraries; one star is one level.
_PACKAGE_FOLDERS = (
    "torch/lib",
    "nvidia/*/lib",
    "nvidia/*/lib64",
    "tensorrt_libs",
    "cupy/.data/lib",
    "_rocm_sdk_core/lib",
    "_rocm_sdk_libraries*/lib",
    "_rocm_sdk_devel/lib",
    "jaxlib/cuda",
    "triton/backends/nvidia/lib",
)
_SYSTEM_FOLDERS = (
    "/usr/local/cuda*/lib64",
    "/usr/local/cuda*/targets/*/lib",
    "/usr/local/nvidia/lib64",
    "/usr/lib/wsl/lib",
    "/opt/rocm*/lib",
    "/lib64",
    "/usr/lib64",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib",
    "/run/opengl-driver/lib",
)


def survey(ask: Ask, tree: Tree, options: dict[str, Any]) -> None:
    """Ask about packages, builds, toolkits, libraries and environment variables."""
    paths = options.get("sys_path")
    search = [str(path) for path in (sys.path if paths is None else paths) if path]
    ask("stack:python", lambda: ".".join(str(number) for number in sys.version_info[:3]))
    ask("stack:libc", lambda: os.confstr("CS_GNU_LIBC_VERSION"))
    for number, path in enumerate(search):
        ask(f"stack:{number}:packages", _packages, path, classify=reason)
    ask("stack:torch", _torch_build, search, classify=reason)
    ask("stack:toolkits", _toolkits, tree, classify=reason)
    ask("stack:rocm", _rocm, tree, classify=reason)
    budget = Budget(MAX_FOLDERS)
    for number, path in enumerate(search):
        ask(f"stack:{number}:package_libraries", _package_libraries, path, budget, classify=reason)
    for number, path in enumerate(_loader_path()):
        ask(f"stack:{number}:loader_path", lambda folder=path: list(_libraries_in([folder], budget)), classify=reason)
    ask("stack:system_libraries", _system_libraries, tree, budget, classify=reason)
    ask("stack:loaded", _loaded, tree, int(options.get("pid") or os.getppid()), classify=reason)
    ask("stack:environment", _environment, options.get("environment") or ())


class Budget:
    """How many folders may still be listed."""

    def __init__(self, folders: int) -> None:
        """Start with a number of folders."""
        self.left = folders

    def take(self) -> bool:
        """Return whether one more folder may be listed, and count it."""
        self.left -= 1
        return self.left >= 0


def normalised(name: str) -> str:
    """Return a distribution's name as PEP 503 writes it.

    >>> normalised("Flash_Attn"), normalised("nvidia_cuda.runtime_cu12")
    ('flash-attn', 'nvidia-cuda-runtime-cu12')
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(name: str) -> bool:
    """Return whether a normalised name is a framework, kernel library or CUDA/ROCm package."""
    return name in PACKAGES or name.startswith(PREFIXES)


def _packages(folder: str) -> dict[str, str]:
    """Return name -> version from the names of ``*.dist-info`` and ``*.egg-info`` in one folder of the path."""
    found: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            match = _DISTRIBUTION.match(entry.name)
            if match and wanted(name := normalised(match["name"])):
                found[name] = match["version"]
    return found


def _torch_build(search: Iterable[str]) -> dict[str, str]:
    """Return what ``torch/version.py`` says of its build, without importing it.

    By hand: ``python -m torch.utils.collect_env``.

    Raises:
        FileNotFoundError: there is no torch on the path.
    """
    for folder in search:
        text = Tree("").text_or_none(os.path.join(folder, "torch", "version.py"))
        if text is not None:
            rows = re.findall(
                r"^(__version__|cuda|hip|rocm|git_version|debug)\b[^=\n]*= *(.+?)\s*$", text, re.MULTILINE
            )
            return {name: value.strip("'\"") for name, value in rows} | {
                "file": os.path.join(folder, "torch", "version.py")
            }
    raise FileNotFoundError(2, "not installed", "torch/version.py")


def _toolkits(tree: Tree) -> list[dict[str, str]]:
    """Return the CUDA toolkits with their own version files, the one that builds would use first.

    By hand: ``nvcc --version``, ``cat /usr/local/cuda/version.json``.
    """
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH")]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder and os.path.isfile(os.path.join(folder, "nvcc")):
            homes.append(os.path.dirname(os.path.realpath(folder)))
            break
    homes += [tree.at("/usr/local/cuda"), os.environ.get("CONDA_PREFIX")]
    found, seen = [], set()
    for home in homes:
        if not home or (real := os.path.realpath(home)) in seen:
            continue
        seen.add(real)
        for name in ("version.json", "version.txt"):
            text = Tree(home).text_or_none(f"/{name}")
            if text is not None:
                found.append({"home": home, "file": name, "text": text[:8000]})
                break
    return found


def _rocm(tree: Tree) -> dict[str, str]:
    """Return the installed ROCm's version text. By hand: ``cat /opt/rocm/.info/version``."""
    for home in (os.environ.get("ROCM_PATH"), os.environ.get("ROCM_HOME"), tree.at("/opt/rocm")):
        text = Tree(home).text_or_none("/.info/version") if home else None
        if home and text is not None:
            return {"home": home, "text": text}
    raise FileNotFoundError(2, "not installed", "/opt/rocm/.info/version")


def _package_libraries(folder: str, budget: Budget) -> list[dict[str, str]]:
    """Return the libraries inside the packages of one folder of the path."""
    if not os.path.isdir(folder) or not budget.take():
        return []
    with os.scandir(folder) as entries:
        bundled = sorted(entry.path for entry in entries if entry.name.endswith(".libs") and entry.is_dir())
    patterns = (os.path.join(glob.escape(folder), pattern) for pattern in _PACKAGE_FOLDERS)
    folders = [found for pattern in patterns for found in sorted(glob.glob(pattern))]
    return list(_libraries_in([*folders, *bundled], budget))


def _loader_path() -> list[str]:
    return [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if path][:64]


def _system_libraries(tree: Tree, budget: Budget) -> list[dict[str, str]]:
    """Return the libraries in the folders of ``/etc/ld.so.conf`` and the usual places. By hand: ``ldconfig -p``."""
    folders = [*_configured(tree, "/etc/ld.so.conf", 0)]
    for pattern in _SYSTEM_FOLDERS:
        folders.extend(sorted(glob.glob(tree.at(pattern))))
    conda = os.environ.get("CONDA_PREFIX")
    if conda:
        folders.append(os.path.join(conda, "lib"))
    return list(_libraries_in(folders, budget))


def _configured(tree: Tree, path: str, depth: int) -> Iterator[str]:
    """Yield the folders a loader configuration names, includes followed."""
    for line in (tree.text_or_none(path) or "").splitlines():
        entry = line.partition("#")[0].strip()
        if entry.startswith("include ") and depth < 4:
            pattern = entry[8:].strip()
            if not pattern.startswith("/"):
                pattern = f"/etc/{pattern}"
            for found in sorted(glob.glob(tree.at(pattern)))[:64]:
                yield from _configured(tree, found[len(tree.root) :], depth + 1)
        elif entry.startswith("/"):
            yield tree.at(entry)


def _libraries_in(folders: Iterable[str], budget: Budget) -> Iterator[dict[str, str]]:
    """Yield every known library in some folders, by its resolved path."""
    listed: set[str] = set()
    for folder in folders:
        real = os.path.realpath(folder)
        if real in listed or not budget.take():
            continue
        listed.add(real)
        try:
            with os.scandir(real) as entries:
                names = sorted(entry.name for entry in entries if _LIBRARY.match(entry.name))
        except OSError:
            continue
        described = (library(os.path.join(real, name)) for name in reversed(names))  # the longest name has the version
        yield from {found["path"]: found for found in described if found}.values()


def library(path: str) -> dict[str, str]:
    """Return name, resolved path and version of a library file; empty when it is none.

    The version is of the resolved file's name, else of the name that was asked.
    """
    real = os.path.realpath(path)
    found = named(real) or named(path)
    return {**found, "path": real} if found else {}


def named(path: str) -> dict[str, str]:
    """Return name, path and version that a library's file name alone tells; empty when it is none."""
    match = _LIBRARY.match(os.path.basename(path))
    return {} if match is None else {"name": f"lib{match['name']}", "path": path, "version": match["version"] or ""}


def _loaded(tree: Tree, pid: int) -> list[dict[str, str]]:
    r"""Return the libraries mapped into a process. By hand: ``grep '\.so' /proc/PID/maps``."""
    found: dict[str, dict[str, str]] = {}
    with open(tree.at(f"/proc/{pid}/maps"), "rb") as stream:
        data = stream.read(MAX_MAPS_BYTES).decode("utf-8", errors="replace")
    for match in re.finditer(r"(/\S[^\n]*?\.so[\w.]*)$", data, re.MULTILINE):
        path = match.group(1)
        if path not in found and (described := library(path)):
            found[path] = described
    return list(found.values())


def _environment(names: Iterable[str]) -> dict[str, str]:
    """Return the listed variables that are set; values of others are never read."""
    exact = {name for name in names if not name.endswith("*")}
    prefixes = tuple(name[:-1] for name in names if name.endswith("*") and len(name) > 1)
    return {
        name: value[:1000] for name, value in sorted(os.environ.items()) if name in exact or name.startswith(prefixes)
    }
