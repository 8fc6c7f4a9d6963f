"""What tests on a real GPU share. They run on request (`pytest -m gpu`) and fail, not skip, where there is none."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
NO_TORCH = HERE.parent / "stubs" / "no_torch"
DEADLINE_S = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gpu)


class Smi:
    """nvidia-smi: another program's word on the same driver."""

    def __init__(self, path: str) -> None:
        self.path = path

    def run(self, *words: str) -> str:
        """Return what it prints."""
        done = subprocess.run([self.path, *words], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        return done.stdout if done.returncode == 0 else ""

    def ask(self, field: str, device: int = 0) -> str | None:
        """Return one field of ``--query-gpu``; None where this release or device has none."""
        text = self.run(f"--query-gpu={field}", "--format=csv,noheader,nounits", f"--id={device}").strip()
        return None if not text or text.startswith("[") or text in ("N/A", "Unknown Error") else text


@pytest.fixture(scope="session")
def smi() -> Smi:
    """nvidia-smi of a machine with a GPU."""
    path = shutil.which("nvidia-smi")
    found = Smi(path) if path else None
    if found is None or not found.run("-L").strip():
        pytest.fail("these tests need an NVIDIA GPU and nvidia-smi")
    return found


@pytest.fixture(scope="session")
def has_torch(smi: Smi) -> None:
    """Skip what needs torch where there is none."""
    assert smi
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")


@pytest.fixture
def parity(smi: Smi) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``parity`` on the real machine: ``parity("measure", torch=False, status=0)``."""
    assert smi

    def run(*words: str, torch: bool = True, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ)
        if not torch:
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(NO_TORCH), os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "parity", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=DEADLINE_S, check=False)
        assert status is None or done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def told(parity: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Any]:
    """Run ``parity ... --format json`` and return what it says."""

    def run(*words: str, **options: Any) -> Any:
        return json.loads(parity(*words, "--format", "json", **options).stdout)

    return run
