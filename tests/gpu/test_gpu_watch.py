"""Watching real work: the counters say what the work is, and `nvidia-smi dmon` beside them says the same."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gpu.conftest import Smi

SECONDS = "8"
COPY = """
import sys, time, torch
a = torch.rand(1 << 28, device="cuda"); b = torch.empty_like(a)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for _ in range(50):
        torch.neg(a, out=b)
    torch.cuda.synchronize()
"""
PRODUCT = """
import sys, time, torch
a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16); b = torch.empty_like(a)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for _ in range(20):
        torch.matmul(a, a, out=b)
    torch.cuda.synchronize()
"""
IDLE = "import sys, time; time.sleep(float(sys.argv[1]))"

pytestmark = pytest.mark.usefixtures("has_torch")


@pytest.fixture
def watched(parity: Callable[..., Any], tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    def watch(program: str) -> dict[str, Any]:
        path = tmp_path / "watch.json"
        parity("watch", "-o", str(path), "--", sys.executable, "-c", program, SECONDS)
        report: dict[str, Any] = json.loads(path.read_text())
        return report

    return watch


def has_counters(report: dict[str, Any]) -> None:
    if "dram_active" not in report["devices"][0]["use"]:
        pytest.skip(f"no hardware counters: {report['devices'][0]['bound']['why']}")


def test_a_copy_keeps_memory_busy_and_tensor_cores_idle(watched: Callable[[str], dict[str, Any]]) -> None:
    report = watched(COPY)
    has_counters(report)
    device = report["devices"][0]
    assert 0.75 < device["use"]["dram_active"]["busy"] <= 1.0
    assert device["use"]["tensor_active"]["mean"] < 0.05
    assert device["bound"]["here"] == "dram"


def test_a_product_keeps_tensor_cores_busy(watched: Callable[[str], dict[str, Any]]) -> None:
    report = watched(PRODUCT)
    has_counters(report)
    device = report["devices"][0]
    assert device["use"]["tensor_active"]["busy"] > 0.6
    assert device["use"]["tensor_active"]["busy"] > device["use"]["dram_active"]["busy"]
    assert device["bound"]["here"] == "tensor"


def test_nothing_to_do_is_nothing_done(watched: Callable[[str], dict[str, Any]]) -> None:
    report = watched(IDLE)
    assert report["devices"][0]["use"]["utilization_percent"]["mean"] < 5
    assert report["interval"]["state"] != "unknown", report["interval"]


def test_dmon_beside_it_sees_the_same_clocks_and_power(smi: Smi, watched: Callable[[str], dict[str, Any]]) -> None:
    beside = subprocess.Popen(
        [smi.path, "dmon", "-i", "0", "-s", "pc", "-d", "1", "-c", "14"], stdout=subprocess.PIPE, text=True
    )
    report = watched(PRODUCT)
    lines = beside.communicate(timeout=60)[0].splitlines()
    names = lines[0].lstrip("# ").split()
    rows = [dict(zip(names, line.split(), strict=False)) for line in lines if not line.startswith("#")]
    clocks = [float(row["pclk"]) for row in rows]
    power = [float(row["pwr"]) for row in rows]
    here = report["interval"]["devices"][0]["series"]
    assert here["clock_sm_mhz"]["max"] == pytest.approx(max(clocks), rel=0.05)
    assert here["power_draw_w"]["max"] == pytest.approx(max(power), rel=0.15)
    assert statistics.median(clocks) > 0


def test_the_time_under_the_power_cap_is_that_of_the_samples(watched: Callable[[str], dict[str, Any]]) -> None:
    """The driver counts it in nanoseconds; the causes at each sample are another reading of the same."""
    (board,) = watched(PRODUCT)["interval"]["devices"][:1]
    for one in board["throttled"]:
        assert 0 <= one["share"] <= 1.05, one
        assert abs(one["share"] - one["seen"] / max(1, one["readings"])) < 0.35, one


def test_watching_costs_little(watched: Callable[[str], dict[str, Any]]) -> None:
    told = watched(PRODUCT)
    spent = told["overhead"]["watcher_cpu_s"] + told["overhead"]["parity_cpu_s"]
    assert spent < 0.1 * told["seconds"]
