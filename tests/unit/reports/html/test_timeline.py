"""The conditions over a run: a column per test, its table, and what another version wrote left out."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import runs
from html_page import Page

from parity.model.interval import Interval, Series, Tenancy, Throttle, WatchedDevice
from parity.reports.html.markup import el
from parity.reports.html.timeline import MOST_COLUMNS, MOST_DEVICES, timeline


def conditions(state: str, *clocks: float, gpus: int = 1, seconds: float = 1.2) -> dict[str, Any]:
    """Return what was seen around a test in which the clock had these readings."""

    def series(*values: float) -> Series:
        mean = sum(values) / len(values)
        return Series(begin=values[0], end=values[-1], min=min(values), max=max(values), mean=mean, samples=len(values))

    devices = tuple(
        WatchedDevice(
            label=f"GPU {index}",
            index=index,
            vendor="nvidia",
            series={
                "clock_sm_mhz": series(*clocks),
                "power_limit_w": series(700.0),
                "power_draw_w": series(300.0, 650.0),
            }
            if clocks
            else {},
            settings={"clock_max_mhz": 1980.0},
            throttled=(Throttle(cause="hw-thermal", seconds=0.3, share=0.26), Throttle(cause="ppt", share=0.0)),
            throttle_known=True,
            tenancy=Tenancy(ids_known=True),
        )
        for index in range(gpus)
    )
    made = Interval(test="t", state="clean", seconds=seconds, devices=devices)
    return {**json.loads(msgspec.json.encode(made)), "state": state}


def shown(*tests: dict[str, Any]) -> Page:
    return Page(el("div", *timeline(runs.run(*tests).tests)))


def test_the_table_has_a_row_for_each_column_in_the_order_of_the_run() -> None:
    page = shown(
        runs.perf_test("test_b", conditions=conditions("clean", 1900, 1980)),
        runs.perf_test("test_a", conditions=conditions("disturbed", 1200, 1300, 1400)),
        runs.perf_test("test_unwatched"),
    )
    assert page.tables["GPU 0: least, mean and most of each value"] == [
        ["test", "state", "throttled by", "core clock, MHz", "power draw, W"],
        ["tests/perf/test_gemm.py::test_b", "clean", "hw-thermal", "1900 / 1940 / 1980", "300 / 475 / 650"],
        ["tests/perf/test_gemm.py::test_a", "disturbed", "hw-thermal", "1200 / 1300 / 1400", "300 / 475 / 650"],
    ]
    labels = [one["aria-label"] for one in page.all("svg") if one.get("role") == "img"]
    assert labels == [
        "GPU 0: 1 disturbed, 1 clean",
        "core clock: 1200 to 1980 MHz; maximum clock 1980 MHz",
        "power draw: 300 to 650 W; power limit 700 W",
    ]


def test_the_states_stand_in_the_order_of_the_run() -> None:
    states = ("clean", "disturbed", "unknown", "clean")
    page = shown(*(runs.perf_test(f"t{n}", conditions=conditions(state)) for n, state in enumerate(states)))
    drawn = [one for one in page.all("rect") if one.get("height") == "16"]
    assert [one["class"] for one in drawn] == ["f-good", "f-bad", "f-doubt", "f-good"]
    starts = [float((one["x"] or "").rstrip("%")) for one in drawn]
    assert starts == sorted(starts)


def test_neighbours_share_a_column_and_keep_their_extremes() -> None:
    tests = [
        runs.perf_test(f"t{n}", conditions=conditions("disturbed" if n == 5 else "clean", 1200.0 if n == 4 else 1900.0))
        for n in range(MOST_COLUMNS * 3)
    ]
    table = shown(*tests).tables["GPU 0: least, mean and most of each value"]
    assert len(table) == MOST_COLUMNS + 1
    assert table[2][:2] == ["tests/perf/test_gemm.py::t3 and 2 more", "disturbed"]
    assert table[2][3].startswith("1200 / ")
    assert table[3][1] == "clean"


def test_each_device_has_its_picture_up_to_a_bound() -> None:
    page = shown(runs.perf_test("t", conditions=conditions("clean", 1900, gpus=MOST_DEVICES + 2)))
    assert len(page.tables) == MOST_DEVICES
    assert "and 2 more devices" in page.text


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {},
        {"state": "clean"},
        {"schema": "parity.conditions/9", "test": "t", "state": "clean", "devices": [{}]},
        {"schema": "parity.conditions/1", "test": 3, "state": "clean"},
        runs.conditions("clean"),
    ],
)
def test_what_cannot_be_read_is_left_out(odd: Any) -> None:
    assert timeline(runs.run(runs.perf_test("t", conditions=odd)).tests) == []


@pytest.mark.parametrize("value", [0.0, -5.0, 1e300])
def test_odd_readings_are_drawn(value: float) -> None:
    page = shown(runs.perf_test("t", conditions=conditions("clean", value)))
    assert "nan" not in page.source
    assert len(page.tables) == 1
