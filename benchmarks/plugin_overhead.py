"""Knows what the plugin costs in a user's pytest, beside plain pytest and other plugins, in alternating runs.

Usage: ``python benchmarks/plugin_overhead.py [--runs N] [--tests N] [--only NAME ...]``

A wheel of this checkout and each peer are installed into a virtual environment of their own (from the package index),
because that is what users have: pytest rewrites and finds plugins differently in an editable install. Times are CPU
times of the pytest process alone, so that the engine on another core does not count, and a busy machine disturbs
little; runs of all variants alternate. What a variant takes more is the distance of the fastest runs, since whatever
else the machine does can only add. ``bare again`` is plain pytest once more: its distance from ``bare`` is noise.

Goals: idle at most 5 ms more at start-up, with a target at most 15 ms more, at most 10 microseconds per test.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FINGERPRINT = ROOT / "docs" / "examples" / "production-8xh100.json"
IDLE_GOAL_MS, TARGET_GOAL_MS, PER_TEST_GOAL_US = 5.0, 15.0, 10.0
_RUN = """
import json, resource, sys, time
import pytest
wall = time.perf_counter()
status = pytest.main(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_SELF)
with open(sys.argv[1], "w") as stream:
    json.dump({"cpu": used.ru_utime + used.ru_stime, "status": int(status)}, stream)
"""


@dataclass(frozen=True)
class Variant:
    """One way to run pytest.

    Attributes:
        name: in the table.
        packages: installed beside pytest; ``.`` is this checkout's wheel.
        options: for pytest.
    """

    name: str
    packages: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


TARGET = ("--parity-target=8xh100", f"--parity-fingerprint={FINGERPRINT}")
VARIANTS = (
    Variant("bare"),
    Variant("bare again"),
    Variant("parity idle", (".",)),
    Variant("parity target", (".",), TARGET),
    Variant("timeout idle", ("pytest-timeout",)),
    Variant("timeout on", ("pytest-timeout",), ("--timeout=60",)),
    Variant("benchmark idle", ("pytest-benchmark",)),
    Variant("codspeed idle", ("pytest-codspeed",)),
    Variant("gpucheck idle", ("gpucheck",)),
)


def main() -> None:
    """Measure and print; exit 1 when a goal is missed by more than the noise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--tests", type=int, default=5000)
    names = [variant.name for variant in VARIANTS]
    parser.add_argument("--only", nargs="*", default=names, choices=names, metavar="NAME", help=", ".join(names))
    given = parser.parse_args()
    named = {
        "bare",
        "bare again",
        "parity idle",
        "parity target",
        *given.only,
    }  # what the goals are about is always there
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pythons = environments(place, [variant for variant in VARIANTS if variant.name in named])
        small = suite(place / "small", 1)
        large = suite(place / "large", given.tests)
        start_up = measured(pythons, small, given.runs)
        per_test = measured(pythons, large, max(3, given.runs // 3))
    print(f"CPU time of the pytest process, {given.runs} alternating runs (median)")
    print(f"{'':18}{'1 test':>10}{'more':>8}{'ratio':>7}   {given.tests} tests: {'us/test':>8}{'more':>8}{'ratio':>7}")
    for variant in pythons:
        one = statistics.median(start_up[variant.name])
        many = 1000 * statistics.median(per_test[variant.name]) / given.tests
        print(
            f"{variant.name:18}{one:8.1f}ms{more(start_up, variant):+8.1f}{ratio(start_up, variant):7.3f}   {'':14}"
            f"{many:8.1f}{1000 * more(per_test, variant) / given.tests:+8.1f}{ratio(per_test, variant):7.3f}"
        )
    sys.exit(missed(start_up, per_test, given.tests))


def missed(start_up: dict[str, list[float]], per_test: dict[str, list[float]], tests: int) -> bool:
    """Return whether a goal is missed by more than the distance of the two bare series; say which."""
    noise = abs(more(start_up, Variant("bare again")))
    noise_us = 1000 * abs(more(per_test, Variant("bare again"))) / tests
    start = max(0.0, more(start_up, Variant("parity target")))
    found = (
        ("idle start-up", more(start_up, Variant("parity idle")), IDLE_GOAL_MS, noise, "ms"),
        ("start-up with a target", start, TARGET_GOAL_MS, noise, "ms"),
        ("idle per test", 1000 * more(per_test, Variant("parity idle")) / tests, PER_TEST_GOAL_US, noise_us, "us"),
        (
            "per test with a target",
            1000 * (more(per_test, Variant("parity target")) - start) / tests,
            PER_TEST_GOAL_US,
            noise_us,
            "us",
        ),
    )
    for name, value, goal, spread, unit in found:
        state = "met" if value <= goal else "MISSED" if value > goal + spread else "within noise"
        print(f"goal: {name} at most {goal:g} {unit}: {value:+.1f} {unit} (noise {spread:.1f}) {state}")
    return any(value > goal + spread for _, value, goal, spread, _ in found)


def environments(place: Path, variants: list[Variant]) -> dict[Variant, Path]:
    """Return the interpreter of each variant; one whose packages cannot be installed is told and left out."""
    wheels = place / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels), str(ROOT)], check=True)
    [wheel] = wheels.glob("gpu_parity-*.whl")
    made: dict[tuple[str, ...], Path | None] = {}
    for variant in variants:
        if variant.packages in made:
            continue
        home = place / f"venv-{len(made)}"
        venv.create(home, with_pip=True)
        python = home / "bin" / "python"
        wanted = [str(wheel) if package == "." else package for package in variant.packages]
        command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "pytest", *wanted]
        installed = subprocess.run(command, check=False, capture_output=True, text=True)
        made[variant.packages] = python if installed.returncode == 0 else None
        if installed.returncode:
            print(f"{variant.name}: not measured: {installed.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    return {variant: python for variant in variants if (python := made[variant.packages]) is not None}


def suite(folder: Path, tests: int) -> Path:
    """Write a file of trivial tests."""
    folder.mkdir()
    (folder / "test_trivial.py").write_text("\n".join(f"def test_{n}():\n    pass\n" for n in range(tests)))
    return folder


def measured(pythons: dict[Variant, Path], folder: Path, runs: int) -> dict[str, list[float]]:
    """Return the CPU milliseconds of each variant, whose runs alternate; a first run only writes byte code."""
    times: dict[str, list[float]] = {variant.name: [] for variant in pythons}
    for number in range(runs + 1):
        for variant, python in pythons.items():
            taken = cpu_ms(python, folder, variant.options)
            if number:
                times[variant.name].append(taken)
    return times


def cpu_ms(python: Path, folder: Path, options: tuple[str, ...]) -> float:
    """Return the CPU milliseconds of one pytest process, its children apart."""
    names = ("PARITY_", "PYTEST_", "PYTHON", "GITHUB_", "CI")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    with tempfile.NamedTemporaryFile("r") as told:
        command = [str(python), "-c", _RUN, told.name, "-q", "-p", "no:cacheprovider", *options, "."]
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        answer = json.load(told)
    if answer["status"]:
        message = f"pytest ended with status {answer['status']}: {options}"
        raise SystemExit(message)
    return 1000 * float(answer["cpu"])


def more(times: dict[str, list[float]], variant: Variant) -> float:
    """Return the milliseconds that the fastest run of a variant takes more than the fastest of bare pytest."""
    return min(times[variant.name]) - min(times["bare"])


def ratio(times: dict[str, list[float]], variant: Variant) -> float:
    """Return the median ratio to bare pytest of the same round."""
    return statistics.median(a / b for a, b in zip(times[variant.name], times["bare"], strict=True))


if __name__ == "__main__":
    main()
