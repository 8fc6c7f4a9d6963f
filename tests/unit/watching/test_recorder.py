"""The stream becomes timelines: counters as shares of time, causes by name, nonsense as a problem and never a crash."""

from __future__ import annotations

from typing import Any

import pytest

from parity.watching.recorder import Recorder, is_busy, throttling


def checkpoint(**series: list[float]) -> dict[str, Any]:
    devices = [{"id": "nvml:0", "series": series}]
    return {"stream": "checkpoint", "test": {"cpu_s": 0.5, "devices": devices}}


def sample(at: float, **values: float) -> dict[str, Any]:
    return {"stream": "sample", "at": at, "cpu_s": 0.5 + at / 100, "devices": {"nvml:0": values}}


def test_counters_of_throttling_become_shares_from_the_first_sample_on() -> None:
    recorder = Recorder()
    recorder.take(checkpoint(**{"limited_ns.hw-thermal": [7e9, 7e9, 0, 0, 0, 1]}))
    recorder.take(sample(0.5, **{"limited_ns.hw-thermal": 7.25e9, "clock_sm_mhz": 345}))
    recorder.take(sample(1.0, **{"limited_ns.hw-thermal": 7.25e9, "clock_sm_mhz": 1980}))
    lines = recorder.strips["nvml:0"].timeline().lines
    assert lines["throttled.hw-thermal"].mean == (0.5, 0.0)
    assert set(lines) == {"throttled.hw-thermal", "clock_sm_mhz"}
    assert (recorder.until, recorder.cpu_first, recorder.cpu_last) == (1.0, 0.5, pytest.approx(0.51))


def test_causes_without_a_counter_are_there_or_not() -> None:
    told = throttling({"limited_ns.hw-thermal": 0}, {"limited_ns.hw-thermal": 0, "event_bits": 0x48}, 1.0, "nvidia")
    assert told == {"throttled.hw-thermal": 0.0, "throttled.hw-slowdown": 1.0}


def test_amd_residencies_are_shares_of_their_own_ticks() -> None:
    before, now = (
        {"limited_ticks": 100.0, "limited_ticks.ppt": 10.0},
        {"limited_ticks": 300.0, "limited_ticks.ppt": 60.0},
    )
    assert throttling(before, now, 9.0, "amd") == {"throttled.ppt": 0.25}
    assert throttling(before, before, 9.0, "amd") == {}


@pytest.mark.parametrize("moved", [-5.0, 0.0, 1e30])
def test_a_share_is_never_outside_of_0_to_1(moved: float) -> None:
    told = throttling({"limited_ns.x": 10.0}, {"limited_ns.x": 10.0 + moved}, 1.0, "nvidia")
    assert all(0 <= value <= 1 for value in told.values())


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"stream": "sample"},
        {"stream": "checkpoint", "test": None},
        {"stream": "sample", "at": "soon", "cpu_s": 1, "devices": {}},
        {"stream": "sample", "at": float("nan"), "cpu_s": 1, "devices": {}},
        {"stream": "sample", "at": 1.0, "cpu_s": 1, "devices": {"nvml:0": {"clock_sm_mhz": "fast"}}},
        {"stream": "sample", "at": -1.0, "cpu_s": 1, "devices": {}},
    ],
)
def test_a_line_that_is_not_understood_is_a_problem_to_tell(record: dict[str, Any]) -> None:
    recorder = Recorder()
    recorder.take(record)
    assert "not understood" in recorder.problem


def test_what_shows_work() -> None:
    assert is_busy({"graphics_active": 0.5}) is True
    assert is_busy({"sm_activity": 0.01, "utilization_percent": 100}) is False
    assert is_busy({"utilization_percent": 100}) is True
    assert is_busy({"clock_sm_mhz": 1980}) is None


@pytest.mark.parametrize(("percent", "is_work"), [(5, False), (6, True)])
def test_a_twentieth_of_the_time_is_no_work_yet(percent: float, is_work: bool) -> None:
    assert is_busy({"utilization_percent": percent}) is is_work
    assert is_busy({"sm_activity": percent / 100}) is is_work


def test_idling_holds_no_clock_down() -> None:
    assert throttling({}, {"event_bits": 0x1}, 1.0, "nvidia") == {}
    assert throttling({}, {"event_bits": 0x9}, 1.0, "nvidia") == {"throttled.hw-slowdown": 1.0}
