"""Knows what watching run conditions costs a perf test: wall time around it, and whether its own time changes.

Usage: ``python benchmarks/conditions_overhead.py [--runs N] [--tests N] [--gpu]``

The same suite runs with ``--parity-conditions=annotate`` and ``off``, alternating. Each of its tests times a fixed
piece of work by itself (a loop on the CPU; with ``--gpu`` a chain of matrix products through torch). Reported are
the ratio of these times, which should be 1, and what a test costs more outside of them; the goal is at most 1 ms.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
GOAL_MS = 1.0
_SUITE = """
import json, os, time
import pytest

OWN = []

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
    start = time.perf_counter()
    yield
    whole = time.perf_counter() - start
    with open(os.environ["BENCH_OUT"], "w") as stream:
        json.dump({"own": OWN, "whole": whole}, stream)

@pytest.mark.perf
@pytest.mark.parametrize("number", range(int(os.environ["BENCH_TESTS"])))
def test_work(number):
    start = time.perf_counter()
    WORK()
    OWN.append(time.perf_counter() - start)
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
    ratios = [statistics.median(on["own"]) / statistics.median(off["own"]) for on, off in pairs]
    more_ms = [1000 * (around(on) - around(off)) / given.tests for on, off in pairs]
    own_ms = 1000 * statistics.median(statistics.median(off["own"]) for _, off in pairs)
    extra = statistics.median(more_ms)
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    print(
        f"{given.tests} tests of {own_ms:.1f} ms on {'the GPU' if given.gpu else 'the CPU'}, {given.runs} pairs of runs"
    )
    print(f"  the test's own time, watched / not watched: {statistics.median(ratios):.4f} (pairs: {spread})")
    spread = f"{min(more_ms):.2f} to {max(more_ms):.2f}"
    print(f"  more per test around it: {extra:.2f} ms (pairs: {spread}; goal {GOAL_MS} ms)")
    sys.exit(extra > GOAL_MS)


def around(told: dict[str, object]) -> float:
    """Return the seconds of a session that are not the tests' own."""
    own = told["own"]
    assert isinstance(own, list)
    return float(str(told["whole"])) - sum(own)


def driver(place: Path) -> dict[str, str]:
    """Return the variables of a stub driver where this machine has no GPU; say which it is."""
    if Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists():
        print("driver: of this machine")
        return {}
    from tests.stubs.build import Machine, build

    print("driver: a stub, one H100")
    machine = Machine(place / "machine", build(place / "stubs"), "h100-sxm5-80gb-x8")
    return {**machine.environment, "CUDA_VISIBLE_DEVICES": "0"}


def run(place: Path, environment: dict[str, str], conditions: str) -> dict[str, object]:
    """Return what one session measured: ``own`` (seconds of each test) and ``whole`` (of all of them)."""
    out = place / "out.json"
    words = ["--parity-target=h100", "--parity-mode=annotate", f"--parity-conditions={conditions}"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_parity.plugin", "-p", "no:cacheprovider", *words]
    kept = {name: value for name, value in environment.items() if not name.startswith(("PARITY_", "PYTEST_"))}
    variables = {**kept, "BENCH_OUT": str(out), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=place, env=variables, check=True, stdout=subprocess.DEVNULL)
    told: dict[str, object] = json.loads(out.read_text())
    return told


if __name__ == "__main__":
    main()
