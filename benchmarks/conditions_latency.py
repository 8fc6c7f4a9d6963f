"""Knows what run conditions cost a test: the time of ``begin`` and ``end`` at a real engine, on the stub driver.

Usage: ``python benchmarks/conditions_latency.py [TESTS]``. The requests go through the engine's pipes as the plugin
sends them. The stub answers at once, so this is our share; a real driver adds what its calls take, up to the budgets in
``parity/probes/watch_serve.py``. ``next begin``: what a test waits for in most runs: its begin, asked half a
millisecond after the last test's end, whose answer nobody waits for. ``begin``, ``end``, ``both``: where each answer is
waited for: with a JUnit file, under xdist, in mode fail. The goal is a median under 1 ms for both together.
``empty requests``: two round trips through the engine that do nothing, after the same pauses: what the machine's
scheduler takes. Needs a C compiler.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.stubs.build import Machine, build  # noqa: E402  (the checkout's own)

TESTS = 300
GOAL_MS = 1.0
LENGTHS_S = (0.0, 0.005, 0.15)
BETWEEN_S = 0.0005
_BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from parity.engine import main; main()"
_EXAMPLE = ROOT / "docs" / "examples" / "workstation-rtx-4090.json"
_GPM = "*.nvmlGpmQueryDeviceSupport = 1\n" + "\n".join(f"*.gpm[{number}] = 12.5" for number in range(1, 62))
_COUNTERS = (3, 4, 74, 76, 77, 79, 83, 94, 269, 270, 271)
_FIELDS = "\n" + "\n".join(f"*.field[{number}] = rate 0 1000" for number in _COUNTERS)


class Engine:
    """An engine process on a stub machine."""

    def __init__(self, folder: Path) -> None:
        """Start it and let it judge a saved machine and watch the stub."""
        machine = Machine(folder / "machine", build(folder / "libraries"), "h100-sxm5-80gb-x8", change=_GPM + _FIELDS)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **machine.environment},
        )
        self.ask(op="watch", rootdir=str(folder))

    def send(self, **request: object) -> None:
        """Send a request."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps({"id": 1, **request}).encode() + b"\n")
        stdin.flush()

    def receive(self) -> bytes:
        """Return the next raw answer."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def ask(self, **request: object) -> bytes:
        """Send a request and return the raw answer."""
        self.send(**request)
        return self.receive()

    def close(self) -> None:
        """End it."""
        self.ask(op="bye")
        self._process.communicate()


def main() -> None:
    """Measure and print; exit 1 when the goal is missed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TESTS
    missed = False
    with tempfile.TemporaryDirectory() as name:
        engine = Engine(Path(name))
        _one(engine, 0.15, 1)
        titles = " ".join(f"{title:>15}" for title in ("next begin", "begin", "end", "both", "empty requests"))
        print(f"{'test':>8} {'devices':>8} {titles}   ms, median (p99)")
        for devices in (1, 8):
            for length_s in LENGTHS_S:
                runs = [
                    _one(engine, length_s, devices) for _ in range(count if length_s < 0.1 else max(count // 10, 10))
                ]
                nexts = [_next_begin(engine, length_s, devices) for _ in runs]
                begins, ends = zip(*runs, strict=True)
                both = [begin + end for begin, end in runs]
                empty = [_one(engine, length_s, devices, watched=False) for _ in runs]
                told = " ".join(
                    f"{_told(values):>15}" for values in (nexts, begins, ends, both, [sum(pair) for pair in empty])
                )
                print(f"{1000 * length_s:5.0f} ms {devices:8} {told}")
                missed = missed or (devices == 1 and statistics.median(both) >= GOAL_MS)
        engine.close()
    sys.exit(missed)


def _one(engine: Engine, length_s: float, devices: int, *, watched: bool = True) -> tuple[float, float]:
    """Return the milliseconds of one test's begin and end; not watched: of two requests that do nothing."""
    names = ("begin", "end") if watched else ("nothing", "nothing")
    start = time.perf_counter()
    engine.ask(op=names[0], test="t", pid=os.getpid(), visible=_visible(devices))
    begun = time.perf_counter()
    time.sleep(length_s)
    ending = time.perf_counter()
    answer = engine.ask(op=names[1], test="t")
    ended = time.perf_counter()
    assert not watched or json.loads(answer)["conditions"]["state"] in {"clean", "disturbed"}, answer
    return 1000 * (begun - start), 1000 * (ended - ending)


def _next_begin(engine: Engine, length_s: float, devices: int) -> float:
    """Return the milliseconds of a test's begin soon after another's end."""
    engine.ask(op="begin", test="t", pid=os.getpid(), visible=_visible(devices))
    time.sleep(length_s)
    engine.send(id=2, op="end", test="t", later=True)
    end = time.perf_counter() + BETWEEN_S
    while time.perf_counter() < end:  # pytest computes here
        pass
    start = time.perf_counter()
    answers = [engine.ask(op="begin", test="t", pid=os.getpid(), visible=_visible(devices))]
    while b'"conditions"' in answers[-1]:  # of the end, if it was told by then
        answers.append(engine.receive())
    begun = time.perf_counter()
    engine.send(op="end", test="t")
    while len(answers) < 3:
        answers.append(engine.receive())
    return 1000 * (begun - start)


def _visible(devices: int) -> dict[str, str]:
    return {"CUDA_VISIBLE_DEVICES": ",".join(str(index) for index in range(devices))}


def _told(values: tuple[float, ...] | list[float]) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):.2f} ({ordered[int(0.99 * (len(ordered) - 1))]:.2f})"


if __name__ == "__main__":
    main()
