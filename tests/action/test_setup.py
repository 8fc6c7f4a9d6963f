"""The action's first step: which Python, which gpu-parity, and nothing put into the Python that is judged."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import composite
import pytest

from parity import __version__

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the action runs in bash")
ROOT = composite.ROOT
# Plays a Python without gpu-parity: what is asked of it is written down, and "installing" links this checkout.
FAKE = """\
#!{shell}
printf '%s\\n' "$PWD: $*" >> {log}
case "$*" in
  *"-m pip --version"*) {pip} ;;
  *"-m pip install"*|*"-m venv"*)
    while [ $# -gt 0 ]; do [ "$1" = --target ] && target="$2"; shift; done
    {install} ;;
  *--check*) [ -n "$PARITY_PACKAGES" ] && [ -d "$PARITY_PACKAGES" ] && exec {real} "$@"; echo "no parity" >&2; exit 1 ;;
  *) exec {real} "$@" ;;
esac
"""
LINK = f'mkdir -p "$target" && ln -s {ROOT / "parity"} {ROOT / "rules"} "$target"'


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """Return a runner of the action in an almost empty repository."""
    workspace = tmp_path / "w"
    workspace.mkdir()
    (workspace / "parity.yaml").write_text("version: 1\ndefault_target: h100\n")

    def run(environment: dict[str, str], **inputs: str) -> composite.Done:
        return composite.run(workspace, tmp_path / "temp", inputs={"mode": "lint", **inputs}, environment=environment)

    run.workspace = workspace  # type: ignore[attr-defined]
    return run


def fake(folder: Path, name: str = "python", *, pip: str = "exit 0", install: str = LINK) -> Path:
    """Write a Python that has no gpu-parity and return its folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        FAKE.format(shell=shutil.which("bash"), log=folder / "log", real=sys.executable, pip=pip, install=install)
    )
    path.chmod(0o755)
    return folder


def without_python(folder: Path) -> dict[str, str]:
    """Return an environment whose path has the programs that the step uses, and no Python."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("bash", "sed", "mktemp", "cksum", "cut", "tail", "tr", "cat", "mkdir", "ln"):
        found = shutil.which(name)
        assert found, name
        if not (folder / name).exists():
            (folder / name).symlink_to(found)
    return {**composite.environment(), "PATH": str(folder)}


def test_no_python_at_all_is_told_with_the_mend(job: Any, tmp_path: Path) -> None:
    done = job(without_python(tmp_path / "bin"))
    assert done.status == 2, done.log
    [error] = done.annotations
    assert error == (
        "::error title=parity%3A the gate could not run::input python: there is no program called python, python3"
        "%0Amend: set up a Python in a step before, or name the one with your torch"
    )
    assert done.summary.startswith("### parity: the gate could not run\n\n    input python: there is no program")
    assert (done.outputs["verdict"], done.outputs["passed"], done.outputs["sarif"]) == ("unknown", "false", "")


def test_a_named_python_that_is_missing_is_not_replaced_by_another(job: Any) -> None:
    done = job(composite.environment(), python=".venv/bin/python")
    assert done.status == 2
    assert "there is no program called .venv/bin/python%0A" in done.annotations[0]


@pytest.mark.parametrize("body", ["exit 1", "echo Python 2.7; exit 1", "exit 0", 'echo "$*"'])
def test_a_python_that_is_too_old_or_none(body: str, job: Any, tmp_path: Path) -> None:
    (tmp_path / "old").write_text(f"#!/bin/sh\n{body}\n")
    (tmp_path / "old").chmod(0o755)
    done = job(composite.environment(), python=str(tmp_path / "old"))
    assert done.status == 2
    assert f"{tmp_path}/old is no Python 3.10 or newer" in done.annotations[0]


def test_python3_serves_where_python_is_missing_and_a_relative_path_is_the_repositorys(
    job: Any, tmp_path: Path
) -> None:
    fake(job.workspace / "venv" / "bin", "python")
    done = job(composite.environment(), python="venv/bin/python")
    assert done.status == 0, done.log
    fake(tmp_path / "bin", "python3")
    done = job(without_python(tmp_path / "bin"))
    assert done.status == 0, done.log
    assert done.steps["setup"]["python"] == str(tmp_path / "bin" / "python3")


def test_what_is_missing_is_installed_beside_and_not_into(job: Any, tmp_path: Path) -> None:
    done = job(composite.environment(fake(tmp_path / "bin")))
    assert done.status == 0, done.log
    assert done.outputs["verdict"] == "clean"
    [install] = [line for line in (tmp_path / "bin" / "log").read_text().splitlines() if "pip install" in line]
    folder, _, words = install.partition(": ")
    # In an empty folder, isolated, from this very checkout, into a folder of its own.
    assert folder.startswith(str(tmp_path / "temp" / "parity-setup-"))
    assert words.startswith("-I -m pip install ")
    assert words.endswith(f"--target {done.steps['setup']['packages']} {ROOT}")
    assert done.steps["setup"]["packages"].startswith(str(tmp_path / "temp" / "parity-packages-"))


def test_the_second_use_in_a_job_installs_nothing(job: Any, tmp_path: Path) -> None:
    environment = composite.environment(fake(tmp_path / "bin"))
    assert job(environment).status == 0
    assert job(environment).status == 0
    assert (tmp_path / "bin" / "log").read_text().count("pip install") == 1


def test_uv_serves_where_pip_is_missing_and_reads_no_settings_of_the_checkout(job: Any, tmp_path: Path) -> None:
    folder = fake(tmp_path / "bin", pip="exit 1")
    (folder / "uv").write_text(
        f'#!/bin/sh\nprintf "%s\\n" "uv $PWD: $*" >> {folder}/log\n'
        f'while [ $# -gt 0 ]; do [ "$1" = --target ] && target="$2"; shift; done\n{LINK}\n'
    )
    (folder / "uv").chmod(0o755)
    done = job(composite.environment(folder))
    assert done.status == 0, done.log
    [line] = [line for line in (folder / "log").read_text().splitlines() if line.startswith("uv ")]
    assert f" --python {folder}/python --target " in line
    assert line.startswith(f"uv {tmp_path}/temp/parity-setup-")
    assert str(job.workspace) not in line


def test_an_installation_that_fails_is_told_with_its_last_lines(job: Any, tmp_path: Path) -> None:
    done = job(
        composite.environment(fake(tmp_path / "bin", install='echo "ERROR: no index %0A::error::x" >&2; exit 1'))
    )
    assert done.status == 2
    [error] = done.annotations
    assert "gpu-parity could not be installed: " in error
    assert "ERROR: no index %250A::error::x" in error
    assert f"or install gpu-parity into {tmp_path}/bin/python" in error


def test_an_installed_one_of_another_version_is_left_alone_and_not_used(job: Any, tmp_path: Path) -> None:
    other = tmp_path / "action"
    (other / "parity").mkdir(parents=True)
    (other / "parity" / "__init__.py").write_text('__version__ = "99.0"\n')
    shutil.copytree(ROOT / "action", other / "action")
    environment = {**composite.environment(), "GITHUB_ACTION_PATH": str(other), "PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{fake(tmp_path / 'bin')}{os.pathsep}{environment['PATH']}"
    done = job(environment, mode="doctor")
    assert done.status == 2
    assert f"another version: {__version__}" in done.annotations[0]


def test_the_gates_own_check_knows_this_version() -> None:
    import subprocess

    words = [sys.executable, str(ROOT / "action" / "gate.py"), "--check"]
    assert subprocess.run(words, env={**os.environ, "PARITY_PACKAGES": str(ROOT)}, check=False).returncode == 0
