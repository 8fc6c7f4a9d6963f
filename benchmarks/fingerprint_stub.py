"""Time the NVIDIA survey of eight stub GPUs, child process and all, against starting Python itself.

Run ``python benchmarks/fingerprint_stub.py [N]``. Wall times, median of N (default 15); the ratio is what may be
compared between machines. The stub answers at once: this is the cost of this program, not of a driver.
``--profile`` says where the time goes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from parity.probes.nvml_decode import nvidia_devices, nvidia_links, nvidia_notes  # noqa: E402
from parity.probes.supervise import Survey, run_survey  # noqa: E402
from tests.stubs.build import Machine, build  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL_MS = 250
RECORDING = "h100-sxm5-80gb-x8"


def median_ms(action: Callable[[], object], times: int) -> float:
    """Return the median wall time of an action in milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def started(code: str) -> Callable[[], object]:
    """Return an action that runs a line of Python in a new process."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def main(times: int, *, profile: bool) -> int:
    """Print the times; return 1 when the goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder, "machine"), build(Path(folder, "stubs")), RECORDING)
        os.environ.update(machine.environment)
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        survey = run_survey("nvidia", machine.options)
        assert survey.complete, survey.problems
        assert len(nvidia_devices(survey)) == 8

        python = median_ms(started("pass"), times)
        whole = median_ms(lambda: run_survey("nvidia", machine.options), times)
        decode = median_ms(lambda: (nvidia_devices(survey), nvidia_links(survey), nvidia_notes(survey)), times)
        print(f"python -c pass                 {python:7.1f} ms")
        print(f"run_survey, 8 stub GPUs        {whole:7.1f} ms  = {whole / python:.1f} x python -c pass")
        print(f"decode                         {decode:7.1f} ms")
        print(f"answers                        {len(survey.values) + len(survey.reasons):7d}")
        if profile:
            explain(machine, python, times)
        print(f"goal: under {GOAL_MS} ms: {'met' if whole + decode < GOAL_MS else 'missed'}")
        return int(whole + decode >= GOAL_MS)


def explain(machine: Machine, python: float, times: int) -> None:
    """Print what the parts of the child cost."""
    binding = median_ms(started("import pynvml"), times)
    plumbing = median_ms(started("import json, ctypes, pathlib, re; import parity.probes.ask"), times)
    single_gpu = "nvmlDeviceGetCount = 1\ncuda.count = 1"
    one = Machine(machine.root.parent / "one", machine.libraries, RECORDING, change=single_gpu)
    os.environ.update(one.environment)
    single = median_ms(lambda: run_survey("nvidia", one.options), times)
    none: list[Survey] = []
    os.environ["LD_LIBRARY_PATH"] = ""
    bare = median_ms(lambda: none.append(run_survey("nvidia", {"root": "/nonexistent"})), times)
    print(f"  import pynvml                {binding - python:7.1f} ms")
    print(f"  json, ctypes, pathlib, re    {plumbing - python:7.1f} ms")
    print(f"  run_survey, 1 stub GPU       {single:7.1f} ms")
    print(f"  run_survey, no driver at all {bare:7.1f} ms")


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--profile"]
    sys.exit(main(int(arguments[0]) if arguments else 15, profile="--profile" in sys.argv))
