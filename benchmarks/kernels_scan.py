"""Knows how fast device code is read: parity against cuobjdump on the same libraries, in the same run.

Usage: ``python benchmarks/kernels_scan.py [--cuobjdump PATH] [--runs N] LIBRARY_OR_FOLDER...``. Times are wall times,
the least of N runs with the files in the page cache (cuobjdump: one run per listing, ``--list-elf`` and ``--list-ptx``,
since it takes seconds); parity is timed inside this process, as a run over many libraries is. Headers-only and with the
search for hidden code are told apart. On a busy machine the ratios hold (both sides wait), the milliseconds do not: the
CPU time of the headers is told beside them. Without cuobjdump the ratio is left out, and why is said.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from parity.binaries.file import read_file  # noqa: E402 - from this checkout

RUNS = 5
LARGE_BYTES = 100_000_000
GOAL_EACH, GOAL_MEAN, GOAL_SCAN_SUM, GOAL_MS_PER_GB = 100, 500, 100, 20


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuobjdump", default="")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("paths", nargs="+")
    arguments = parser.parse_args()
    rows, cpu_s = [], 0.0
    print(f"{'library':<42}{'MB':>7}{'headers ms':>12}{'scan ms':>10}{'cuobjdump s':>13}{'ratio':>9}{'with scan':>11}")
    for path in libraries(arguments.paths):
        read_file(str(path))  # brings it into the page cache
        headers, cpu = least(str(path), scan=False, runs=arguments.runs)
        scan, _ = least(str(path), scan=True, runs=arguments.runs)
        cpu_s += cpu
        theirs = listing(arguments.cuobjdump, path) if arguments.cuobjdump else None
        size = path.stat().st_size
        rows.append((size, headers, scan, theirs))
        told = "-" if theirs is None else f"{theirs:.2f}"
        ratios = ("-", "-") if theirs is None else (f"{theirs / headers:.0f}x", f"{theirs / scan:.0f}x")
        print(
            f"{path.name[:40]:<42}{size / 1e6:>7.0f}{1000 * headers:>12.2f}{1000 * scan:>10.2f}{told:>13}"
            f"{ratios[0]:>9}{ratios[1]:>11}",
            flush=True,
        )
    return conclude(rows, cpu_s, has_peer=bool(arguments.cuobjdump))


def conclude(rows: list[tuple[int, float, float, float | None]], cpu_s: float, *, has_peer: bool) -> int:
    """Print the sums and what they are held to, and return the exit status."""
    if not rows:
        print("no library with device code")
        return 1
    gigabytes = sum(size for size, *_ in rows) / 1e9
    per_gb = 1000 * sum(headers for _, headers, _, _ in rows) / gigabytes
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\n{len(rows)} libraries, {gigabytes:.1f} GB, warm, peak {memory} MB with mapped pages")
    print(f"  headers only {per_gb:.1f} ms per GB, {1000 * cpu_s / gigabytes:.1f} of CPU time (goal: {GOAL_MS_PER_GB})")
    print(f"  with the search {1000 * sum(scan for _, _, scan, _ in rows) / gigabytes:.0f} ms per GB")
    missed = per_gb > GOAL_MS_PER_GB
    if not has_peer:
        print("  no comparison: give --cuobjdump PATH (package nvidia-cuda-cuobjdump)")
        return int(missed)
    told = [(size, headers, scan, theirs) for size, headers, scan, theirs in rows if theirs]
    large = [theirs / headers for size, headers, _, theirs in told if size >= LARGE_BYTES and theirs]
    total = sum(theirs for *_, theirs in told if theirs) / sum(scan for _, _, scan, _ in told)
    if large:
        mean = math.exp(sum(map(math.log, large)) / len(large))
        print(f"  over 100 MB, headers only: least {min(large):.0f}x (goal: {GOAL_EACH}x)", end=", ")
        print(f"geometric mean {mean:.0f}x (goal: {GOAL_MEAN}x) of {len(large)}")
        missed = missed or min(large) < GOAL_EACH or mean < GOAL_MEAN
    print(f"  with the search, summed: {total:.0f}x (goal: {GOAL_SCAN_SUM}x over a broad set)")
    return int(missed or total < GOAL_SCAN_SUM)


def libraries(paths: list[str]) -> list[Path]:
    """Return the libraries with device code, largest first."""
    found: dict[tuple[int, int], Path] = {}
    for word in paths:
        path = Path(word)
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if re.search(r"\.so(\.[\w.]+)?$", one.name) and one.is_file() and read_file(str(one)) is not None:
                status = one.stat()
                found.setdefault((status.st_dev, status.st_ino), one)
    return sorted(found.values(), key=lambda one: -one.stat().st_size)


def least(path: str, *, scan: bool, runs: int) -> tuple[float, float]:
    """Return the least wall time and the least CPU time in seconds of reading one library."""
    walls, cpus = [], []
    for _ in range(runs):
        start, spent = time.perf_counter(), time.process_time()
        read_file(path, scan=scan)
        walls.append(time.perf_counter() - start)
        cpus.append(time.process_time() - spent)
    return min(walls), min(cpus)


def listing(cuobjdump: str, path: Path) -> float | None:
    """Return the wall time in seconds of both listings, None when cuobjdump refuses the file."""
    start = time.perf_counter()
    for option in ("--list-elf", "--list-ptx"):
        done = subprocess.run(
            [cuobjdump, option, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
        if done.returncode and b"does not contain device code" not in done.stderr:
            return None
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
