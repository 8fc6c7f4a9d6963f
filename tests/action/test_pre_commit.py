"""The pre-commit hook: which files it is given, and that its command takes them as pre-commit gives them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import composite
import pytest
import yaml

from parity.catalog import store
from parity.lint.files import kind_of

if TYPE_CHECKING:
    from pathlib import Path

[HOOK] = yaml.safe_load((composite.ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
NAMES = sorted({example.file for card in store.lint_book().cards for example in card.examples if kind_of(example.file)})
MORE = (
    "Dockerfile", "docker/Containerfile", "x.dockerfile", "Dockerfile.rocm", "a/Makefile", "GNUmakefile", "rules.mk",
    "CMakeLists.txt", "cmake/x.cmake", "requirements.txt", "requirements-dev.txt", "requirements/cuda.txt", "constraints.in",
    "requirements_rocm.in", ".env", "uv.lock", "poetry.lock", "pdm.lock", "job.slurm", "job.sbatch", "a/action.yml",
    "E=8,N=7168,device_name=NVIDIA_H100_80GB_HBM3.json", "pyproject.toml", ".gitlab-ci.yml", "pixi.toml", "pixi.lock",
)  # fmt: skip


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the hook's command as pre-commit does: entry, args, file names."""
    program, *entry = shlex.split(HOOK["entry"])
    assert program == "parity"
    start = "import sys; from parity.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", start, *entry, *words]
    environment = {**composite.environment(), "PYTHONPATH": str(composite.ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize("name", [*NAMES, *MORE])
def test_every_file_that_a_scanner_takes_is_given_to_it(name: str) -> None:
    assert kind_of(name) is not None, name
    assert re.search(HOOK["files"], name), name


@pytest.mark.parametrize(
    "name", ["README.md", "a.cpp", "pyproject.toml.bak", "x.python", "docs/dockerfiles.md", "data.json"]
)
def test_other_files_are_not(name: str) -> None:
    assert not re.search(HOOK["files"], name), name


def test_the_command_fails_on_findings_and_passes_without(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM nvidia/cuda:12.8.1-devel-ubuntu22.04\nENV CUDA_LAUNCH_BLOCKING=1\n")
    (tmp_path / "a b.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("x\n")
    found = run(tmp_path, "a b.py", "Dockerfile")
    assert (found.returncode, "Dockerfile:2:5: error[env-serialises-launches]" in found.stdout) == (1, True)
    assert run(tmp_path, "--target=h100", "a b.py").returncode == 0
    assert run(tmp_path, "notes.txt").returncode == 0


def test_what_the_project_excludes_is_left_out_though_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nENV CUDA_LAUNCH_BLOCKING=1\n")
    (tmp_path / "parity.yaml").write_text("version: 1\nlint: {exclude: [Dockerfile]}\n")
    assert run(tmp_path, "Dockerfile").returncode == 0
