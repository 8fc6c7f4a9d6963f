"""The gate on a real GPU: performance tests run on the part that they are for, and on no other."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUITE = """
import pytest, torch

@pytest.mark.parity
def test_product():
    a = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)
    for _ in range(200):
        b = a @ a
    torch.cuda.synchronize()

def test_plain():
    pass
"""

pytestmark = pytest.mark.usefixtures("has_torch")


@pytest.fixture
def part(told: Callable[..., Any]) -> str:
    return str(told("measure", "--only", "launch", "--device", "0", "--budget", "1s")["devices"][0]["part"])


@pytest.fixture
def suite(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    (tmp_path / "test_it.py").write_text(SUITE)

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_tests_run_on_their_own_part(suite: Callable[..., tuple[int, str]], part: str, tmp_path: Path) -> None:
    status, text = suite(f"--parity-target={part}", "--parity-report=report.json")
    assert status == 0, text
    assert "2 passed" in text
    report = json.loads((tmp_path / "report.json").read_text())
    (test,) = report["tests"]
    interval = test["conditions"]
    assert interval["state"] in ("clean", "disturbed"), interval
    assert interval["devices"][0]["series"]["utilization_percent"]["max"] > 0


def test_tests_of_another_part_do_not_run(suite: Callable[..., tuple[int, str]], part: str) -> None:
    other = "mi300x" if part != "mi300x" else "h100"
    status, text = suite(f"--parity-target={other}")
    assert status == 1, text
    assert "1 passed" in text
