"""Tests what is found of the software stack without importing it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from parity.model.absent import Absent, value_of
from parity.probes.host_decode import environment, host_notes, stack_parts
from parity.probes.stack_survey import library, normalised, wanted
from parity.probes.supervise import Survey, run_survey

if TYPE_CHECKING:
    from pathlib import Path

CU12 = {
    "torch": "2.9.0+cu128",
    "triton": "3.5.0",
    "vllm": "0.13.0",
    "flash_attn": "2.8.3",
    "nvidia_cuda_runtime_cu12": "12.8.90",
    "nvidia_cudnn_cu12": "9.10.2.21",
    "nvidia_cublas_cu12": "12.8.4.1",
    "nvidia_nccl_cu12": "2.27.5",
    "requests": "2.32.0",
}


def site(root: Path, packages: dict[str, str]) -> Path:
    """Write a site-packages folder with the names of installed distributions."""
    folder = root / "site-packages"
    for name, version in packages.items():
        (folder / f"{name}-{version}.dist-info").mkdir(parents=True)
    return folder


def put(path: Path, text: str = "") -> Path:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "CONDA_PREFIX", "ROCM_PATH", "ROCM_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")


def asked(root: Path, *folders: Path, **more: object) -> Survey:
    survey = run_survey("host", {"root": str(root), "sys_path": [str(folder) for folder in folders], **more})
    assert survey.complete, survey.problems
    return survey


def test_a_cuda_environment(tmp_path: Path) -> None:
    folder = site(tmp_path, CU12)
    put(
        folder / "torch/version.py",
        "__version__ = '2.9.0+cu128'\ndebug = False\ncuda: Optional[str] = '12.8'\ngit_version = 'abc'\nhip: Optional[str] = None\n",
    )
    put(folder / "nvidia/cudnn/lib/libcudnn.so.9")
    put(folder / "nvidia/cuda_runtime/lib/libcudart.so.12")
    put(tmp_path / "usr/local/cuda/version.json", '{"cuda": {"name": "CUDA SDK", "version": "12.8.1"}}')
    components, packages, libraries = stack_parts(asked(tmp_path, folder))
    told = {name: value_of(version) for name, version in components.items()}
    for name in ("python", "libc"):
        assert told.pop(name)
    assert told == {
        "torch": "2.9.0+cu128",
        "torch_cuda": "12.8",
        "triton": "3.5.0",
        "cuda_runtime": "12.8.90",
        "cuda_toolkit": "12.8.1",
        "cudnn": "9.10.2.21",
        "cublas": "12.8.4.1",
        "nccl": "2.27.5",
    }
    assert "requests" not in packages
    assert packages["flash-attn"] == "2.8.3"
    assert [(item.name, item.version, item.found) for item in libraries] == [
        ("libcudart", "12.8.90", "package"),
        ("libcudnn", "9.10.2.21", "package"),
    ]


def test_a_torch_without_cuda_says_so(tmp_path: Path) -> None:
    folder = site(tmp_path, {"torch": "2.9.0+cpu"})
    put(folder / "torch/version.py", "__version__ = '2.9.0+cpu'\ncuda = None\nhip = None\n")
    components, _, _ = stack_parts(asked(tmp_path, folder))
    assert components["torch_cuda"] == Absent(
        why="not_supported", source="stack:torch.cuda", detail="torch is built without CUDA"
    )
    assert "torch_hip" not in components


def test_of_two_cuda_generations_the_one_of_torch_counts(tmp_path: Path) -> None:
    folder = site(
        tmp_path,
        {
            "torch": "2.9.0",
            "nvidia_cuda_runtime": "13.0.48",
            "nvidia_cuda_runtime_cu12": "12.8.90",
            "nvidia_nccl_cu12": "2.27.5",
            "nvidia_nccl_cu13": "2.28.3",
        },
    )
    put(folder / "torch/version.py", "cuda = '12.8'\n")
    components, _, _ = stack_parts(asked(tmp_path, folder))
    assert value_of(components["cuda_runtime"]) == "12.8.90"
    assert value_of(components["nccl"]) == "2.27.5"


def test_a_rocm_environment(tmp_path: Path) -> None:
    folder = site(tmp_path, {"torch": "2.9.0+rocm7.0", "pytorch_triton_rocm": "3.5.0"})
    put(folder / "torch/version.py", "__version__ = '2.9.0+rocm7.0'\ncuda = None\nhip = '7.0.51831-a3e329ad8'\n")
    put(tmp_path / "opt/rocm/.info/version", "7.0.2-56\n")
    real = put(tmp_path / "opt/rocm/lib/libamdhip64.so.7.0.70002")
    (real.parent / "libamdhip64.so.7").symlink_to(real)
    (real.parent / "libamdhip64.so").symlink_to(real)
    components, _, libraries = stack_parts(asked(tmp_path, folder))
    told = {name: value_of(version) for name, version in components.items()}
    assert (told["rocm"], told["hip"], told["torch_hip"], told["triton"]) == (
        "7.0.2",
        "7.0",
        "7.0.51831-a3e329ad8",
        "3.5.0",
    )
    assert "torch_cuda" not in told
    (only,) = [item for item in libraries if item.name == "libamdhip64"]
    assert only.version == "7.0.70002"


def test_the_first_folder_of_the_path_wins(tmp_path: Path) -> None:
    one, two = site(tmp_path / "a", {"torch": "2.9.0"}), site(tmp_path / "b", {"torch": "2.8.0"})
    _, packages, _ = stack_parts(asked(tmp_path, one, two))
    assert packages["torch"] == "2.9.0"


def test_the_loader_path_and_the_configuration_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "mine/libnccl.so.2.19.3")
    put(tmp_path / "etc/ld.so.conf", "include ld.so.conf.d/*.conf\n")
    put(tmp_path / "etc/ld.so.conf.d/cuda.conf", "# cuda\n/opt/cuda/lib64\n")
    put(tmp_path / "opt/cuda/lib64/libcublas.so.12.8.4.1")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{tmp_path}/mine:{tmp_path}/missing")
    components, _, libraries = stack_parts(asked(tmp_path))
    found = [(item.name, item.version, item.found) for item in libraries]
    assert ("libcublas", "12.8.4.1", "loader") in found
    assert ("libnccl", "2.19.3", "loader") in found
    assert value_of(components["nccl"]) == "2.19.3"


def test_a_mapped_library_is_loaded_and_doubles_are_said(tmp_path: Path) -> None:
    one, two = put(tmp_path / "x/libcudart.so.12.8.90"), put(tmp_path / "y/libcudart.so.12.4.127")
    rows = "".join(
        f"7f00-7f01 r-xp 00000000 08:01 1   {path}\n7f02-7f03 r--p 00000000 08:01 1   {path}\n" for path in (one, two)
    )
    put(tmp_path / "proc/77/maps", rows)
    survey = asked(tmp_path, pid=77)
    _, _, libraries = stack_parts(survey)
    assert [(item.name, item.version, item.found) for item in libraries if item.name == "libcudart"] == [
        ("libcudart", "12.8.90", "loaded"),
        ("libcudart", "12.4.127", "loaded"),
    ]
    assert "2 copies of libcudart are mapped by one process (12.4.127, 12.8.90)" in [
        note.text for note in host_notes(survey)
    ]


def test_a_folder_with_another_torch_than_its_metadata_is_said(tmp_path: Path) -> None:
    folder = site(tmp_path, {"torch": "2.8.0"})
    put(folder / "torch/version.py", "__version__ = '2.9.0'\n")
    texts = [note.text for note in host_notes(asked(tmp_path, folder))]
    assert "torch/version.py says 2.9.0, the installed package says 2.8.0" in texts


def test_only_listed_variables_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CUDA_LAUNCH_BLOCKING": "1", "NCCL_ALGO": "Ring", "MY_TOKEN": "hidden"}.items():
        monkeypatch.setenv(name, value)
    survey = asked(tmp_path, environment=["CUDA_LAUNCH_BLOCKING", "NCCL_*", "NOT_SET", "*"])
    assert environment(survey)["CUDA_LAUNCH_BLOCKING"] == "1"
    assert environment(survey)["NCCL_ALGO"] == "Ring"
    assert "MY_TOKEN" not in environment(survey)
    assert "hidden" not in str(survey.values)


def test_nothing_installed_invents_nothing(tmp_path: Path) -> None:
    components, packages, libraries = stack_parts(asked(tmp_path, tmp_path / "missing"))
    assert set(components) == {"python", "libc"}
    assert (packages, libraries) == ({}, ())


def test_a_wide_tree_is_not_walked(tmp_path: Path) -> None:
    folder = site(tmp_path, {})
    for number in range(500):
        put(folder / f"nvidia/part{number}/lib/libcudart.so.12")
    survey = asked(tmp_path, folder)
    assert len(survey.values["stack:0:package_libraries"]) < 400


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("libcudart.so.12.8.90", "libcudart", "12.8.90"),
        ("libcudart-d0da41ae.so.11.0", "libcudart", "11.0"),
        ("libcudnn_engines_precompiled.so.9", "libcudnn_engines_precompiled", "9"),
        ("libcublasLt.so", "libcublasLt", ""),
        ("libMIOpen.so.1.0.70002", "libMIOpen", "1.0.70002"),
    ],
)
def test_library_names(tmp_path: Path, file: str, name: str, version: str) -> None:
    path = put(tmp_path / file)
    assert library(str(path)) == {"name": name, "path": os.path.realpath(path), "version": version}


@pytest.mark.parametrize("file", ["libcudartx.so.1", "libcuda.a", "cudart.so", "libcudart.so.12.bak", "libtorch.so"])
def test_other_files_are_no_library(file: str) -> None:
    assert library(f"/nowhere/{file}") == {}


@pytest.mark.parametrize(
    "name",
    [
        "torch",
        "Flash_Attn",
        "flashinfer-python",
        "nvidia-cudnn-cu12",
        "pytorch-triton-rocm",
        "cupy-cuda12x",
        "amd-aiter",
        "jax-cuda12-plugin",
    ],
)
def test_wanted_packages(name: str) -> None:
    assert wanted(normalised(name))


@pytest.mark.parametrize("name", ["requests", "torchmetrics-extra", "django", "my-secret-company-package"])
def test_unwanted_packages(name: str) -> None:
    assert not wanted(normalised(name))
