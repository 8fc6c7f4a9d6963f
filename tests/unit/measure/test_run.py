"""Measuring through a process of its own: numbers, crashes, hangs, budgets, Ctrl-C; torch is played by a stub."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity.measure.plan import EVERYTHING, Job, Place
from parity.measure.run import Outcome, Patience, measure
from parity.model.measurement import MATMUL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parity.model.measurement import State

QUICK = Patience(start_s=20.0, prepare_s=1.5, run_s=1.0)


def values(outcome: Outcome) -> dict[tuple[str, int, int | None], float]:
    return {(one.name, one.device, one.peer): one.value for one in outcome.measured}


def why_not(outcome: Outcome) -> dict[tuple[str, int | None], tuple[str, str]]:
    return {(one.name, one.device): (one.why, one.detail) for one in outcome.unmeasured}


def test_everything_is_measured_on_every_device_and_pair(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    torch(capability=[10, 0])
    outcome = measure(EVERYTHING, places, 3.0)
    assert outcome.unmeasured == []
    found = values(outcome)
    assert len(found) == 2 * 14 + 2
    assert found["dram_copy", 1, None] == pytest.approx(3000, rel=1e-6)
    assert found["dram_read", 0, None] == pytest.approx(3000, rel=1e-6)
    assert found["dram_write", 0, None] == pytest.approx(3000, rel=1e-6)
    for name in MATMUL:
        assert found[name, 0, None] == pytest.approx(700, rel=1e-6)
    assert found["host_to_device", 0, None] == pytest.approx(55, rel=1e-6)
    assert found["device_to_host", 0, None] == pytest.approx(50, rel=1e-6)
    assert found["peer_to_peer", 0, 1] == pytest.approx(400, rel=1e-6)
    assert found["peer_to_peer", 1, 0] == pytest.approx(400, rel=1e-6)
    assert found["launch_latency", 0, None] == pytest.approx(3, rel=1e-6)
    units = {one.name: one.unit for one in outcome.measured}
    assert (units["matmul_int8"], units["matmul_tf32"], units["launch_latency"]) == ("TOPS", "TFLOPS", "us")


def test_a_result_says_what_ran_how_often_and_on_how_much(
    torch: Callable[..., None], places: tuple[Place, ...]
) -> None:
    torch()
    (one,) = measure(["dram_copy"], places[:1], 0.3).measured
    assert one.kernel == "torch.neg float32, torch 2.9.0+cu128"
    assert one.bytes == 1 << 30
    assert one.samples >= 5
    assert (one.spread, one.conditions) == (0.0, "unknown")


def test_the_median_and_the_spread_are_those_of_the_timings(
    torch: Callable[..., None], places: tuple[Place, ...]
) -> None:
    # One operation of 5 ms per timing: four are on time, one takes twice as long.
    torch(gbps=2 * 2**30 / 1e9 / 0.005, wobble=[0.0, 0.0, 0.0, 0.0, 1.0])
    (one,) = measure(["dram_copy"], places[:1], 0.5).measured
    assert one.value == pytest.approx(2 * 2**30 / 1e9 / 0.005, rel=1e-6)
    torch(gbps=2 * 2**30 / 1e9 / 0.005, wobble=[0.0, 0.25])
    (one,) = measure(["dram_copy"], places[:1], 0.5).measured
    assert one.spread == pytest.approx(0.2 / 0.9, rel=0.15)  # a fifth slower each second time


def test_buffers_are_random_freed_and_half_of_the_free_memory_at_most(
    torch: Callable[..., None], places: tuple[Place, ...], tmp_path: Path
) -> None:
    free = 3 << 30
    torch(free=free, capability=[10, 0], log=str(tmp_path / "log"))
    outcome = measure(EVERYTHING, places[:1], 1.0)
    assert outcome.unmeasured == []
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines() if line.startswith("free")]
    assert len(lines) == 14
    assert {words[1] for words in lines} == {"0"}
    assert max(int(words[3]) for words in lines) <= free // 2


def test_memory_that_cannot_outgrow_the_caches_is_not_measured(torch: Callable[..., None]) -> None:
    torch(free=512 << 20)
    place = Place(position=0, uuid="GPU-5a1d0000-0000-4000-8000-000000000000", cache_bytes=288 << 20)
    outcome = measure(["dram_copy"], [place], 0.3)
    assert outcome.measured == []
    assert why_not(outcome)["dram_copy", 0][0] == "failed"
    assert "outgrows the caches" in why_not(outcome)["dram_copy", 0][1]


def test_tf32_is_on_for_its_own_product_only(
    torch: Callable[..., None], places: tuple[Place, ...], tmp_path: Path
) -> None:
    torch(log=str(tmp_path / "log"))
    measure(["matmul_tf32", "matmul_fp32", "matmul_bf16"], places[:1], 0.6)
    lines = [
        line.split() for line in (tmp_path / "log").read_text().splitlines() if not line.startswith(("free", "on"))
    ]
    assert {(words[0], words[2]) for words in lines} == {
        ("float32", "True"), ("float32", "False"), ("bfloat16", "False"),
    }  # fmt: skip
    first = [words[2] for words in lines if words[0] == "float32"]
    assert first == sorted(first, reverse=True)  # all of TF32, then all of FP32


def test_a_variable_that_overrules_tf32_is_not_measured_past(
    torch: Callable[..., None], places: tuple[Place, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch()
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    outcome = measure(["matmul_tf32", "matmul_fp32", "matmul_bf16"], places[:1], 0.4)
    assert [one.name for one in outcome.measured] == ["matmul_bf16"]


def test_formats_without_units_are_not_measured(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    torch(capability=[7, 5])
    outcome = measure(["matmul_tf32", "matmul_bf16", "matmul_fp16", "matmul_fp8"], places[:1], 0.4)
    assert [one.name for one in outcome.measured] == ["matmul_fp16"]
    assert why_not(outcome)["matmul_fp8", 0] == (
        "not_supported", "compute capability 7.5 has no FP8 matrix units (8.9 has)",
    )  # fmt: skip


def test_fp4_has_a_scale_for_each_block_and_two_numbers_in_a_byte(
    torch: Callable[..., None], places: tuple[Place, ...]
) -> None:
    torch(capability=[12, 0])
    (one,) = measure(["matmul_fp4"], places[:1], 2.0).measured
    assert (one.kernel, one.bytes) == ("torch._scaled_mm nvfp4 8192x8192x8192, torch 2.9.0+cu128", 8192 * 8192 // 2)


@pytest.mark.parametrize(
    ("gcn", "measured", "why"),
    [
        ("gfx950:sramecc+:xnack-", ["torch._scaled_mm mxfp4 8192x8192x8192, torch 2.9.0+cu128"], {}),
        (
            "gfx942:sramecc+:xnack-",
            [],
            {("matmul_fp4", 0): ("not_supported", "gfx942 has no FP4 matrix units (gfx950 has)")},
        ),
    ],
)
def test_fp4_on_rocm(
    torch: Callable[..., None], gcn: str, measured: list[str], why: dict[tuple[str, int], tuple[str, str]]
) -> None:
    torch(cuda=None, hip="7.0", gcn=gcn, buses=[0x1B, 0x43])
    outcome = measure(["matmul_fp4"], [Place(position=0, bus_id="00000000:1b:00.0")], 2.0)
    assert [one.kernel for one in outcome.measured] == measured
    assert why_not(outcome) == why


def test_fp4_is_not_measured_by_emulation_where_the_units_are_older(
    torch: Callable[..., None], places: tuple[Place, ...]
) -> None:
    torch()
    outcome = measure(["matmul_fp4"], places[:1], 0.4)
    assert why_not(outcome)["matmul_fp4", 0] == (
        "not_supported", "compute capability 9.0 has no FP4 matrix units (10.0 has)",
    )  # fmt: skip


def test_on_rocm_the_dialect_is_the_device_own_and_tf32_is_not_claimed(
    torch: Callable[..., None], tmp_path: Path
) -> None:
    torch(cuda=None, hip="6.4", gcn="gfx942:sramecc+:xnack-", buses=[0x1B, 0x43], log=str(tmp_path / "log"))
    place = Place(position=0, uuid="GPU-0123456789abcdef", bus_id="00000000:1b:00.0")
    outcome = measure(["matmul_tf32", "matmul_fp8", "dram_copy"], [place], 0.6)
    assert [one.name for one in outcome.measured] == ["matmul_fp8", "dram_copy"]
    assert "e4m3fnuz" in outcome.measured[0].kernel
    assert "fast False" in (tmp_path / "log").read_text()
    assert why_not(outcome)["matmul_tf32", 0][0] == "not_supported"


def test_torchs_own_word_for_missing_units_is_taken(torch: Callable[..., None]) -> None:
    torch(cuda=None, hip="6.4", gcn="gfx90a:sramecc+:xnack-", buses=[0x1B, 0x43], fail={"float8_e4m3fn": "units"})
    place = Place(position=0, bus_id="00000000:1b:00.0")
    outcome = measure(["matmul_fp8", "matmul_bf16"], [place], 0.4)
    assert [one.name for one in outcome.measured] == ["matmul_bf16"]
    assert why_not(outcome)["matmul_fp8", 0][0] == "not_supported"


def test_what_a_failed_measurement_held_is_free_for_the_next(
    torch: Callable[..., None], places: tuple[Place, ...], tmp_path: Path
) -> None:
    torch(fail={"sum": "error"}, log=str(tmp_path / "log"))
    outcome = measure(["dram_read", "dram_write"], places[:1], 0.4)
    assert [one.name for one in outcome.measured] == ["dram_write"]
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("free")]
    assert lines[0].split()[:2] == ["free", "0"]


def test_variables_that_wait_after_each_launch_are_not_passed_on(
    torch: Callable[..., None], places: tuple[Place, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    torch(log=str(tmp_path / "log"))
    measure(["launch_latency"], places[:1], 0.2)
    assert "blocking" not in (tmp_path / "log").read_text()
    assert os.environ["CUDA_LAUNCH_BLOCKING"] == "1"


def test_no_other_device_is_touched(torch: Callable[..., None], places: tuple[Place, ...], tmp_path: Path) -> None:
    torch(fail={"sum": "error"}, log=str(tmp_path / "log"))
    measure(["dram_copy", "dram_read", "matmul_bf16", "host_to_device", "launch_latency"], places[1:], 0.5)
    lines = (tmp_path / "log").read_text().splitlines()
    assert {line for line in lines if line.startswith("on ")} == {"on 1"}


def test_a_device_that_loses_every_process_does_not_cost_the_others_theirs(
    torch: Callable[..., None], places: tuple[Place, ...]
) -> None:
    torch(busy=[0])
    names = ["dram_copy", "dram_read", "dram_write", "matmul_bf16", "host_to_device", "launch_latency"]
    outcome = measure(names, places, 2.0, patience=QUICK)
    assert [(one.name, one.device) for one in outcome.measured] == [(name, 1) for name in names]
    assert [one.detail.startswith("left alone after 3 losses") for one in outcome.unmeasured] == [False] * 3 + [
        True
    ] * 3


@pytest.mark.parametrize(
    ("what", "why", "detail"),
    [
        ("oom", "failed", "out of memory: CUDA out of memory. Tried to allocate 1.00 GiB"),
        ("error", "failed", "RuntimeError: CUDA error: uncorrectable ECC error encountered"),
        ("crash", "failed", "the measuring process was killed by SIGSEGV"),
        ("hang", "timed_out", "the measuring process gave no answer within"),
    ],
)
def test_a_failure_costs_one_measurement(
    torch: Callable[..., None], places: tuple[Place, ...], what: str, why: str, detail: str
) -> None:
    torch(fail={"sum": what}, fatal=True)
    outcome = measure(["dram_copy", "dram_read", "dram_write"], places[:1], 5.0, patience=QUICK)
    assert [one.name for one in outcome.measured] == ["dram_copy", "dram_write"]
    assert why_not(outcome)["dram_read", 0][0] == why
    assert why_not(outcome)["dram_read", 0][1].startswith(detail)


def test_a_device_that_always_crashes_ends_it(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    torch(fail=dict.fromkeys(("neg", "sum", "fill", "add", "to_device", "to_host"), "crash"))
    names = ["dram_copy", "dram_read", "dram_write", "host_to_device", "device_to_host", "launch_latency"]
    outcome = measure(names, places[:1], 1.0, patience=QUICK)
    assert outcome.measured == []
    told = "left alone after 3 losses in a row, the last: the measuring process was killed by SIGSEGV"
    assert [one.detail for one in outcome.unmeasured[3:]] == [told] * 3


def test_a_timer_that_stands_still_measures_nothing(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    for elapsed in (0.0, -1.0, float("nan")):
        torch(elapsed=elapsed)
        outcome = measure(["dram_copy"], places[:1], 0.3)
        assert outcome.measured == []
        assert why_not(outcome)["dram_copy", 0][1].startswith("BadTimingError: the device's timer")


def test_the_budget_is_kept_and_shared(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    torch(sleep=0.0005, wobble=[0.0, 0.1, 0.3])
    started: list[float] = []
    measure(EVERYTHING[:4], places, 2.0, told=lambda *_: started.append(time.monotonic()))
    assert started[-1] - started[1] > 1.0  # the first includes the start of the process


class Clock:
    """Says how late it is, and plays a measuring process that takes the time it is given."""

    def __init__(self) -> None:
        self.now, self.shares = 100.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def hello(self, _: float) -> dict[str, Any]:
        return {
            "devices": [{"ordinal": 0, "uuid": "5a1d0000-0000-4000-8000-000000000000"}],
            "backend": "a clock",
            "reasons": [],
        }

    def request(self, request: dict[str, Any], _: float) -> dict[str, Any]:
        if request["op"] == "prepare":
            self.now += 0.25 * request["seconds"]
            return {"ok": True}
        self.now += request["seconds"]
        self.shares.append(request["seconds"])
        return {"ok": False, "why": "failed", "detail": "a clock measures nothing"}

    def close(self) -> None:
        self.now += 0.1


def test_no_more_than_the_budget_is_given_out_in_equal_shares(
    places: tuple[Place, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("parity.measure.run.time", clock)
    monkeypatch.setattr("parity.measure.run.Worker", lambda: clock)
    measure(EVERYTHING[:4], places[:1], 2.0)
    assert clock.shares == pytest.approx([2.0 / 4 * 0.75] * 4)
    assert clock.now == pytest.approx(100.0 + 2.0 + 0.1)


def test_a_budget_that_is_spent_leaves_the_rest_unmeasured(
    torch: Callable[..., None], places: tuple[Place, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch(fail={"neg": "hang"})
    monkeypatch.setattr("parity.measure.run.MAX_OVERRUN", 2.0)
    outcome = measure(["dram_copy", "dram_read"], places[:1], 0.4, patience=QUICK)
    assert outcome.measured == []
    assert why_not(outcome)["dram_read", 0] == ("not_asked", "the budget of 0.4 s was spent")


def test_progress_is_told(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    torch()
    told: list[tuple[int, int, str | None]] = []
    measure(["launch_latency"], places, 0.2, told=lambda done, count, job: told.append((done, count, job and job.name)))
    assert told == [(0, 2, "launch_latency"), (1, 2, "launch_latency"), (2, 2, None)]


def test_ctrl_c_keeps_what_was_measured_and_leaves_no_process(
    torch: Callable[..., None], places: tuple[Place, ...]
) -> None:
    torch(fail={"sum": "hang"})
    seen: list[int] = []

    def told(done: int, _: int, job: Job | None) -> None:
        if job is not None and job.name == "dram_read":
            seen.extend(int(pid) for pid in _children())
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

    outcome = measure(["dram_copy", "dram_read", "dram_write"], places[:1], 30.0, told=told)
    assert outcome.interrupted
    assert [one.name for one in outcome.measured] == ["dram_copy"]
    assert why_not(outcome)["dram_read", 0] == why_not(outcome)["dram_write", 0] == ("not_asked", "interrupted")
    assert seen
    assert not set(seen) & {int(pid) for pid in _children()}


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


class Counters:
    """Says of each measurement what a test wants to hear."""

    def __init__(self, state: State) -> None:
        self.state, self.heard = state, list[Any]()

    def begin(self, positions: Sequence[int]) -> None:
        self.heard.append(tuple(positions))

    def end(self, name: str) -> State:
        self.heard.append(name)
        return self.state


def test_the_counters_are_read_around_each_measurement(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    torch(fail={"sum": "oom"})
    counters = Counters("disturbed")
    outcome = measure(["dram_copy", "dram_read", "peer_to_peer"], places, 0.8, watcher=counters)
    assert {one.conditions for one in outcome.measured} == {"disturbed"}
    assert counters.heard == [
        (0,), "dram_copy", (1,), "dram_copy", (0, 1), "peer_to_peer", (1, 0), "peer_to_peer",
    ]  # fmt: skip


def test_a_watch_that_began_is_ended_when_the_process_dies(
    torch: Callable[..., None], places: tuple[Place, ...]
) -> None:
    torch(fail={"neg": "hang"})
    counters = Counters("clean")
    measure(["dram_copy"], places[:1], 0.3, watcher=counters, patience=QUICK)
    assert len(counters.heard) in (0, 2)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"cuda": None}, "torch 2.9.0+cu128 is built without GPU support"),
        ({"available": False}, "torch 2.9.0+cu128 sees no GPU"),
        ({"import": "error"}, "torch cannot be imported: OSError: libtorch_cuda.so: cannot open shared object file"),
    ],
)
def test_without_a_gpu_there_is_nothing_to_measure(
    torch: Callable[..., None], places: tuple[Place, ...], told: dict[str, Any], said: str
) -> None:
    torch(**told)
    outcome = measure(["dram_copy"], places, 1.0)
    assert outcome.measured == []
    (why, detail) = why_not(outcome)["dram_copy", 1]
    assert why == "library_missing"
    assert detail.startswith(f"nothing to measure: {said}; no NVIDIA driver library: ")


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        ({"capability": [10, 0], "archs": ["sm_80", "sm_90"]}, "compute capability 10.0"),
        ({"capability": [10, 0], "archs": ["sm_90a", "compute_120"]}, "compute capability 10.0"),
        ({"capability": [9, 1], "archs": ["sm_90a"]}, "compute capability 9.1"),
        ({"capability": [10, 0], "archs": ["sm_80", "compute_90"]}, ""),
        ({"capability": [8, 9], "archs": ["sm_80"]}, ""),
        ({"capability": [10, 3], "archs": ["sm_100f"]}, ""),
        ({"capability": [12, 1], "archs": ["sm_120"]}, ""),
        ({"capability": [9, 0], "archs": ["something"]}, ""),
        ({"cuda": None, "hip": "6.4", "gcn": "gfx90a:sramecc+", "archs": ["gfx942"]}, "gfx90a"),
        ({"cuda": None, "hip": "6.4", "gcn": "gfx90a:sramecc+", "archs": ["gfx90a", "gfx942"]}, ""),
    ],
)
def test_a_torch_without_kernels_for_the_device_is_not_used(
    torch: Callable[..., None], places: tuple[Place, ...], told: dict[str, Any], missing: str
) -> None:
    torch(devices=1, buses=[0x1B], **told)
    place = Place(position=0, uuid=places[0].uuid, bus_id="00000000:1b:00.0")
    outcome = measure(["dram_copy"], [place], 0.2)
    if missing:
        said = why_not(outcome)["dram_copy", 0][1]
        assert said.startswith(f"nothing to measure: torch 2.9.0+cu128 has no kernels for {missing}; no NVIDIA driver")
    else:
        assert [one.name for one in outcome.measured] == ["dram_copy"]


def test_a_torch_that_dies_on_import_is_told(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    torch(**{"import": "crash"})
    outcome = measure(["dram_copy"], places[:1], 1.0)
    assert why_not(outcome)["dram_copy", 0] == ("failed", "the measuring process was killed by SIGSEGV")


def test_a_device_that_torch_does_not_show_is_never_taken_for_another(torch: Callable[..., None]) -> None:
    torch(devices=1)
    lost = Place(position=4, uuid="GPU-99990000-0000-4000-8000-000000000000")
    outcome = measure(["dram_copy"], [lost], 0.3)
    assert outcome.measured == []
    assert why_not(outcome)["dram_copy", 4] == ("failed", "the measuring process does not see this device")


def test_peers_without_access_are_not_measured(torch: Callable[..., None], places: tuple[Place, ...]) -> None:
    torch(peers=False)
    outcome = measure(["peer_to_peer"], places, 0.3)
    assert outcome.measured == []
    assert why_not(outcome)["peer_to_peer", 0][0] == "not_supported"


def test_without_devices_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity.measure.run.Worker", None)
    assert measure(EVERYTHING, [], 1.0) == Outcome()
