"""Counters of throttling as shares of the time: by the clock, or by their own ticks; never outside of 0 to 1."""

from __future__ import annotations

import pytest

from parity.probes.watch_series import MOVED, cause_of, is_counter, is_of_throttling, share_of


@pytest.mark.parametrize(
    ("name", "moved", "seconds", "ticks", "share"),
    [
        ("limited_ns.hw-thermal", 0.0, 2.0, None, 0.0),
        ("limited_ns.hw-thermal", 5e8, 2.0, None, 0.25),
        ("limited_ns.hw-thermal", 9e9, 2.0, 100.0, 1.0),
        ("limited_ns.hw-thermal", 5e8, 0.0, 100.0, None),
        ("limited_ticks.ppt", 50.0, 2.0, 200.0, 0.25),
        ("limited_ticks.ppt", 300.0, 0.0, 200.0, 1.0),
        ("limited_ticks.ppt", 50.0, 2.0, None, None),
        ("limited_ticks.ppt", 50.0, 2.0, 0.0, None),
        ("limited_ticks.ppt", 50.0, 2.0, -1.0, None),
        ("limited_ticks", 50.0, 2.0, 200.0, None),
        ("energy_mj", 50.0, 2.0, 200.0, None),
    ],
)
def test_a_counter_is_a_share_of_its_own_time_base(
    name: str, moved: float, seconds: float, ticks: float | None, share: float | None
) -> None:
    assert share_of(name, moved, seconds=seconds, ticks=ticks) == share


def test_what_counts_and_what_it_counts() -> None:
    counters = {*MOVED, "limited_ticks", "limited_ticks.ppt", "limited_ns.hw-thermal"}
    assert all(map(is_counter, counters))
    assert not any(map(is_counter, ("clock_sm_mhz", "power_draw_w", "event_bits", "limited")))
    assert {cause_of(name) for name in counters if is_of_throttling(name)} == {"ppt", "hw-thermal"}
