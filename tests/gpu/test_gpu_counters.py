"""Hardware counters of a real GPU: all metrics in one call are those asked for one by one, and they follow the load."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pynvml
import pytest

from parity.probes.gpm import Gpm, NotSupportedError
from parity.probes.gpm_names import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

LOAD = """
import sys, time, torch
a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16); b = torch.empty_like(a)
print("busy", flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for _ in range(20):
        torch.matmul(a, a, out=b)
    torch.cuda.synchronize()
"""


@pytest.fixture
def sampled(has_torch: None) -> Iterator[Gpm]:
    """Two samples, two seconds of matrix products apart."""
    del has_torch
    pynvml.nvmlInit()
    process = subprocess.Popen([sys.executable, "-c", LOAD, "30"], stdout=subprocess.PIPE)
    try:
        try:
            gpm = Gpm(lambda name: getattr(pynvml, name), pynvml.nvmlDeviceGetHandleByIndex(0), None)
        except NotSupportedError:
            pytest.skip("this GPU has no GPM counters")
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        time.sleep(1)
        gpm.sample(first=True)
        time.sleep(2)
        gpm.sample(first=False)
        yield gpm
    finally:
        process.kill()
        process.wait()
        pynvml.nvmlShutdown()


def test_one_call_for_all_gives_what_a_call_for_each_gives(sampled: Gpm) -> None:
    places = (0, sampled._latest)
    together = sampled._get(tuple(METRICS), places)
    alone: dict[int, Any] = {}
    for number in METRICS:
        alone |= sampled._get((number,), places)
    assert set(together) == set(alone)
    assert {number: code for number, (code, _) in together.items()} == {n: code for n, (code, _) in alone.items()}
    for number, (code, value) in together.items():
        if not code:
            assert value == pytest.approx(alone[number][1], rel=1e-6, nan_ok=True), METRICS[number]


def test_products_show_as_tensor_work_and_every_share_is_one(sampled: Gpm) -> None:
    found = sampled.metrics()
    assert found["tensor_active"] > 0.5
    assert found["sm_activity"] > 0.9
    shares = {name: value for name, value in found.items() if name.endswith("_active") or name.startswith("sm_")}
    assert all(0 <= value <= 1.01 for value in shares.values()), shares
