"""Knows what watching run conditions costs a perf test: wall time around it, and whether its own time changes.

Usage: ``python benchmarks/conditions_overhead.py [--runs N] [--tests N] [--gpu]``

The same suite runs with ``--parity-conditions=annotate`` and ``off``, alternating. Each of its tests times a fixed
piece of work by itself (a loop on the CPU; with ``--gpu`` a chain of matrix products through torch). Reported are
the ratio of these times, which should be 1, and what a test costs more outside of them, from the end of one test's work
to the start of the next one's; the goal is at most 1 ms. The first test also waits for the driver to be attached to:
that is said apart, as it comes once per run.
Without a GPU a stub driver plays one H100 (a C compiler is needed): it answers faster than a real one, so say which
it was.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
GOAL_MS = 1.0
_SUITE = """
import json, os, time
import pytest

TIMES = []

def on_the_cpu():
    total = 0
    for number in range(200_000):
        total += number * number
    return total

def on_the_gpu():
    import torch
    a = torch.ones(4096, 4096, device="cuda", dtype=torch.bfloat16)
    for _ in range(20):
        a = (a @ a).clamp(-1, 1)
    torch.cuda.synchronize()

WORK = on_the_gpu if os.environ["BENCH_GPU"] == "1" else on_the_cpu

@pytest.fixture(scope="session", autouse=True)
def told():
    WORK()
    yield
    with open(os.environ["BENCH_OUT"], "w") as stream:
        json.dump(TIMES, stream)

@pytest.fixture(scope="session")
def first():
    TIMES.append((0.0, time.perf_counter(), 0.0, time.process_time()))

@pytest.mark.perf
@pytest.mark.parametrize("number", range(int(os.environ["BENCH_TESTS"])))
def test_work(number, first):
    start, start_cpu = time.perf_counter(), time.process_time()
    WORK()
    TIMES.append((start, time.perf_counter(), start_cpu, time.process_time()))
"""


def main() -> None:
    """Measure and print; exit 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--tests", type=int, default=60)
    parser.add_argument("--gpu", action="store_true", help="time work on the GPU of this machine")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "test_work.py").write_text(_SUITE)
        environment = {**os.environ, **driver(place), "BENCH_TESTS": str(given.tests), "BENCH_GPU": str(int(given.gpu))}
        run(place, environment, "annotate")  # byte code, the first attach
        pairs = [(run(place, environment, "annotate"), run(place, environment, "off")) for _ in range(given.runs)]
    ratios = [statistics.median(on.own) / statistics.median(off.own) for on, off in pairs]
    more_ms = [1000 * (statistics.fmean(on.around) - statistics.fmean(off.around)) for on, off in pairs]
    medians_ms = [1000 * (statistics.median(on.around) - statistics.median(off.around)) for on, off in pairs]
    cpu_ms = statistics.median(1000 * (statistics.fmean(on.cpu) - statistics.fmean(off.cpu)) for on, off in pairs)
    own_ms = 1000 * statistics.median(statistics.median(off.own) for _, off in pairs)
    extra = statistics.median(more_ms)
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    print(
        f"{given.tests} tests of {own_ms:.1f} ms on {'the GPU' if given.gpu else 'the CPU'}, {given.runs} pairs of runs"
    )
    print(f"  the test's own time, watched / not watched: {statistics.median(ratios):.4f} (pairs: {spread})")
    spread = f"{min(more_ms):.2f} to {max(more_ms):.2f}"
    print(f"  more per test around it, mean of all: {extra:.2f} ms (pairs: {spread}; goal {GOAL_MS} ms)")
    print(f"  more around the median test: {statistics.median(medians_ms):.2f} ms")
    print(f"  of which CPU time of the pytest process, mean of all: {cpu_ms:.2f} ms")
    attach_ms = 1000 * statistics.median(on.first - off.first for on, off in pairs)
    print(f"  once per run, to attach to the driver: {attach_ms:.0f} ms")
    sys.exit(extra > GOAL_MS)


class Run(NamedTuple):
    """What one session measured.

    Attributes:
        own: seconds of each test's own work.
        around: seconds from the end of each test's work to the start of the next one's.
        cpu: seconds that the pytest process computed meanwhile.
        first: seconds from the first test's setup to the start of its work.
    """

    own: list[float]
    around: list[float]
    cpu: list[float]
    first: float


def driver(place: Path) -> dict[str, str]:
    """Return the variables of a stub driver where this machine has no GPU; say which it is."""
    if Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists():
        print("driver: of this machine")
        return {}
    from tests.stubs.build import Machine, build

    print("driver: a stub, one H100")
    machine = Machine(place / "machine", build(place / "stubs"), "h100-sxm5-80gb-x8")
    return {**machine.environment, "CUDA_VISIBLE_DEVICES": "0"}


def run(place: Path, environment: dict[str, str], conditions: str) -> Run:
    """Run one session."""
    out = place / "out.json"
    words = ["--parity-target=h100", "--parity-mode=annotate", f"--parity-conditions={conditions}"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_parity.plugin", "-p", "no:cacheprovider", *words]
    kept = {name: value for name, value in environment.items() if not name.startswith(("PARITY_", "PYTEST_"))}
    variables = {**kept, "BENCH_OUT": str(out), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=place, env=variables, check=True, stdout=subprocess.DEVNULL)
    ready, *times = json.loads(out.read_text())
    around = [later[0] - earlier[1] for earlier, later in pairwise(times)]
    cpu = [later[2] - earlier[3] for earlier, later in pairwise(times)]
    return Run([end - start for start, end, *_ in times], around, cpu, times[0][0] - ready[1])


if __name__ == "__main__":
    main()
