"""Knows how long taking stock of a whole ``site-packages`` takes: warm and cold, with the search and without it.

Usage: ``python benchmarks/kernels_site.py FOLDER [--runs N]``. Each measurement is a process of its own. Warm: least of
N runs in one process after a first one, which brings the pages that are needed into the cache; how many still had to
be read is told (a busy machine drops them). Cold: the cache is asked to drop every file of the folder first
(``posix_fadvise(DONTNEED)``, no privilege needed), and what the kernel then read from the disk is told beside the size
of the files. Memory is the peak of RssAnon, sampled: pages of mapped files are the cache's, and not counted. ``without
copies`` is a run that does not look for files of the same content: the difference is what comparing costs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from parity.binaries import duplicates  # noqa: E402 - from this checkout
from parity.binaries.inventory import Stocktaking, walk  # noqa: E402 - from this checkout

RUNS = 3
GOAL_S, GOAL_MEMORY_MB = 3.0, 150
KINDS = {"headers": (False, True), "search": (True, True), "search, without copies": (True, False)}


def main() -> int:
    """Measure in child processes and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.folder, arguments.one, arguments.runs)))
        return 0
    print(f"{'':<32}{'wall s':>8}{'CPU s':>8}{'from disk MB':>14}{'peak MB':>9}")
    missed = False
    for kind in KINDS:
        for cold in (True, False):
            if cold:
                drop(arguments.folder)
            told = child(arguments.folder, kind, runs=0 if cold else arguments.runs)
            name = f"{kind}, {'cold' if cold else 'warm'}"
            print(
                f"{name:<32}{told['wall_s']:>8.2f}{told['cpu_s']:>8.2f}{told['disk_bytes'] / 1e6:>14.0f}"
                f"{told['memory_bytes'] / 1e6:>9.0f}",
                flush=True,
            )
            missed = missed or told["memory_bytes"] > GOAL_MEMORY_MB * 1e6 or (not cold and told["wall_s"] > GOAL_S)
    print(
        f"{told['files']:.0f} files looked into, {told['bytes'] / 1e9:.1f} GB, {told['libraries']:.0f} libraries with "
        f"device code; goals: warm under {GOAL_S:.0f} s, under {GOAL_MEMORY_MB} MB"
    )
    return int(missed)


def child(folder: str, kind: str, *, runs: int) -> dict[str, float]:
    """Return one measurement, of a process of its own."""
    command = [sys.executable, __file__, folder, "--one", kind, "--runs", str(runs)]
    answer: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return answer


def measure(folder: str, kind: str, runs: int) -> dict[str, float]:
    """Return the best of ``runs`` runs after a first one; the first one itself when ``runs`` is 0."""
    scan, compare = KINDS[kind]
    if not compare:
        duplicates.MIN_BYTES = sys.maxsize
    peak = [0]
    threading.Thread(target=sample, args=(peak,), daemon=True).start()
    told = [once(folder, scan=scan) for _ in range(1 + runs)]
    best = min(told[1:] or told, key=lambda one: one["wall_s"])
    return {**best, "memory_bytes": max(peak[0], rss_anon())}


def once(folder: str, *, scan: bool) -> dict[str, float]:
    """Return the times of one run, and what it found."""
    wall, cpu, disk = time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_inblock
    stock = Stocktaking(scan=scan)
    stock.add_path(folder)
    found = stock.inventory()
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "disk_bytes": 512 * (resource.getrusage(resource.RUSAGE_SELF).ru_inblock - disk),
        "files": found.files,
        "bytes": found.bytes,
        "libraries": len(found.libraries),
        "copies": sum(len(library.copies) for library in found.libraries),
    }


def sample(peak: list[int]) -> None:
    """Keep the largest RssAnon seen, every 20 ms."""
    while True:
        peak[0] = max(peak[0], rss_anon())
        time.sleep(0.02)


def rss_anon() -> int:
    """Return this process's anonymous resident bytes."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return 0


def drop(folder: str) -> None:
    """Ask the kernel to forget what it has cached of a folder's files."""
    os.sync()
    for path in walk(folder):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
