"""Knows what ``parity watch`` costs a command: its wall time watched and alone, in the same run, and the watcher's own.

Usage: ``python benchmarks/watch_overhead.py [--runs N] [--seconds S] [--every S] [--devices N] [--gpu]``

The command works for a fixed number of rounds on one core (with ``--gpu``: a chain of matrix products through torch)
and prints the seconds that the work took by its own clock. It runs alone and watched by turns. Reported are the ratio
of these times, median and quartiles of the pairs, which should be 1 (on a machine that others use they spread by tens
of percent, and say little); what comes on top of the command as a whole (the start of ``parity`` and of its watcher,
and the report); and the processor time that the watcher and ``parity`` itself measured of themselves.
Without a GPU a stub driver plays an H100 with hardware counters (a C compiler is needed): it answers faster than a real
one, so say which it was.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
GOAL = 1.01
_GPM = "\n".join(f"*.gpm[{number}] = 50" for number in (*range(1, 14), 20, 21, 60, 61))
_ON_CPU = """
import sys, time
def work(rounds):
    total = 0
    for number in range(rounds):
        total += number * number
    return total
start = time.perf_counter(); work(500_000); rate = 500_000 / (time.perf_counter() - start)
rounds = int(sys.argv[1]) or int(rate * float(sys.argv[2]))
start = time.perf_counter(); work(rounds)
print(rounds, time.perf_counter() - start)
"""
_ON_GPU = """
import sys, time, torch
a = torch.ones(4096, 4096, device="cuda", dtype=torch.bfloat16)
def work(rounds):
    b = a
    for _ in range(rounds):
        b = (b @ a).clamp(-1, 1)
    torch.cuda.synchronize()
work(50); start = time.perf_counter(); work(200); rate = 200 / (time.perf_counter() - start)
rounds = int(sys.argv[1]) or int(rate * float(sys.argv[2]))
start = time.perf_counter(); work(rounds)
print(rounds, time.perf_counter() - start)
"""


class Run(NamedTuple):
    """One run: seconds of the work by its own clock, and of the whole command."""

    rounds: int
    own: float
    whole: float


def main() -> None:
    """Measure and print; exit 1 when three of four pairs are more than 1 % slower watched."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0, help="of work in each run")
    parser.add_argument("--every", type=float, default=0.1)
    parser.add_argument("--devices", type=int, default=1, help="of the stub")
    parser.add_argument("--gpu", action="store_true", help="work on the GPU of this machine")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = {**os.environ, **driver(place, given.devices), "PYTHONPATH": str(ROOT)}
        work = [sys.executable, "-c", _ON_GPU if given.gpu else _ON_CPU]
        report = place / "watch.json"
        watch = [sys.executable, "-m", "parity.cli.main", "watch", "--every", str(given.every), "-o", str(report), "--"]
        rounds = run([*work, "0", str(given.seconds)], environment).rounds
        work += [str(rounds), "0"]
        run([*watch, *work], environment)  # byte code, the first attach
        pairs, told = [], []
        for number in range(given.runs):
            order = ([], watch) if number % 2 else (watch, [])  # whatever warms up does so for both
            times = {bool(words): run([*words, *work], environment) for words in order}
            pairs.append((times[True], times[False]))
            told.append(json.loads(report.read_text()))
    tell(pairs, told, given)


def tell(pairs: list[tuple[Run, Run]], told: list[dict[str, dict[str, float]]], given: argparse.Namespace) -> None:
    """Print what was measured."""
    ratios = [watched.own / alone.own for watched, alone in pairs]
    more = [watched.whole - alone.whole for watched, alone in pairs]
    load = [one["overhead"]["watcher_cpu_s"] / one["watched_until_s"] for one in told]  # type: ignore[operator]
    start = statistics.median(one["overhead"]["watcher_start_cpu_s"] for one in told)
    own = statistics.median(one["overhead"]["parity_cpu_s"] for one in told)
    low, middle, high = statistics.quantiles(ratios, n=4)
    alone = statistics.median(alone.own for _, alone in pairs)
    print(
        f"work of {alone:.2f} s on {'the GPU' if given.gpu else 'one core'}, {given.runs} pairs, {os.cpu_count()} cores"
    )
    quartiles = f"quartiles of pairs {low:.4f} and {high:.4f}"
    print(f"  the work's own time, watched / alone: {middle:.4f} ({quartiles}; goal {GOAL})")
    print(f"  the command as a whole takes longer by {statistics.median(more):.2f} s (start and report)")
    print(
        f"  watcher: {100 * statistics.median(load):.2f} % of a core, and {start:.2f} s of processor time at its start"
    )
    print(f"  parity itself, while the command ran: {1000 * own:.0f} ms of processor time")
    sys.exit(low > GOAL)


def driver(place: Path, devices: int) -> dict[str, str]:
    """Return the variables of a stub driver where this machine has no GPU; say which it is."""
    if Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists():
        print("driver: of this machine")
        return {}
    from tests.stubs.build import Machine, build

    print(f"driver: a stub, {devices} H100 with hardware counters")
    change = f"*.nvmlGpmQueryDeviceSupport = 1\n{_GPM}"
    machine = Machine(place / "machine", build(place / "stubs"), "h100-sxm5-80gb-x8", change=change)
    return {**machine.environment, "CUDA_VISIBLE_DEVICES": ",".join(map(str, range(devices)))}


def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run a command that prints its rounds and seconds."""
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    whole = time.perf_counter() - start
    rounds, own = done.stdout.split()
    return Run(int(rounds), float(own), whole)


if __name__ == "__main__":
    main()
