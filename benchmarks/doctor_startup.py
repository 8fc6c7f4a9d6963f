"""Times `parity doctor --fingerprint FILE --target h100` and `parity model` as whole processes, against their peers.

Peers in the same run, alternating: ``python -c pass`` (the goals: no slower than 6x, and 5x for a model whose
configuration is 1 MB) and, where torch is installed, ``python -m torch.utils.collect_env``. Memory is the peak
resident set of the process (the goal: under 60 MB).

    python benchmarks/doctor_startup.py [ROUNDS]
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "workstation-rtx-4090.json"
DOCTOR = ["-m", "parity.cli.main", "doctor", "--target", "h100", "--format", "json", "--fingerprint", str(EXAMPLE)]
# Llama 3.1 8B; a list of names that nothing reads makes the file as long as the goal asks.
MODEL = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "intermediate_size": 14336, "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16", "id2label": {str(number): f"LABEL_{number}" for number in range(40_000)},
}  # fmt: skip


def seconds(arguments: list[str]) -> float:
    """Return the wall time of one process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=environment
    )
    return time.perf_counter() - start


def main() -> None:
    """Time, and print medians, ratios and the peak memory."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(MODEL), encoding="utf-8")
        _compare(rounds, ["-m", "parity.cli.main", "model", str(config), "--target", "2xh100"])


def _compare(rounds: int, model: list[str]) -> None:
    cases = {
        "python -c pass": ["-c", "pass"],
        "import msgspec": ["-c", "import msgspec, argparse"],
        "parity doctor": DOCTOR,
        "parity model": model,
    }
    for arguments in cases.values():
        seconds(arguments)  # warm the caches
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, arguments in cases.items():
            times[name].append(seconds(arguments))
    if importlib.util.find_spec("torch"):
        times["torch collect_env"] = [seconds(["-m", "torch.utils.collect_env"]) for _ in range(3)]
    base = statistics.median(times["python -c pass"])
    least = min(times["python -c pass"])
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(
            f"{name:<20} median {middle * 1000:7.1f} ms  min {min(taken) * 1000:7.1f} ms  "
            f"{middle / base:5.1f}x of python -c pass by median, {min(taken) / least:5.1f}x by minimum"
        )
    print(f"peak memory          {peak:.0f} MB")


if __name__ == "__main__":
    main()
