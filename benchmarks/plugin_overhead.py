"""Knows what the inactive plugin costs: pytest on an empty suite with and without it, in alternating runs.

Usage: ``python benchmarks/plugin_overhead.py [RUNS]``. Times are CPU times of the child, which a busy machine disturbs
less than wall time. The goal is an import under 3 ms.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 21
IMPORT_GOAL_MS = 3.0
_IMPORT = (
    "import pytest, time; start = time.perf_counter(); import pytest_parity.plugin; print(time.perf_counter() - start)"
)


def main() -> None:
    """Measure and print; exit 1 when the import misses the goal."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory() as folder:
        _cpu_ms(folder), _cpu_ms(folder, "-p", "pytest_parity.plugin")  # writes byte code
        pairs = [(_cpu_ms(folder), _cpu_ms(folder, "-p", "pytest_parity.plugin")) for _ in range(runs)]
        imports = [_import_ms(folder) for _ in range(runs)]
    without, with_plugin = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(after / before for before, after in pairs)
    import_ms = statistics.median(imports)
    print(f"pytest --collect-only, empty suite, {runs} alternating runs, CPU time")
    print(f"  without the plugin   {without:7.1f} ms")
    print(f"  with it, inactive    {with_plugin:7.1f} ms   median ratio {ratio:.3f}")
    print(f"  import of the plugin {import_ms:7.2f} ms   (goal: under {IMPORT_GOAL_MS:g} ms)")
    sys.exit(import_ms >= IMPORT_GOAL_MS)


def _cpu_ms(folder: str, *args: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(folder, "-m", "pytest", "--collect-only", "-q", f"--rootdir={folder}", *args)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _import_ms(folder: str) -> float:
    """Return the wall time of importing the entry module where pytest is already imported."""
    return 1000 * float(_run(folder, "-c", _IMPORT))


def _run(folder: str, *args: str) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PARITY_")},
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    command = [sys.executable, *args]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    main()
