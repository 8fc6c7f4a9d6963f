"""The roofline: lines where the numbers put them, and the same numbers in the table beside it."""

from __future__ import annotations

import math
import re

import pytest
from html_page import Page
from hypothesis import given
from hypothesis import strategies as st

from parity.reports.html.roofline import AXIS, HEIGHT, ROW, Roof, roofline, scale_of

H100 = Roof("h100", "target", 989.4, 3352.0)
RTX = Roof("rtx-4090", "here", 165.2, 1008.1)
positive = st.floats(1e-2, 1e6)


def lines(markup: str, class_: str) -> list[tuple[float, float, float, float]]:
    """Return (x1, y1, x2, y2) of each line; x as a share of the width, y in pixels."""
    found = []
    for attributes in re.findall(r"<line ([^>]*)/>", markup):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        if told["class"] == class_:
            x1, x2 = (float(told[name].rstrip("%")) / 100 for name in ("x1", "x2"))
            found.append((x1, float(told["y1"]), x2, float(told["y2"])))
    return found


def test_a_roof_rises_by_bandwidth_to_its_ridge_and_is_flat_from_there() -> None:
    drawn = roofline([RTX, H100], rate="BF16")
    assert drawn is not None
    scale = scale_of([RTX, H100], [])
    slope, flat = lines(drawn, "roof s-target")
    assert slope[2:] == flat[:2]
    assert flat[1] == flat[3] == pytest.approx(scale.y(989.4), abs=0.1)
    assert flat[0] == pytest.approx(scale.x(989.4e3 / 3352), abs=1e-4)
    assert slope[1] == pytest.approx(scale.y(3.352 * 10**scale.left), abs=0.1)
    assert (slope[0], flat[2]) == (0.0, 1.0)


def test_the_table_has_the_numbers_of_the_picture() -> None:
    drawn = roofline([RTX, H100], rate="BF16")
    assert drawn is not None
    page = Page(drawn)
    assert page.tables["Ceilings of one device"] == [
        ["device", "dense BF16", "bandwidth", "ridge point"],
        ["rtx-4090", "165.2 TFLOPS", "1008 GB/s", "163.9 FLOP/B"],
        ["h100", "989.4 TFLOPS", "3352 GB/s", "295.2 FLOP/B"],
    ]
    [label] = [one["aria-label"] or "" for one in page.all("svg")]
    assert "rtx-4090: 1008 GB/s up to 163.9 FLOP/B, then 165.2 TFLOPS" in label
    assert "from 163.9 to 295.2 FLOP/B the bound flips between the two" in page.text


def test_devices_with_one_ridge_point_do_not_flip() -> None:
    drawn = roofline([H100, Roof("half", "here", 989.4 / 2, 3352.0 / 2)], rate="BF16")
    assert drawn is not None
    assert "flips" not in drawn


def test_a_workload_stands_at_its_intensity() -> None:
    drawn = roofline([RTX, H100], [("A", 1.0), ("B", 8000.0), ("C", -1.0), ("D", math.inf)], rate="BF16")
    assert drawn is not None
    scale = scale_of([RTX, H100], [1.0, 8000.0])
    assert [line[0] for line in lines(drawn, "s-dim thin")] == [
        pytest.approx(scale.x(1.0), abs=1e-4),
        pytest.approx(scale.x(8000.0), abs=1e-4),
    ]


def test_without_a_device_there_is_no_picture() -> None:
    assert roofline([], [("A", 1.0)], rate="BF16") is None


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=6), st.lists(st.floats(allow_nan=True), max_size=4))
def test_everything_lies_within_the_picture(numbers: list[tuple[float, float]], points: list[float]) -> None:
    roofs = [Roof(f"d{n}", "here", rate, bandwidth) for n, (rate, bandwidth) in enumerate(numbers)]
    drawn = roofline(roofs, [(f"P{n}", value) for n, value in enumerate(points)], rate="BF16")
    assert drawn is not None
    for class_ in ("roof s-here dash", "s-line", "s-dim thin", "thin s-here"):
        for x1, y1, x2, y2 in lines(drawn, class_):
            assert min(x1, x2) >= -0.001
            assert max(x1, x2) <= 1.001
            assert min(y1, y2) >= ROW - 1
            assert max(y1, y2) <= HEIGHT - AXIS + 1
