"""Times ``parity lint`` against ruff on one tree: ``lint_speed.py FOLDER [FOLDER ...]``, one core, ruff uncached.

ruff (default rules) reads the tree's Python; parity lint reads that and everything else. Runs alternate; the median
of each is told with the ratio, the files read and the largest memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 3
LIMIT = 2.0  # what the project asks for


def seconds(command: list[str], folder: str) -> float:
    """Return the wall time of a command on one core."""
    cpu = min(os.sched_getaffinity(0))
    started = time.perf_counter()
    environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
    pinned = ["taskset", "-c", str(cpu), *command]
    subprocess.run(pinned, cwd=folder, check=False, capture_output=True, env=environment)
    return time.perf_counter() - started


def main() -> None:
    """Time both on each folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="+")
    parser.add_argument("--target", default="h100")
    words = parser.parse_args()
    ruff = [str(Path(sys.executable).with_name("ruff")), "check", "--no-cache", "--isolated", "--exit-zero", "."]
    ours = [sys.executable, "-m", "parity.cli.main", "lint", ".", "--target", words.target, "--exit-zero"]
    for folder in words.folder:
        files = sum(len(names) for _, _, names in os.walk(folder))
        python = sum(name.endswith(".py") for _, _, names in os.walk(folder) for name in names)
        times: dict[str, list[float]] = {"ruff": [], "parity": []}
        for _ in range(RUNS):
            times["ruff"].append(seconds(ruff, folder))
            times["parity"].append(seconds(ours, folder))
        medians = {name: statistics.median(found) for name, found in times.items()}
        ratio = medians["parity"] / medians["ruff"]
        told = f"{folder}: {files} files, {python} Python"
        print(f"{told}: ruff {medians['ruff']:.2f} s, parity {medians['parity']:.2f} s, {ratio:.1f}x")
        print("  within" if ratio <= LIMIT else "  over", f"the limit of {LIMIT:g}x")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest memory of any run: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
