"""What a file is for: each role with paths that have it and paths that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.catalog import store
from parity.config import Project
from parity.config.targets import resolve_target
from parity.lint.asked import asked_of
from parity.lint.linter import Rules, lint_text
from parity.lint.roles import below, heard, roles_in, roles_of
from parity.lint.scanners import scan
from parity.lint.source import Source

if TYPE_CHECKING:
    from parity.lint.facts import Facts

B200 = resolve_target("b200", Project(), source="test")
ROLES = {
    "trial": (
        "tests/gpu-pod.yaml", ".github/workflows/ci.yml", "docker/Dockerfile.ci_gpu", "docker/Dockerfile.test",
        "build-env.Dockerfile", "jenkins/envs/node.sh", ".gitlab-ci.yml", "test_kernels.sh", "qa/test-all.sh",
    ),
    "docs": ("docs/conf.py", "website/build.sh", "docker/Dockerfile.docs", ".devcontainer/Dockerfile", "requirements/docs.txt", "blogs/2024/x/Dockerfile"),
    "example": ("examples/job.yaml", "a/tutorials/x.py", "Samples/0_intro/CMakeLists.txt", "notebooks/requirements.txt"),
    "course": ("hw3/Makefile", "lectures/18/CMakeLists.txt", "lecture_018/kernels/CMakeLists.txt", "exercises/Dockerfile"),
    "machine": (
        "cime_config/machines/cmake_macros/gnugpu.cmake", "cmake/caches/cn/cuda.cmake", "host-configs/lassen.cmake",
        "scripts/build_perlmutter.sh", "cmake/toolchains/x.cmake", "gpu-toolchain.cmake", "config/envs/summit.sh",
    ),
    "kept": (
        "archive/Dockerfile", "legacy/requirements.txt", "install/v0.16.0/kserve.yaml", "retired_benchmarks/x", "dev/issues/issue9_atomics/makefile",
        "previous_version/requirements.txt", "docker/Dockerfile.old",
    ),
    "copy": ("third_party/cub/Makefile", "csrc/extern/CMakeLists.txt", "deps/cub-1.8.0/Makefile", "lib/cub-1.8.0/Makefile"),
    "template": ("templates/pyproject.toml", "{{cookiecutter.name}}/pyproject.toml", "ci/build.j2.yml"),
    "service": ("web/requirements.txt", "load-generator/requirements.txt", "src/frontend/Dockerfile"),
    "watcher": ("hpc_monitoring/Dockerfile", "dcgm-exporter/Dockerfile"),
    "preparation": ("utils/preprocess.sh", "launch_nemo_convert.sh"),
    "script": ("build.sh", "run.sbatch", "dev/pkg_helpers.bash"),
    "errand": ("scripts/kitten/run.sh", "scripts/nemo/run-ctc.sh", "export-onnx.sh", "tools/convert_model.bash", "download.sh"),
    "fragment": ("cmake/Dependencies.cmake", "common.mk", "Makefile.cuda"),
    "loose-makefile": ("src/gemm/Makefile", "kernels/makefile"),
}  # fmt: skip
PRODUCT = (
    "Dockerfile", "docker/Dockerfile", "docker/gpu.Dockerfile", "CMakeLists.txt", "csrc/CMakeLists.txt", "setup.py",
    "kernels/setup.py", "pyproject.toml", "requirements.txt", "environment.yml", "Makefile", "deploy/server.yaml",
    "latest/requirements.txt", "contest/setup.py", "machinery/setup.py", "golden/setup.py", "protest/Dockerfile",
    "models/mamba-1p1p1/setup.py", "hostess/setup.py", "label/setup.py", "docker/Dockerfile.cuda", "contract/Dockerfile",
)  # fmt: skip


def test_every_role_is_tried() -> None:
    assert {role.id for role in store.lint_book().data.roles} == set(ROLES)


@pytest.mark.parametrize(("role", "path"), [(role, path) for role, paths in ROLES.items() for path in paths])
def test_path_has_the_role(role: str, path: str) -> None:
    assert role in roles_of(path)


@pytest.mark.parametrize("path", PRODUCT)
def test_product_has_no_role(path: str) -> None:
    assert roles_of(path) == frozenset()


def test_what_measures_is_no_trial() -> None:
    assert roles_of("tests/perf/pod.yaml") == frozenset()
    assert "script" in roles_of("tests/perf/run.sh")


def of(path: str, kind: str, text: str) -> Facts:
    return scan(Source(path, text), kind)


@pytest.mark.parametrize(
    ("path", "kind", "text", "roles"),
    [
        ("build.sh", "shell", "cmake ..\n", {"script"}),
        ("build.sh", "shell", "python setup.py bdist_wheel\n", set()),
        ("ci/run.sh", "shell", "cmake ..\n", {"trial", "script", "errand"}),
        ("ci/run.sh", "shell", "pytest benchmarks/test_gemm.py\n", {"script"}),
        ("ci/wheel.sh", "shell", "python -m build\n", set()),
        (".github/runner/Dockerfile", "dockerfile", "FROM x\nRUN pip wheel . -w /w\n", {"trial"}),
        ("ci/Dockerfile.wheel", "dockerfile", "FROM x\nRUN pip wheel . -w /w\n", set()),
        ("ci/unit-tests.sh", "shell", "python -m build --wheel\n", {"trial", "script"}),
        ("steps.yml", "gitlab-ci", "a: {script: [make]}\n", {"trial"}),
        ("machines/node.sh", "shell", "python -m build\n", {"machine"}),
    ],
)  # fmt: skip
def test_what_a_file_says_outweighs_its_path(path: str, kind: str, text: str, roles: set[str]) -> None:
    assert roles_in(of(path, kind, text)) == roles


@pytest.mark.parametrize(
    ("path", "starts", "place"),
    [
        ("/srv/tests/kernels/docs/conf.py", ("/srv/tests/kernels",), "docs/conf.py"),
        ("/srv/tests/kernels/setup.py", ("/srv", "/srv/tests/kernels"), "setup.py"),  # the nearest start
        ("../docs/setup.py", ("../docs",), "setup.py"),
        ("/srv/tests/setup.py", ("/srv/tests/setup.py",), "setup.py"),
        ("docs/conf.py", ("docs",), "docs/conf.py"),
    ],
)
def test_what_lies_above_the_project_says_nothing(path: str, starts: tuple[str, ...], place: str) -> None:
    assert below(path, starts) == place


def test_rules_name_roles_that_are_there() -> None:
    known = {role.id for role in store.lint_book().data.roles}
    for card in store.lint_book().cards:
        assert known.issuperset((*card.silent_in, *card.rests_in)), card.id
        assert set(card.silent_in).isdisjoint(card.rests_in), card.id


def test_silent_and_resting() -> None:
    card = next(one for one in store.lint_book().cards if one.id == "arch-list-lacks-target")
    assert heard(card, frozenset(), preview=False)
    assert not heard(card, frozenset({"example"}), preview=False)
    assert heard(card, frozenset({"example"}), preview=True)
    assert not heard(card, frozenset({"trial"}), preview=True)


def test_one_matter_is_told_once_in_a_file() -> None:
    text = (
        "FROM nvidia/cuda:12.8.1-devel AS a\nRUN pip install torch==2.4.0\nFROM a AS b\nRUN pip install torch==2.4.0\n"
    )
    rules = Rules(asked_of(B200), lambda name: name == "torch-lacks-target")
    findings, _ = lint_text("Dockerfile", text, "dockerfile", rules)
    assert [one.line for one in findings] == [2]


@pytest.mark.parametrize(
    ("path", "kind", "named", "found"),
    [
        ("bench.py", "python", False, 0),
        ("bench.py", "python", True, 1),
        ("pyproject.toml", "pyproject", False, 1),
        ("templates/pyproject.toml", "pyproject", False, 0),
        ("templates/pyproject.toml", "pyproject", True, 1),
    ],
)
def test_a_file_that_cannot_be_read_is_told_either_way(path: str, kind: str, named: bool, found: int) -> None:
    text = "if ('H20' in torch.cuda.get_device_name()):)\n" if kind == "python" else '[project\nname = "torch"\n'
    findings, unknowns = lint_text(path, text, kind, Rules(asked_of(B200), lambda _: True), named=named)
    assert len([one for one in findings if one.rule == "file-not-parsed"]) == found
    assert len(unknowns) == 1 - found
