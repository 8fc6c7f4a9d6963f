"""Times ``parity lint`` against ruff on one tree: ``lint_speed.py FOLDER [FOLDER ...]``, on one core.

ruff (default rules) reads the tree's Python; parity lint reads that and everything else. Both are timed without a
cache and, after a run that fills it, with one. Runs alternate; the fastest of each (other work on the machine only adds
to a time) and the largest memory are told, with the ratio.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 2.0  # what the project asks for


def measured(command: list[str], folder: str, environment: dict[str, str]) -> tuple[float, float]:
    """Return the wall time in seconds and the largest memory in MiB of a command on one core."""
    cpu = min(os.sched_getaffinity(0))
    started = time.perf_counter()
    with subprocess.Popen(
        ["taskset", "-c", str(cpu), *command],
        cwd=folder,
        env={**os.environ, "RAYON_NUM_THREADS": "1", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        sys.exit(f"{' '.join(command)} ended with status {running.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def compare(folder: str, target: str, runs: int, scratch: str) -> None:
    """Time both on a folder and print what was seen."""
    files = sum(len(names) for _, _, names in os.walk(folder))
    python = sum(name.endswith(".py") for _, _, names in os.walk(folder) for name in names)
    ruff = [str(Path(sys.executable).with_name("ruff")), "check", "--isolated", "--exit-zero", "--quiet", "."]
    ours = [sys.executable, "-m", "parity.cli.main", "lint", ".", "--target", target, "--exit-zero"]
    held = {"PARITY_CACHE_DIR": f"{scratch}/parity", "RUFF_CACHE_DIR": f"{scratch}/ruff"}
    for told, extra in (("cold", ["--no-cache"]), ("warm", [])):
        found: dict[str, list[tuple[float, float]]] = {"ruff": [], "parity": []}
        for number in range(runs + bool(not extra)):
            for name, command in (("ruff", ruff), ("parity", ours)):
                one = measured([*command, *extra], folder, held)
                if extra or number:  # the first of the warm runs fills the cache
                    found[name].append(one)
        seconds = {name: min(one[0] for one in all_) for name, all_ in found.items()}
        memory = {name: max(one[1] for one in all_) for name, all_ in found.items()}
        ratio = seconds["parity"] / seconds["ruff"]
        print(
            f"{told}: {files} files, {python} Python: ruff {seconds['ruff']:.2f} s, {memory['ruff']:.0f} MiB; "
            f"parity {seconds['parity']:.2f} s, {memory['parity']:.0f} MiB; {ratio:.2f}x"
        )
        if extra:
            print("  within" if ratio <= LIMIT else "  over", f"the limit of {LIMIT:g}x")


def main() -> None:
    """Time both on each folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="+")
    parser.add_argument("--target", default="h100")
    parser.add_argument("--runs", type=int, default=3)
    words = parser.parse_args()
    for folder in words.folder:
        scratch = tempfile.mkdtemp()
        try:
            compare(folder, words.target, words.runs, scratch)
        finally:
            shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
