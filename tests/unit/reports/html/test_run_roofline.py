"""The roofline of a run: dots where the measures put them, the table with all of them, unknown peaks as unknown."""

from __future__ import annotations

import re
from typing import Any

import pytest
import runs
from html_page import HOSTILE, Page, checked

from parity.reports.html.roofline import Dot, Roof, scale_of
from parity.reports.html.run import render
from parity.reports.html.run_roofline import MOST_DOTS, MOST_PICTURES

CAPTION = "What the tests reached, BF16"


def page(*measures: dict[str, Any], **changes: Any) -> Page:
    return checked(render(runs.run(runs.perf_test("test_it", rooflines=list(measures), **changes))))


def dots(shown: Page) -> list[tuple[float, float]]:
    """Return where the dots are: a share of the width, pixels from the top."""
    return [(float((one["cx"] or "").rstrip("%")) / 100, float(one["cy"] or "")) for one in shown.all("circle")]


def test_a_run_without_measures_has_no_roofline() -> None:
    assert "Roofline" not in page().texts["h2"]


def test_a_dot_stands_at_its_intensity_and_rate() -> None:
    shown = page(runs.measure(seconds=1e-3, bytes=6e8, flops=1.2e11))
    roofs = [Roof("h", "target", 989.4, 3352.0), Roof("r", "here", 165.2, 1008.1)]
    scale = scale_of(roofs, [], [Dot("1", "", 200.0, 120.0)])
    assert dots(shown) == [(pytest.approx(scale.x(200.0), abs=1e-4), pytest.approx(scale.y(120.0), abs=0.1))]
    assert len(re.findall('class="roof s-', shown.source)) == 4
    assert "1 dot, each in the table" in shown.source


def test_the_table_has_what_was_reached_and_what_of_the_peaks_that_is() -> None:
    shown = page(
        runs.measure(seconds=1e-3, bytes=6e8, flops=1.2e11),
        runs.measure(seconds=1e-3, bytes=2.2e9, flops=1.3e9),
        runs.measure(seconds=1e-3, bytes=0.95e9, flops=0.0),
        runs.measure(seconds=1e-3, bytes=0.0, flops=1.2e11),
    )
    head, *rows = shown.tables[CAPTION]
    assert head == [
        "dot", "perf test", "time", "FLOP/B", "TFLOPS", "GB/s", "of the peak here", "of the target's",
        "bound here, on the target",
    ]  # fmt: skip
    assert [row[2:] for row in rows] == [
        ["1 ms", "200", "120", "600", "0.73x", "0.18x", "compute, memory: flips"],
        ["1 ms", "0.59", "1.3", "2200", "2.18x, above the roof", "0.66x", "memory"],
        ["1 ms", "0", "-", "950", "0.94x", "0.28x", "memory"],
        ["1 ms", "-", "120", "-", "0.73x", "0.12x", "compute"],
    ]
    assert len(dots(shown)) == 2
    assert "2 measures only in the table: a dot needs bytes and operations" in shown.text


def test_a_peak_that_is_not_known_is_no_share() -> None:
    shown = page(runs.measure(here={"name": "rtx-4090", "bandwidth_gbps": 1008.1}))
    assert shown.tables[CAPTION][1][6:] == ["unknown", "0.18x", "unknown, memory"]
    assert "no roof of rtx-4090: its peaks are not known" in shown.text
    nothing = page(runs.measure(here={"name": "here"}, target={"name": "the target"}))
    assert nothing.tables[CAPTION][1][6:] == ["unknown", "unknown", "unknown"]
    assert "no picture: neither device's peaks are known" in nothing.text


def test_on_the_target_there_is_one_roof() -> None:
    shown = page(runs.measure(here=runs.H100_PEAKS))
    assert len(re.findall('class="roof s-target', shown.source)) == 2
    assert "s-here dash" not in shown.source
    assert "no roof of" not in shown.text


def test_int8_has_operations_not_flops() -> None:
    shown = page(runs.measure(dtype="int8"))
    assert "Attainable dense INT8 TOPS" in shown.text
    assert shown.tables["What the tests reached, INT8"][0][4] == "TOPS"
    assert "TFLOPS" not in shown.text


def test_each_data_type_has_its_picture_and_dots_are_numbered_through() -> None:
    shown = page(runs.measure(), runs.measure(dtype="fp8"), runs.measure())
    assert [row[0] for row in shown.tables[CAPTION][1:]] == ["1", "3"]
    assert [row[0] for row in shown.tables["What the tests reached, FP8"][1:]] == ["2"]


def test_what_is_left_out_is_counted() -> None:
    shown = page(*(runs.measure(here={"name": f"gpu{n}"}) for n in range(MOST_PICTURES + 2)), more_rooflines=3)
    assert "5 measures more; `--parity-report=run.json` has all that were kept" in shown.text
    many = page(*(runs.measure() for _ in range(MOST_DOTS + 5)))
    assert len(dots(many)) == MOST_DOTS
    assert len(many.tables[CAPTION]) == MOST_DOTS + 6


@pytest.mark.parametrize(
    "numbers",
    [
        {"seconds": 0.0},
        {"seconds": 5e-324, "flops": 1e300, "bytes": 1e300},
        {"seconds": 1e300, "flops": 1e-300, "bytes": 1e300},
        {"seconds": 1e-3, "flops": 0.0, "bytes": 0.0},
        {"here": {"name": "x", "bandwidth_gbps": 0.0, "dense_rate": -1.0}},
        {"here": {"name": "x", "bandwidth_gbps": 5e-324, "dense_rate": 1e300}},
    ],
)
def test_absurd_numbers_are_no_crash(numbers: dict[str, Any]) -> None:
    assert CAPTION in page(runs.measure(**numbers)).tables


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_shown_as_text(text: str) -> None:
    made, plain = (page(runs.measure(dtype=one, here={"name": one}, target={**runs.H100_PEAKS, "name": one}), nodeid=one) for one in (text, "plain"))  # fmt: skip
    assert made.tags == plain.tags
