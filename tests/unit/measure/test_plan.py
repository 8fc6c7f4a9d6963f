"""Names, budgets, shares, sizes, devices: the arithmetic of measuring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.errors import UsageError
from parity.measure.match import ordinals
from parity.measure.plan import EVERYTHING, Place, budget_s, jobs_of, names_of, share_s
from parity.measure.sizes import free_for, memory_buffer_bytes
from parity.measure.timing import MAX_INNER, settle, summary, timings
from parity.measure.work import NotMeasured
from parity.measure.worker import passed_on

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30


def test_only_names_groups_and_measurements_in_a_fixed_order() -> None:
    assert names_of(None) == EVERYTHING
    assert names_of("matmul_bf16, dram") == ("dram_copy", "dram_read", "dram_write", "matmul_bf16")


def test_an_unknown_name_offers_near_ones() -> None:
    with pytest.raises(UsageError) as caught:
        names_of("dram,matmull")
    assert str(caught.value).startswith("--only: nothing is measured that is called 'matmull'\n  close: matmul")


@pytest.mark.parametrize("text", ["", "0s", "-3s", "ten", "2h", "1e3", "3601s", "nan"])
def test_a_budget_must_be_a_time(text: str) -> None:
    with pytest.raises(UsageError, match="is no time between nothing and an hour"):
        budget_s(text)


def test_pairs_go_both_ways_and_each_device_comes_first_once() -> None:
    jobs = jobs_of(["dram_copy", "dram_read", "peer_to_peer"], [Place(position=0), Place(position=3)])
    assert [(job.name, job.device, job.peer) for job in jobs] == [
        ("dram_copy", 0, None), ("dram_copy", 3, None), ("dram_read", 0, None), ("dram_read", 3, None),
        ("peer_to_peer", 0, 3), ("peer_to_peer", 3, 0),
    ]  # fmt: skip


def test_unused_time_is_shared_by_the_rest() -> None:
    assert share_s(10, 1, 9) == 1
    assert share_s(10, 12, 3) == 0.05


@pytest.mark.parametrize(
    ("cache", "free", "buffers", "size"),
    [(50 << 20, 80 * GIB, 2, GIB), (126 << 20, 180 * GIB, 2, GIB), (288 << 20, 190 * GIB, 1, GIB + GIB // 4),
     (50 << 20, 3 * GIB, 2, GIB * 3 // 4), (288 << 20, 4800 << 20, 2, 1152 << 20), (0, 300 << 20, 2, 64 << 20)],
)  # fmt: skip
def test_buffers_outgrow_caches_and_leave_half_the_memory(cache: int, free: int, buffers: int, size: int) -> None:
    assert memory_buffer_bytes(cache_bytes=cache, free_bytes=free, buffers=buffers) == size


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(NotMeasured, match="outgrows the caches"):
        memory_buffer_bytes(cache_bytes=96 << 20, free_bytes=GIB, buffers=2)


def test_devices_match_by_uuid_then_by_bus_id_and_never_by_order() -> None:
    seen = [{"ordinal": 0, "uuid": "b", "bus_id": "x"}, {"ordinal": 1, "uuid": "a", "bus_id": "y"}]
    found, missing = ordinals(
        [Place(position=0, uuid="GPU-a"), Place(position=1, bus_id="x"), Place(position=2, uuid="GPU-c", bus_id="")],
        seen,
    )
    assert found == {0: 1, 1: 0}
    assert missing == {2: "the measuring process does not see this device"}


def test_a_slice_is_never_taken_for_its_sibling_on_the_same_bus() -> None:
    found, missing = ordinals(
        [Place(position=0, uuid="MIG-q", bus_id="x", is_slice=True)], [{"ordinal": 0, "uuid": "r", "bus_id": "x"}]
    )
    assert found == {}
    assert 0 in missing


def test_two_devices_with_one_id_are_none() -> None:
    found, missing = ordinals([Place(position=0, bus_id="x")], [{"ordinal": n, "bus_id": "x"} for n in (0, 1)])
    assert found == {}
    assert missing == {0: "the measuring process sees several devices with this id"}


def test_quartiles_are_those_of_the_sorted_timings() -> None:
    assert summary([4.0, 1.0, 2.0, 3.0, 5.0]) == (3.0, pytest.approx(2 / 3))
    assert summary([1.0] * 5) == (1.0, 0.0)


def test_a_timing_is_long_enough_for_the_timer() -> None:
    asked: list[int] = []

    def sample(inner: int) -> float:
        asked.append(inner)
        return 1e-4

    assert settle(sample, 0.0) == 40
    assert settle(sample, 0.01) == 40


class Clock:
    """A clock that goes on by a millisecond for each operation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.calls = 100.0, 0
        monkeypatch.setattr("parity.measure.timing.time.monotonic", lambda: self.now)

    def operation(self, took: float) -> float:
        self.calls += 1
        self.now += 0.001
        return took


@pytest.mark.parametrize(("took", "inner"), [(3e-6, 1334), (1e-9, MAX_INNER), (1.0, 1)])
@pytest.mark.parametrize(("seconds", "least"), [(0.0, 0.02), (0.02, 0.02), (0.05, 0.05)])
def test_a_warm_up_without_time_still_finds_out_how_long_a_timing_is(
    took: float, inner: int, seconds: float, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    assert settle(lambda _: clock.operation(took), seconds) == inner
    assert clock.now - 100.0 == pytest.approx(least, abs=0.0011), "the clocks of an idle device have risen"


def test_slices_that_share_a_bus_are_said_to() -> None:
    place = Place(position=0, uuid="MIG-5a1d0000-0000-4000-8000-000000000001", bus_id="x", is_slice=True)
    assert ordinals([place], [{"ordinal": 0, "uuid": "GPU-other", "bus_id": "x"}]) == (
        {},
        {0: "slices of one GPU share its bus id, and nothing else tells this one from the others"},
    )


def test_on_a_device_with_the_hosts_memory_the_kernel_says_what_can_be_had(tmp_path: Path) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemTotal: 131072000 kB\nMemFree: 41943040 kB\nMemAvailable: 104857600 kB\n")
    assert free_for(40 << 30, is_integrated=True, meminfo=str(table)) == 100 << 30
    assert free_for(40 << 30, is_integrated=False, meminfo=str(table)) == 40 << 30
    for text in ("", "MemAvailable:\n", "MemAvailable: lots\n"):
        table.write_text(text)
        assert free_for(40 << 30, is_integrated=True, meminfo=str(table)) == 40 << 30
    assert free_for(40 << 30, is_integrated=True, meminfo=str(tmp_path / "none")) == 40 << 30


def test_what_slows_emulates_or_tunes_is_not_passed_on() -> None:
    kept = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "50", "NVIDIA_TF32_OVERRIDE": "1"}
    left = dict.fromkeys(
        (
            "PYTORCH_TUNABLEOP_ENABLED", "PYTORCH_TUNABLEOP_TUNING", "CUBLAS_EMULATE_SINGLE_PRECISION",
            "CUBLAS_EMULATION_STRATEGY", "CUDA_LAUNCH_BLOCKING", "CUBLASLT_LOG_LEVEL", "HSA_TOOLS_LIB", "AMD_LOG_LEVEL",
        ),
        "1",
    )  # fmt: skip
    assert passed_on({**kept, **left}) == kept


def test_timings_end_when_they_agree_or_the_time_is_up() -> None:
    assert len(timings(lambda _: 1.0, 1, 60.0)) == 25
    assert len(timings(lambda _: 1.0, 1, 0.0)) == 5
