"""Measuring on a real GPU: what comes out, that it repeats, and that nothing is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from parity.model.measurement import peak_fact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.gpu.conftest import Smi

GROUPS = ("measure", "--only", "dram,host,launch", "--device", "0", "--budget", "12s")
BANDWIDTH = ("dram_copy", "dram_read", "dram_write")
REPEATS = 0.03  # of one run's value, where the spreads that were stated are smaller
LEFT_MIB = 64
BUSY = """
import sys, time, torch
a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
print("busy", flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for _ in range(20):
        b = a @ a
    torch.cuda.synchronize()
"""


def values(report: dict[str, Any]) -> dict[str, float]:
    return {one["name"]: one["value"] for one in report["measured"]}


def used_mib(smi: Smi) -> int:
    return int(smi.ask("memory.used") or 0)


@pytest.fixture(params=[True, False], ids=["torch", "driver"])
def with_torch(request: pytest.FixtureRequest) -> bool:
    if request.param:
        request.getfixturevalue("has_torch")
    return bool(request.param)


def test_memory_delivers_what_healthy_memory_does(told: Callable[..., Any], smi: Smi, with_torch: bool) -> None:
    before = used_mib(smi)
    report = told(*GROUPS, torch=with_torch)
    found = {one["name"]: one for one in report["measured"]}
    assert {*BANDWIDTH, "host_to_device", "device_to_host", "launch_latency"} == {*found}, report["unmeasured"]
    peak = report["devices"][0]["peaks"]["memory_bandwidth_gbps"]
    for name in BANDWIDTH:
        assert 0.4 * peak < found[name]["value"] < 1.0 * peak, (name, found[name], peak)
        assert found[name]["conditions"] == "clean", found[name]
        assert found[name].get("spread", 0.0) < 0.05
    assert 1 < found["host_to_device"]["value"] < 1000
    assert 0.5 < found["launch_latency"]["value"] < 100
    assert used_mib(smi) - before < LEFT_MIB


def test_two_runs_lie_within_what_they_state(told: Callable[..., Any], with_torch: bool) -> None:
    first, second = (told(*GROUPS, torch=with_torch) for _ in range(2))
    spread = {one["name"]: one.get("spread", 0.0) for report in (first, second) for one in report["measured"]}
    for name in BANDWIDTH:
        apart = abs(values(first)[name] / values(second)[name] - 1)
        assert apart < max(REPEATS, 2 * spread[name]), (name, values(first), values(second))


@pytest.mark.usefixtures("has_torch")
def test_reading_with_the_drivers_kernel_is_as_fast_as_with_torchs(told: Callable[..., Any]) -> None:
    """Two kernels that share nothing but the memory."""
    words = ("measure", "--only", "dram_read", "--device", "0", "--budget", "6s")
    ours, torchs = (values(told(*words, torch=torch))["dram_read"] for torch in (False, True))
    assert ours == pytest.approx(torchs, rel=0.06)


@pytest.mark.usefixtures("has_torch")
def test_matrix_rates_are_below_their_peaks_and_above_a_third(told: Callable[..., Any]) -> None:
    report = told("measure", "--only", "matmul", "--device", "0", "--budget", "20s")
    peaks = report["devices"][0]["peaks"]
    assert report["measured"], report["unmeasured"]
    for one in report["measured"]:
        peak = peaks.get(peak_fact(one["name"]))
        if peak is not None and one["name"] != "matmul_int8":  # that rate is the library's more than the device's
            assert peak / 3 < one["value"] < peak, one
    for one in report["unmeasured"]:
        assert one["why"] == "not_supported", one


@pytest.mark.usefixtures("has_torch")
def test_doctor_finds_a_healthy_device_healthy(told: Callable[..., Any]) -> None:
    report = told("measure", "--only", "launch", "--device", "0", "--budget", "1s")
    part = report["devices"][0]["part"]
    verdict = told("doctor", "--target", part, "--measure", "--device", "0", "--budget", "20s", status=None)
    slow = [one for one in verdict["findings"] if one["rule"].startswith("measured-")]
    assert slow == []
    assert verdict["fingerprint"]["measured"]


@pytest.fixture
def neighbour(has_torch: None) -> Iterator[None]:
    """Another process that works on GPU 0."""
    del has_torch
    process = subprocess.Popen([sys.executable, "-c", BUSY, "120"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        time.sleep(2)  # the driver's utilization is that of the last second
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("neighbour")
def test_a_busy_gpu_is_left_alone_unless_told(told: Callable[..., Any]) -> None:
    words = ("measure", "--only", "dram_copy", "--device", "0", "--budget", "2s")
    (refused,) = told(*words, status=3)["unmeasured"]
    assert "in use" in refused["detail"]
    (one,) = told(*words, "--busy")["measured"]
    assert one["conditions"] != "clean"


def test_an_interrupt_gives_everything_back(smi: Smi) -> None:
    before = used_mib(smi)
    command = [sys.executable, "-m", "parity", "measure", "--device", "0", "--budget", "60s", "--format", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(20)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 2
    time.sleep(2)
    assert used_mib(smi) - before < LEFT_MIB


def test_a_device_that_is_not_asked_for_gets_no_context(smi: Smi) -> None:
    if len(smi.run("-L").splitlines()) < 2:
        pytest.skip("one GPU only")
    command = [sys.executable, "-m", "parity", "measure", "--device", "1", "--only", "dram", "--budget", "5s"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before, most = used_mib(smi), 0
    while process.poll() is None:
        most = max(most, used_mib(smi))
        time.sleep(0.2)
    assert process.returncode == 0
    assert most - before < LEFT_MIB
