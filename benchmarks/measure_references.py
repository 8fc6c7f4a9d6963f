"""Holds `parity measure` against other tools on the same GPU in the same run, as ratios.

Usage: ``python benchmarks/measure_references.py [--device N] [--rounds N] [--budget S] [--goal PART] [--json FILE]``

Needs a GPU. What is found is used: ``nvcc`` compiles ``reference_rates.cu`` (kernels, copies and, with cuBLAS, a matrix
product that share no code with parity), ``nvbandwidth`` on the path, and torch with ``triton.testing.do_bench`` for
products. Each round runs parity through torch (where it is installed), parity with the driver alone, and every
reference, one after the other, so that clocks and heat are alike. Reported per measurement: both medians, the ratio of
parity's to the reference's, how far parity's rounds lie apart, and the greatest spread that parity stated itself.
Exit status 1 when a ratio is further from 1 than ``--goal`` (0.03), or rounds lie further apart than the goal or twice
the stated spread; 3 when there was nothing to compare.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MEBIBYTES = 1024
# What of a reference is the same as which measurement, by the start of the kernel's label; launches are compared by
# eye: parity's are called from Python.
SAME = {
    ("dram_copy", "torch.neg"): "dram_copy_kernel",
    ("dram_copy", "cuMemcpyDtoDAsync"): "dram_copy_memcpy",
    ("dram_read", ""): "dram_read",
    ("dram_write", "torch"): "dram_write",
    ("dram_write", "cuMemset"): "dram_write_memset",
    ("host_to_device", ""): "host_to_device",
    ("device_to_host", ""): "device_to_host",
    ("matmul_bf16", ""): "matmul_bf16",
    ("matmul_fp16", ""): "matmul_fp16",
    ("matmul_tf32", ""): "matmul_tf32",
    ("matmul_fp32", ""): "matmul_fp32",
    ("matmul_fp64", ""): "matmul_fp64",
}
# nvbandwidth's test -> (measurement of ours, how often we count what it counts once).
NVBANDWIDTH = {
    "device_local_copy": ("dram_copy_memcpy", 2.0),
    "host_to_device_memcpy_ce": ("host_to_device", 1.0),
    "device_to_host_memcpy_ce": ("device_to_host", 1.0),
}
_PRODUCTS = """
import sys, torch
from triton.testing import do_bench
torch.cuda.set_device(int(sys.argv[1]))
side = 8192
kinds = {"bf16": torch.bfloat16, "fp16": torch.float16, "tf32": torch.float32, "fp32": torch.float32,
         "fp64": torch.float64}
for name, dtype in kinds.items():
    torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
    a, b = (torch.randn(side, side, dtype=dtype, device="cuda") for _ in range(2))
    took = do_bench(lambda: torch.matmul(a, b), warmup=200, rep=500, return_mode="median") / 1e3
    print(f"matmul_{name}", 2 * side**3 / took / 1e12, "TFLOPS", flush=True)
"""


class Ours(NamedTuple):
    """One measurement of parity's."""

    name: str
    kernel: str
    value: float
    spread: float
    unit: str


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=int, default=0, help="the driver's number")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", default="20s", help="of each run of parity measure")
    parser.add_argument("--goal", type=float, default=0.03)
    parser.add_argument("--json", type=Path, help="write everything that was measured")
    arguments = parser.parse_args()
    ours: dict[tuple[str, str], list[Ours]] = defaultdict(list)
    theirs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as scratch:
        tools = found_tools(Path(scratch), arguments.device)
        for number in range(max(1, arguments.rounds)):
            print(f"round {number + 1}: {', '.join(tools) or 'no reference found'}", file=sys.stderr, flush=True)
            for alone in (False, True):
                for one in parity(arguments.device, arguments.budget, alone=alone):
                    ours[one.name, one.kernel].append(one)
            for tool, command in tools.items():
                for name, value in reference(tool, command, arguments.device).items():
                    theirs[tool][name].append(value)
    if arguments.json:
        told = {"ours": [one._asdict() for many in ours.values() for one in many], "theirs": theirs}
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")
    return compared(ours, theirs, arguments.goal)


def found_tools(scratch: Path, device: int) -> dict[str, list[str]]:
    """Return name -> command of each reference that is at hand."""
    tools = {}
    nvcc = shutil.which("nvcc")
    source, program = ROOT / "benchmarks" / "reference_rates.cu", scratch / "reference_rates"
    if nvcc:
        built = [nvcc, "-O3", "-arch=native", str(source), "-o", str(program)]
        for command in ([*built, "-DWITH_CUBLAS", "-lcublas"], built):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                tools["CUDA C++"] = [str(program), str(device), str(MEBIBYTES)]
                break
        else:
            print(f"nvcc: {done.stderr.strip()[-300:]}", file=sys.stderr)
    nvbandwidth = shutil.which("nvbandwidth")
    if nvbandwidth:
        tools["nvbandwidth"] = [nvbandwidth, "-j", "-t", *NVBANDWIDTH]
    if all(importlib.util.find_spec(name) for name in ("torch", "triton")):
        tools["torch, do_bench"] = [sys.executable, "-c", _PRODUCTS, str(device)]
    return tools


def parity(device: int, budget: str, *, alone: bool) -> list[Ours]:
    """Return what one run of ``parity measure`` says; with ``alone`` a torch that is none stands in torch's way."""
    environment = {**os.environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if alone:
        blocked = str(ROOT / "tests" / "stubs" / "no_torch")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (blocked, os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-m", "parity", "measure", "--device", str(device), "--budget", budget]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"parity measure: status {done.returncode}: {done.stderr.strip()[-500:]}", file=sys.stderr)
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return []
    for one in told["unmeasured"] if not alone else ():
        print(f"  not measured: {one['name']}: {one['detail']}", file=sys.stderr)
    return [
        Ours(one["name"], one["kernel"], one["value"], one.get("spread", 0.0), one["unit"]) for one in told["measured"]
    ]


def reference(tool: str, command: list[str], device: int) -> dict[str, float]:
    """Return name -> value of one run of a reference; nothing where it fails."""
    environment = {**os.environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}  # the driver's numbers
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"{tool}: status {done.returncode}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return {}
    if tool == "nvbandwidth":
        return of_nvbandwidth(done.stdout, device)
    lines = re.findall(r"^(\w+) ([\d.eE+-]+) \S+$", done.stdout, re.MULTILINE)
    return {name: float(value) for name, value in lines}


def of_nvbandwidth(text: str, device: int) -> dict[str, float]:
    """Return name -> value from its JSON: a matrix of GB/s per test, as text, one column for each GPU."""
    try:
        cases = json.loads(text[text.find("{") :])["nvbandwidth"]["testcases"]
    except (ValueError, KeyError) as error:
        print(f"nvbandwidth: {error!r} in what it printed", file=sys.stderr)
        return {}
    found = {}
    for case in cases:
        row = (case.get("bandwidth_matrix") or [[]])[0]
        if case.get("name") in NVBANDWIDTH and len(row) > device and row[device] != "N/A":
            name, times = NVBANDWIDTH[case["name"]]
            found[name] = float(row[device]) * times
    return found


def compared(ours: dict[tuple[str, str], list[Ours]], theirs: dict[str, dict[str, list[float]]], goal: float) -> int:
    """Print one line per pair; return the exit status."""
    print(f"{'measurement':<16} {'parity':>9} {'rounds':>7} {'stated':>7}  {'reference':<18} {'value':>9} {'ratio':>7}")
    pairs, missed = 0, False
    for (name, kernel), runs in ours.items():
        value = statistics.median(one.value for one in runs)
        apart = (max(one.value for one in runs) - min(one.value for one in runs)) / value
        stated = max(one.spread for one in runs)
        unsteady = apart > max(goal, 2 * stated)
        missed = missed or unsteady
        print(f"{name:<16} {value:9.4g} {apart:7.1%} {stated:7.1%}  {kernel}{'  UNSTEADY' if unsteady else ''}")
        same = same_as(name, kernel)
        for tool, values in theirs.items():
            if not values.get(same):
                continue
            other = statistics.median(values[same])
            bad = abs(value / other - 1) > goal
            pairs, missed = pairs + 1, missed or bad
            print(f"{'':<43} {tool:<18} {other:9.4g} {value / other:7.3f}{'  MISSED' if bad else ''}")
    return 3 if not pairs else int(missed)


def same_as(name: str, kernel: str) -> str:
    """Return what a reference calls the measurement; empty where nothing is the same.

    >>> same_as("dram_copy", "torch.neg float32, torch 2.9.0"), same_as("launch_latency", "cuLaunchKernel")
    ('dram_copy_kernel', '')
    """
    return next((theirs for (ours, start), theirs in SAME.items() if ours == name and kernel.startswith(start)), "")


if __name__ == "__main__":
    sys.exit(main())
