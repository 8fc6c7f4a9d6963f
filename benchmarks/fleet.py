"""Knows how long a fleet takes: 10,000 nodes (about 100 MB) grouped and judged, and whether time grows with nodes only.

Usage: ``python benchmarks/fleet.py [NODES]``. The peer is reading the same lines with ``json.loads``, which any tool of
one's own begins with. Two nodes differ in one field each and must be found. Goals: under 5 s and 300 MB for 10,000
nodes on two cores, and a tenth of the nodes in a tenth of the time (within a factor of two).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
NODES = 10_000
GPUS = 3
GOAL_S, GOAL_MB = 5.0, 300.0
_RUN = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[1])
start = time.perf_counter()
from parity import fleet_run, session
fleet, _ = fleet_run.fleet_of([sys.argv[2]], session.project_of(None, start="/"), fleet_run.Wish(target="h100"))
took = time.perf_counter() - start
odd = sorted(name for group in fleet.groups[1:] for name in group.nodes)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"took": took, "peak": peak, "odd": odd, "groups": len(fleet.groups), "slow": len(fleet.slow)}))
"""


def main() -> None:
    """Measure and print; exit 1 when a goal is missed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else NODES
    with tempfile.TemporaryDirectory() as folder:
        whole, part = Path(folder, "fleet.jsonl"), Path(folder, "part.jsonl")
        write(whole, count)
        with whole.open("rb") as stream, part.open("wb") as out:
            out.writelines(line for line, _ in zip(stream, range(count // 10), strict=False))
        size_mb = whole.stat().st_size / 1e6
        peer = loads(whole)
        told, tenth = run(whole), run(part)
    took, peak = float(told["took"]), float(told["peak"])
    print(
        f"{count} nodes, {size_mb:.0f} MB, judged against h100: {took:.2f} s, peak {peak:.0f} MB "
        f"(goals {GOAL_S:g} s, {GOAL_MB:g} MB)"
    )
    print(f"  json.loads of the same lines alone: {peer:.2f} s ({peer / took:.1f}x of ours)")
    print(f"  a tenth of the nodes: {float(tenth['took']):.2f} s")
    print(f"  kinds: {told['groups']}, odd nodes found: {told['odd']}, slow devices: {told['slow']}")
    sys.exit(not (took < GOAL_S and peak < GOAL_MB and len(told["odd"]) == 2))


def write(path: Path, count: int) -> None:
    """Write a fleet of 3-GPU nodes, about 10 KB each, with a different driver on one and a power cap on another."""
    import msgspec

    from parity.catalog import store
    from parity.catalog.as_fingerprint import as_fingerprint

    node = json.loads(msgspec.json.encode(as_fingerprint(store.device_spec("h100-sxm5-80gb"), count=GPUS)))
    node["origin"]["kind"] = "live"
    dice = random.Random(0)  # noqa: S311  (the same fleet in every run)
    odd = dice.sample(range(count // 10), 2)
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            node["host"]["hostname"] = told(f"node-{number:05}")
            node["stack"]["components"] = {"driver": told("570.86.10" if number == odd[0] else "570.86.15")}
            for index, device in enumerate(node["devices"]):
                device["locator"]["uuid"] = told(f"GPU-{dice.getrandbits(64):016x}")
                cap = 500.0 if number == odd[1] and index else 700.0
                moving = {
                    name: told(dice.randrange(30, 90))
                    for name in ("temperature_c", "power_draw_w", "memory_used_bytes")
                }
                device["conditions"] = {**moving, "power_limit_w": told(cap), "processes": told([])}
            node["measured"] = [
                {"name": "dram_copy", "device": index, "value": dice.gauss(2900, 20), "unit": "GB/s", "kernel": "copy"}
                for index in range(GPUS)
            ]
            stream.write(json.dumps(node) + "\n")


def told(value: object) -> dict[str, object]:
    """Return a reading as JSON."""
    return {"type": "reading", "value": value, "source": "benchmark"}


def loads(path: Path) -> float:
    """Return the seconds that reading the lines alone takes."""
    start = time.perf_counter()
    with path.open("rb") as stream:
        for line in stream:
            json.loads(line)
    return time.perf_counter() - start


def run(path: Path) -> dict[str, object]:
    """Return what one process of its own measured."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(ROOT), str(path)], capture_output=True, check=True, text=True
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    main()
