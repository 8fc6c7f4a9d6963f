"""Knows how the plugin is run in tests: in a folder of its own, with a fake engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.stubs.patience import PATIENT

if TYPE_CHECKING:
    from collections.abc import Callable

collect_ignore = ["fake_engine"]  # its package is called parity, too

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The module, not the entry point's name: that is also the name of a package other tests have imported by now.
PLUGIN = "pytest_parity.plugin"
_VARIABLES = (
    "CI",
    "BUILD_NUMBER",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "PARITY_TARGET",
    "PARITY_MODE",
    "PARITY_REQUIRE",
    "PARITY_FINGERPRINT",
    "PARITY_CONFIG",
    "PARITY_ENGINE_TIMEOUT",
    "PYTEST_ADDOPTS",
    "PYTEST_XDIST_WORKER",  # pytest-benchmark measures nothing where it is set
)


@pytest.fixture
def engine_log(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Return a reader of what the fake engine was asked; the first entry of each process holds its pid."""

    def read() -> list[dict[str, Any]]:
        path = tmp_path / "engine.log"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return read


@pytest.fixture
def gate(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., pytest.RunResult]:
    """Return a function that runs pytest with the plugin, in this process unless told otherwise."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PARITY_ENGINE_PATH", str(HERE / "fake_engine"))
    monkeypatch.setenv("FAKE_ENGINE_LOG", str(tmp_path / "engine.log"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(PATIENT), str(ROOT))))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # 1 s per run otherwise; -p names what a test needs

    def run(*args: str, child: bool = False, environment: dict[str, str] | None = None) -> pytest.RunResult:
        for name, value in (environment or {}).items():
            monkeypatch.setenv(name, value)
        runner = pytester.runpytest_subprocess if child else pytester.runpytest_inprocess
        return runner("-p", PLUGIN, *args)

    return run
