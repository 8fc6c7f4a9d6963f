"""The whole chain around a perf test: pytest, the engine, its watcher, the real binding, and a driver that misbehaves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stubs.build import Machine
from tests.stubs.patience import PATIENT

Run = Callable[..., tuple[int, str]]
ROOT = Path(__file__).resolve().parents[2]
SUITE = """
import time
import pytest

@pytest.mark.perf
def test_first():
    time.sleep(0.25)

@pytest.mark.perf
def test_second():
    time.sleep(0.25)
"""


@pytest.fixture
def run(stub_libraries: Path, tmp_path: Path) -> Run:
    """Return a function that runs the suite on a machine with 8 H100 changed by lines; gives status and output."""
    (tmp_path / "test_suite.py").write_text(SUITE)

    def start(change: str, *words: str, suite: str = "") -> tuple[int, str]:
        machine = Machine(tmp_path / "machine", stub_libraries, "h100-sxm5-80gb-x8", change=change)
        if suite:
            (tmp_path / "test_suite.py").write_text(suite)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARITY_", "CI", "GITHUB"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "pytest_parity.plugin", "-p", "no:cacheprovider", "-c", os.devnull,
             "--rootdir", ".", "--parity-target=h100", *words],
            capture_output=True, text=True, check=False, cwd=tmp_path, timeout=240,
            env={**kept, **machine.environment, "PYTHONPATH": os.pathsep.join((str(PATIENT), str(ROOT))), "CUDA_VISIBLE_DEVICES": "1", "COLUMNS": "200",
                 "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )  # fmt: skip
        assert "INTERNALERROR" not in done.stdout + done.stderr
        return done.returncode, done.stdout

    return start


BREAKS = SUITE.replace(
    "time.sleep(0.25)", "open(os.environ['STUB_ANSWERS'] + '.now', 'w').close(); time.sleep(0.25)", 1
)
BREAKS = BREAKS.replace("import time", "import os, time")
QUIET = "*.nvmlDeviceGetComputeRunningProcesses =\n*.field[269] = 5000\n*.field[270] = 7\n*.field[271] = 7\n"


def test_a_quiet_machine_is_clean(run: Run) -> None:
    status, out = run(QUIET, "--parity-conditions=fail")
    assert status == 0, out
    assert "conditions    2 clean" in out


def test_a_watch_of_nothing_is_told_under_its_label_without_its_name_again(run: Run) -> None:
    _, out = run("nvmlInit = error 9\n", "--parity-mode=annotate")
    told = out.partition("conditions    2 unknown\n")[2].splitlines()
    assert told[0].startswith("              no GPU to watch (")
    assert told[1] == "                in test_suite.py::test_first and 1 more"


def test_throttling_fails_where_that_is_asked(run: Run) -> None:
    status, out = run(QUIET + "*.field[269] = rate 5000 1000000000", "--parity-conditions=fail")
    assert status == 1
    told = "disturbed run conditions: GPU 1 (NVIDIA H100 80GB HBM3): throttled during the test: sw-thermal "
    assert re.search(re.escape(told) + r"[\d.]+ s", out)
    assert "2 failed" in out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("hang", "the watcher gave no answer within 2 s"),
        ("segv", "the watcher was killed by SIGSEGV"),
        ("abort", "the watcher was killed by SIGABRT"),
    ],
)
def test_a_driver_that_hangs_or_crashes_costs_conditions_and_no_result(run: Run, change: str, told: str) -> None:
    status, out = run(QUIET + f"1.nvmlDeviceGetTotalEnergyConsumption = switch now 1000 || {change}", suite=BREAKS)
    assert status == 0, out
    assert "2 passed" in out
    assert told in out
    assert "unknown" in next(line for line in out.splitlines() if line.startswith("conditions"))


def test_a_gpu_lost_in_the_middle_is_told(run: Run) -> None:
    calls = ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetClockInfo[1]", "nvmlDeviceGetTotalEnergyConsumption")
    lost = "\n".join(f"1.{call} = switch now 100 || error 15" for call in calls)
    status, out = run(QUIET + lost, suite=BREAKS)
    assert status == 0, out
    assert "device-lost-during-test" in out
