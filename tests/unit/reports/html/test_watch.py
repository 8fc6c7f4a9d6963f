"""The page of `parity watch`: units, roofs and timelines with their numbers; hostile names as text; any length."""

from __future__ import annotations

import msgspec
import pytest
from html_page import HOSTILE, checked
from pages import watch_report

from parity.model.watch import Line
from parity.reports.html.strips import MOST_STEPS, Strip, steps, strip
from parity.reports.html.watch import render

LABEL = "GPU 0 (NVIDIA H100 80GB HBM3)"


def test_units_roofs_and_timelines_stand_with_their_numbers() -> None:
    page = checked(render(watch_report()))
    units = page.tables[f"{LABEL}: busy 67 % of the time"]
    assert ["SMs with work", "60 %", "90 %", "90 %"] in units
    assert ["PCIe out", "0.84 GB/s", "1.26 GB/s", "1.26 GB/s"] in units
    values = page.tables[f"{LABEL}: each value by its own name, in the unit of it"]
    assert ["dram_active", "0.53", "0.8"] in values
    assert page.texts["h1"] == ["disturbed python train.py: status 0"]
    assert "throttled by sw-thermal: 0 to 40 %" in page.text
    assert "core clock: 345 to 1784 MHz; limit 1980 MHz" in page.text
    assert "FP64: 0" not in page.text  # what stayed at nothing is not drawn


def test_the_page_does_not_grow_with_the_run() -> None:
    short, long = (len(render(watch_report(samples=number))) for number in (2_000, 40_000))
    assert long < 1.2 * short


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_commands_and_reasons_are_text(text: str) -> None:
    hostile = msgspec.structs.replace(watch_report(samples=5), command=(text, text), lost=text, target=text)
    checked(render(hostile))


def test_a_recording_of_nothing_is_a_page_too() -> None:
    report = watch_report(samples=5)
    empty = msgspec.structs.replace(report.interval, devices=(), findings=(), state="unknown")
    page = checked(render(msgspec.structs.replace(report, devices=(), interval=empty, lost="no GPU to watch")))
    assert "The watch was lost: no GPU to watch" in page.text


def test_a_line_of_many_points_has_at_most_so_many_steps_and_keeps_its_spike() -> None:
    at = tuple(0.1 * (one + 1) for one in range(4096))
    values = tuple(99.0 if one == 1234 else 1.0 for one in range(4096))
    made = steps(at, Line(mean=values))
    assert len(made) <= MOST_STEPS
    assert max(one[4] for one in made) == 99
    assert (made[0][0], made[-1][1]) == (0, 1)


def test_what_was_not_read_leaves_a_gap() -> None:
    line = Line(mean=(1.0, None, 3.0))
    assert [one[:2] for one in steps((1.0, 2.0, 4.0), line)] == [(0.0, 0.25), (0.5, 1.0)]
    assert strip(Strip("a", "W"), (1.0, 2.0, 4.0), line).count("<polygon") == 4
