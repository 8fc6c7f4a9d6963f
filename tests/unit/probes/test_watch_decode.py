"""Raw numbers of the watcher's child become watched devices."""

from __future__ import annotations

from typing import Any

import pytest

from parity.model.interval import Gap, Throttle, WatchedDevice
from parity.probes.watch_decode import on_buses, watched_devices


def track(begin: float, end: float, count: int = 4) -> list[float]:
    return [begin, end, min(begin, end), max(begin, end), (begin + end) / 2 * count, count]


def decoded(
    series: dict[str, list[float]] | None = None, *, vendor: str = "nvidia", seconds: float = 2.0, **changes: Any
) -> WatchedDevice:
    raw = {
        "id": "x", "series": series or {}, "reasons": {}, "events": {}, "processes": [], "listed": None,
        "listed_bytes": None, **{name: value for name, value in changes.items() if name != "missing"},
    }  # fmt: skip
    facts = {"vendor": vendor, "index": 3, "name": "A GPU", "uuid": "", "bus": ""}
    unit = {"facts": facts, "fixed": {"power_default_w": 700.0}, "missing": changes.get("missing", {})}
    answer = {"seconds": seconds, "ids_are_ours": True, "holders": None, "units": {"x": unit}, "devices": [raw]}
    [device] = watched_devices(answer)
    return device


def test_a_series_has_its_mean_over_all_readings() -> None:
    series = decoded({"power_draw_w": [100.0, 300.0, 90.0, 400.0, 1000.0, 4]}).series["power_draw_w"]
    assert (series.begin, series.end, series.min, series.max, series.mean, series.samples) == (
        100,
        300,
        90,
        400,
        250,
        4,
    )


def test_counters_are_differences_and_no_series() -> None:
    here = decoded({"energy_mj": track(5_000, 905_000), "ecc_corrected": track(7, 9), "pcie_replays": track(1, 1)})
    assert (here.energy_j, here.ecc_corrected, here.pcie_replays, here.ecc_uncorrected) == (900.0, 2, 0, None)
    assert here.series == {}


def test_a_counter_read_once_says_nothing() -> None:
    here = decoded({"energy_mj": track(5, 5, count=1), "limited_ns.hw-thermal": track(5, 5, count=1)})
    assert here.energy_j is None
    assert here.throttled == ()
    assert here.throttle_known is False
    told = ("not_asked", "read at one end of the test only: it was too short")
    assert [(gap.why, gap.detail) for gap in here.unknowns] == [told] * 2


def test_what_was_active_at_one_moment_does_not_stand_for_a_counter_that_was_not_read_twice() -> None:
    assert decoded({"limited_ns.hw-thermal": track(5, 5, count=1)}, events={"0": 1}).throttle_known is False
    assert decoded({"limited_ns.hw-thermal": track(5, 5, count=2)}, events={"0": 1}).throttle_known is True
    assert decoded({}, events={"0": 1}).throttle_known is True, "a device without such a counter"


def test_a_counter_that_goes_backwards_is_a_gap() -> None:
    here = decoded({"ecc_corrected": track(9, 2), "limited_ns.hw-thermal": track(9, 2)})
    assert here.ecc_corrected is None
    assert here.throttle_known is False
    assert [gap.detail for gap in here.unknowns] == ["the counter went backwards"] * 2


def causes(here: WatchedDevice) -> dict[str, tuple[float | None, float | None, int]]:
    return {throttle.cause: (throttle.seconds, throttle.share, throttle.seen) for throttle in here.throttled}


def test_nanoseconds_become_seconds_and_a_share() -> None:
    here = decoded({"limited_ns.hw-thermal": track(0, 500_000_000), "limited_ns.sw-thermal": track(9, 9)})
    assert causes(here) == {"hw-thermal": (0.5, 0.25, 0), "sw-thermal": (0.0, 0.0, 0)}


def test_more_time_than_the_test_took_is_all_of_it() -> None:
    assert causes(decoded({"limited_ns.hw-thermal": track(0, 9e9)})) == {"hw-thermal": (9.0, 1.0, 0)}


def test_ticks_are_a_share_of_their_own_clock() -> None:
    ticks = {"limited_ticks": track(1000, 3000), "limited_ticks.ppt": track(5, 505)}
    assert causes(decoded(ticks, vendor="amd")) == {"ppt": (0.5, 0.25, 0)}
    assert causes(decoded({**ticks, "limited_ticks": track(9, 9)}, vendor="amd")) == {}
    assert causes(decoded({"limited_ticks.ppt": track(5, 505)}, vendor="amd")) == {}


@pytest.mark.parametrize(
    ("vendor", "mask", "found"),
    [
        ("nvidia", 0x0, set()),
        ("nvidia", 0x1, set()),
        ("nvidia", 0x48, {"hw-slowdown", "hw-thermal"}),
        ("nvidia", 0x4000, {"bit-0x4000"}),
        ("amd", 0x1, {"ppt"}),
        ("amd", 1 << 16, {"current"}),
        ("amd", 1 << 36 | 1 << 47, {"thermal", "prochot"}),
        ("amd", 1 << 60, {"bit-60"}),
    ],
)
def test_active_causes_are_counted_by_name(vendor: str, mask: int, found: set[str]) -> None:
    here = decoded(vendor=vendor, events={str(mask): 2, "0": 3})
    assert {throttle.cause for throttle in here.throttled} == found
    assert all((throttle.seen, throttle.readings) == (2, 5) for throttle in here.throttled)
    assert here.throttle_known


def test_one_counter_for_two_causes_gives_way_to_both() -> None:
    both = {"limited_ns.thermal": track(0, 1e9), "limited_ns.sw-thermal": track(0, 1e9)}
    assert set(causes(decoded(both))) == {"thermal", "sw-thermal"}
    assert set(causes(decoded({**both, "limited_ns.hw-thermal": track(0, 0)}))) == {"sw-thermal", "hw-thermal"}


def test_what_is_missing_is_listed_once_with_its_reason() -> None:
    here = decoded(
        {"power_draw_w": track(1, 2)},
        missing={"limited_ns.hw-thermal": ["not_supported", "NVML error 3"]},
        reasons={"power_draw_w": ["failed", "once"], "temperature_c": ["no_permission", "NVML error 4"]},
    )
    assert here.unknowns == (
        Gap(what="limited_ns.hw-thermal", why="not_supported", detail="NVML error 3"),
        Gap(what="temperature_c", why="no_permission", detail="NVML error 4"),
    )
    assert here.lost == ""


def test_a_lost_device_is_told_also_when_it_answered_before() -> None:
    here = decoded({"clock_sm_mhz": track(1, 2)}, reasons={"clock_sm_mhz": ["lost", "NVML error 15"]})
    assert here.lost == "clock_sm_mhz: NVML error 15"


def test_memory_nobody_listed_holds_is_a_residue() -> None:
    used = {"memory_used_bytes": track(1000, 5000), "utilization_percent": track(40, 0)}
    tenancy = decoded(used, listed=2, listed_bytes=400).tenancy
    assert (tenancy.residue_bytes, tenancy.listed, tenancy.utilization_percent) == (600, 2, 40)
    assert decoded(used, listed=2, listed_bytes=None).tenancy.residue_bytes is None
    assert decoded(used, listed=2, listed_bytes=2000).tenancy.residue_bytes == 0


def test_a_zero_length_test_has_no_shares() -> None:
    assert decoded({"limited_ns.hw-thermal": track(0, 5)}, seconds=0.0).throttled == ()
    assert Throttle(cause="x").share is None


def test_a_measurement_is_judged_by_its_own_device_alone() -> None:
    units = {name: {"facts": {"bus": bus}} for name, bus in (("a", "0000:1B:00.0"), ("b", "00000000:43:00.0"))}
    answer = {"seconds": 1.0, "units": units, "devices": [{"id": "a"}, {"id": "b"}]}
    assert on_buses(answer, {"00000000:1b:00.0"})["devices"] == [{"id": "a"}]
    assert on_buses(answer, {"00000000:43:00.0", "00000000:ff:00.0"})["devices"] == [{"id": "b"}]
    assert on_buses(answer, ()) == on_buses(answer, {"00000000:ff:00.0"}) == answer  # nothing is lost for a name
    assert on_buses({"devices": [{}]}, {"x"}) == {"devices": [{}]}
