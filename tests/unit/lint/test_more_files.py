"""Files that say the same in their own way: pixi, poetry, uv's indexes, CI-wide settings, charts, compiler flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.lint.files import kind_of
from parity.lint.scanners import scan
from parity.lint.source import Source

if TYPE_CHECKING:
    from parity.lint.facts import ArchList, Facts


def facts(path: str, text: str) -> Facts:
    return scan(Source(path, text), kind_of(path) or "")


def asked_for(path: str, text: str) -> list[tuple[str, str, str, str]]:
    return [(one.name, one.specifier, one.index, str(one.span)) for one in facts(path, text).requirements]


PIXI = """[workspace]
platforms = ["linux-64"]
[dependencies]
cuda-version = "12.4.*"
python = "*"
[pypi-dependencies]
torch = { version = "==2.5.1", index = "https://download.pytorch.org/whl/cu124" }
mine = { path = "." }
[feature.gpu.target.linux-64.dependencies]
"pytorch-cuda" = "12.1"
[feature.gpu.target.win-64.dependencies]
pytorch = "1.0"
"""


def test_pixi_manifest() -> None:
    assert asked_for("pixi.toml", PIXI) == [
        ("conda:cuda-version", "==12.4.*", "", "4:17-4:23"),
        ("conda:python", "", "", "5:11-5:12"),
        ("torch", "==2.5.1", "https://download.pytorch.org/whl/cu124", "7:22-7:29"),
        ("conda:pytorch-cuda", "==12.1", "", "10:19-10:23"),
    ]


def test_pixi_table_of_pyproject() -> None:
    text = '[project]\nname = "x"\n[tool.pixi.dependencies]\ncuda-version = "12.4"\n'
    assert asked_for("pyproject.toml", text) == [("conda:cuda-version", "==12.4", "", "4:17-4:21")]


LOCK = """version: 6
environments:
  default:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/noarch/cuda-version-12.4-h3060b56_3.conda
      - pypi: https://download.pytorch.org/whl/cu124/torch-2.5.1%2Bcu124-cp312-cp312-linux_x86_64.whl
      - conda: not an address
      win-64:
      - conda: https://conda.anaconda.org/conda-forge/noarch/cuda-version-11.8-h70ddcb2_3.conda
  other:
    packages:
      linux-aarch64:
      - conda: https://conda.anaconda.org/conda-forge/noarch/cuda-version-12.4-h3060b56_3.conda
packages:
- conda: https://conda.anaconda.org/conda-forge/noarch/cuda-version-11.8-h70ddcb2_3.conda
"""


def test_pixi_lock_takes_linux_and_each_version_once() -> None:
    found = [(one.name, one.specifier, one.group, one.span.line) for one in facts("a/pixi.lock", LOCK).requirements]
    assert found == [("conda:cuda-version", "==12.4", "lock default", 8), ("torch", "==2.5.1+cu124", "lock default", 9)]


POETRY = """[tool.poetry.dependencies]
python = "^3.10"
torch = { version = "2.5.1", source = "pytorch" }
triton = "3.1.0"
numpy = "^1.26"
both = [{ version = "1.0", python = "<3.12" }, { version = "2.0", python = ">=3.12" }]
[tool.poetry.group.dev.dependencies]
pytest = ">=8,<9"
[[tool.poetry.source]]
name = "pytorch"
url = "https://download.pytorch.org/whl/cu121"
"""


def test_poetry_tables() -> None:
    found = [(one.name, one.specifier, one.index, one.marker) for one in facts("pyproject.toml", POETRY).requirements]
    assert found == [
        ("torch", "==2.5.1", "https://download.pytorch.org/whl/cu121", ""),
        ("triton", "==3.1.0", "?", ""),
        ("numpy", "", "?", ""),
        ("both", "==1.0", "?", "conditional"),
        ("both", "==2.0", "?", "conditional"),
        ("pytest", ">=8,<9", "?", ""),
    ]


PROJECT = '[project]\nname = "x"\ndependencies = ["torch==2.7.0", "triton"]\n'
INDEX = '[[tool.uv.index]]\nname = "cu128"\nurl = "https://download.pytorch.org/whl/cu128"\n'


@pytest.mark.parametrize(
    ("more", "torch", "other"),
    [
        ("", "", ""),
        (INDEX + 'explicit = true\n[tool.uv.sources]\ntorch = {index = "cu128"}\n', "/whl/cu128", ""),
        (INDEX, "/whl/cu128", "/whl/cu128"),
        ('[tool.uv.sources]\ntorch = [{index = "a", extra = "x"}, {index = "b"}]\n', "?", ""),
        ('[tool.uv.sources]\ntorch = {git = "https://github.com/pytorch/pytorch"}\n', "?", ""),
        ('[tool.uv]\nextra-index-url = ["https://download.pytorch.org/whl/cu118"]\n', "?", "?"),
        ('[tool.uv]\nindex-url = "https://download.pytorch.org/whl/cu118"\n', "/whl/cu118", "/whl/cu118"),
    ],
)
def test_uv_says_from_which_index(more: str, torch: str, other: str) -> None:
    indexes = [
        one.index.removeprefix("https://download.pytorch.org")
        for one in facts("pyproject.toml", PROJECT + more).requirements
    ]
    assert indexes == [torch, other]


def test_settings_for_all_jobs_are_a_measurements_when_one_job_measures() -> None:
    gitlab = "variables: {A: '1'}\nimage: nvidia/cuda:12.8.1-devel-ubuntu22.04\nperf:\n  script: [pytest benchmarks/]\n"
    found = facts(".gitlab-ci.yml", gitlab)
    assert [(one.name, one.perf) for one in found.settings] == [("A", True)]
    assert [image.reference for image in found.images] == ["nvidia/cuda:12.8.1-devel-ubuntu22.04"]
    quiet = facts(".gitlab-ci.yml", gitlab.replace("benchmarks", "tests"))
    assert [(one.name, one.perf) for one in quiet.settings] == [("A", False)]
    github = "env: {A: '1'}\njobs:\n  a:\n    steps: [{run: pytest benchmarks/}]\n"
    assert [one.perf for one in facts(".github/workflows/a.yml", github).settings] == [True]


def test_buildkite_agents_as_a_list_or_for_all_steps() -> None:
    text = "agents: {queue: all}\nsteps:\n  - command: pytest benchmarks\n    agents: ['queue=gpu', 'os=$$OS']\n  - command: make\n"
    found = facts(".buildkite/pipeline.yml", text)
    assert [[label for label, _ in job.labels] for job in found.jobs] == [["queue=gpu", None], ["all"]]


def test_chart_values() -> None:
    text = (
        "engine:\n  image: {registry: nvcr.io, repository: nvidia/cuda, tag: latest}\n"
        "  resources: {limits: {nvidia.com/gpu: 1}}\n  nodeSelector: {nvidia.com/gpu.product: NVIDIA-L4}\n"
    )
    found = facts("chart/values.yaml", text)
    assert [image.reference for image in found.images] == ["nvcr.io/nvidia/cuda:latest"]
    (request,) = found.gpu_requests
    assert (request.kind, request.open) == ("values", True)
    assert request.selectors[0][:2] == ("nvidia.com/gpu.product", "NVIDIA-L4")


def flags(path: str, text: str) -> list[ArchList]:
    return [one for one in facts(path, text).arch_lists if one.tool == "nvcc"]


def test_compiler_flags_of_cmake_are_one_list() -> None:
    text = (
        'set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -gencode arch=compute_80,code=sm_80")\n'
        "if(NEW)\n  list(APPEND CUDA_NVCC_FLAGS -gencode arch=compute_90,code=sm_90)\nendif()\n"
        "add_compile_options($<$<COMPILE_LANGUAGE:CUDA>:-gencode=arch=compute_75,code=sm_75>)\n"
    )
    (found,) = flags("CMakeLists.txt", text)
    assert found.text is not None
    assert all(word in found.text for word in ("sm_80", "sm_90", "sm_75"))
    assert found.span.line == 1


def test_a_flag_that_is_put_together_settles_nothing() -> None:
    (found,) = flags("CMakeLists.txt", 'set(CMAKE_CUDA_FLAGS "-gencode arch=compute_80,code=sm_80 -arch=sm_${A}")\n')
    assert found.text is None
    python = 'flags = ["-gencode", "arch=compute_80,code=sm_80", f"arch=compute_{x},code=sm_{x}"]\n'
    assert [one.text for one in flags("setup.py", python)] == [None]


def test_a_list_of_cmake_itself_stands_alone() -> None:
    text = "set(CMAKE_CUDA_ARCHITECTURES 90)\nset(CMAKE_CUDA_FLAGS -arch=sm_80)\n"
    assert flags("CMakeLists.txt", text) == []


def test_compiler_flags_of_python() -> None:
    text = 'nvcc = ["-O3", "-gencode=arch=compute_80,code=sm_80"]\nif new:\n    nvcc += ["-gencode", "arch=compute_90,code=sm_90"]\nbuild(nvcc)\n'
    (found,) = flags("setup.py", text)
    assert found.text == "-gencode=arch=compute_80,code=sm_80 arch=compute_90,code=sm_90"
    assert found.span.line == 1


def test_a_models_config_that_is_none_is_left_alone() -> None:
    assert facts("config.json", "{}").model is None
    assert facts("config.json", "not json").broken is None
    broken = facts("config.json", '{"model_type": "llama",')
    assert broken.broken is not None
    partial = facts("config.json", '{"model_type": "llama"}')
    assert partial.model is None
    assert [doubt.what for doubt in partial.doubts] == ["the model"]


WHEELS = """[tool.cibuildwheel]
environment = { TORCH_CUDA_ARCH_LIST = "8.0;9.0", OTHER = "1" }
[tool.cibuildwheel.linux]
environment = 'A=1 CUDAARCHS="80 90" B=$C'
[[tool.cibuildwheel.overrides]]
select = "cp312-*"
environment.TORCH_CUDA_ARCH_LIST = "$MINE"
[tool.scikit-build.cmake.define]
CMAKE_CUDA_ARCHITECTURES = "90a"
"""


def test_wheel_builders_settings() -> None:
    found = [(one.name, one.text, str(one.span), one.conditional) for one in facts("pyproject.toml", WHEELS).arch_lists]
    assert found == [
        ("TORCH_CUDA_ARCH_LIST", "8.0;9.0", "2:41-2:48", False),
        ("CUDAARCHS", "80 90", "4:31-4:36", False),
        ("CMAKE_CUDA_ARCHITECTURES", "90a", "9:29-9:32", False),
        ("TORCH_CUDA_ARCH_LIST", None, "7:37-7:42", True),
    ]


@pytest.mark.parametrize("value", ["1", "[1]", "{CUDAARCHS = 1}", '"CUDAARCHS"', '"CUDAARCHS="', "[[]]"])
def test_wheel_builders_odd_settings(value: str) -> None:
    assert not any(
        one.text for one in facts("pyproject.toml", f"[tool.cibuildwheel]\nenvironment = {value}\n").arch_lists
    )


def test_a_lock_tells_each_version_at_its_own_place() -> None:
    text = (
        'version = 1\n[[package]]\nname = "torch"\nversion = "2.9.0"\nsource = { registry = "https://a/simple" }\n'
        '[[package]]\nname = "torch"\n\nversion = "2.9.1"\n[[package]]\nversion = "3"\nname = "triton"\n'
        '[[package]]\nname = "numpy"\nversion = "2.0"\n'
    )
    found = [
        (one.name, one.specifier, one.marker, one.index, str(one.span)) for one in facts("uv.lock", text).requirements
    ]
    assert found == [
        ("torch", "==2.9.0", "several versions", "https://a/simple", "4:12-4:17"),
        ("torch", "==2.9.1", "several versions", "", "9:12-9:17"),
        ("numpy", "==2.0", "", "", "15:12-15:15"),
    ]
