"""What every report of a fleet says: the whole in a line, slow devices by node, doubts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from parity.model.fleet import Apart, BelowPeak, Fleet, Group, NodeVerdict, SlowDevice, Undecided, Unreadable
from parity.reports.fleet_rows import (
    apart_line,
    by_urgency,
    conclusion,
    peak_line,
    slow_rows,
    undecided_lines,
    versions_line,
)

WIDE = Undecided(
    name="dram_copy", part="H100", unit="GB/s", why="spread", devices=160, median=2727, lowest=2522, highest=2933
)
FAST = Undecided(
    name="dram_copy", part="H100", unit="GB/s", why="fast", devices=160, fast=48, median=2560, lowest=2520, highest=2933
)
FEW = Undecided(name="dram_read", part="H100", unit="GB/s", why="few", devices=2, median=1, lowest=1, highest=1)


def group(name: str, count: int = 1, *, passed: bool | None = None, title: str = "8x H100") -> Group:
    verdict = None
    if passed is not None:
        verdict = NodeVerdict(outcome="match", level="identical", passed=passed, headline="")
    return Group(id=name, title=title, count=count, nodes=(name,) * count, verdict=verdict)


def fleet(*groups: Group, **more: Any) -> Fleet:
    told = {"nodes": sum(one.count for one in groups), "alike": False, "passed": False, "exit_status": 1, **more}
    return Fleet(groups=groups, **told)


def slow(node: str, device: int, ratio: float, name: str = "dram_copy") -> SlowDevice:
    return SlowDevice(
        node=node, device=device, name=name, unit="GB/s", value=2900 * ratio, median=2900, ratio=ratio, deviations=25,
        devices=160,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (fleet(exit_status=3), "UNKNOWN: nothing could be judged"),
        (fleet(group("a"), exit_status=3), "UNKNOWN: nothing could be judged, no node has a GPU that could be read"),
        (fleet(group("a"), passed=True), "PASSED: all nodes are alike"),
        (fleet(group("a"), passed=True, target="h100"), "PASSED: every node is what was asked for"),
        (fleet(group("a", 9), group("b", 2), group("c")), "NOT PASSED: 3 nodes unlike the largest kind"),
        (
            fleet(group("a", 9, passed=True), group("b", 2, passed=False), target="h100"),
            "NOT PASSED: 2 nodes not the target",
        ),
        (
            fleet(group("a"), slow=(slow("n", 0, 0.8), slow("n", 1, 0.8))),
            "NOT PASSED: 1 node with slow devices",
        ),
        (fleet(group("a"), undecided=(WIDE, FEW)), "NOT PASSED: dram_copy uneven"),
        (
            fleet(group("a"), below_peak=(BelowPeak(part="h100", rule="r", message="m", fails=True),)),
            "NOT PASSED: even the median device is slow",
        ),
        (
            fleet(group("a"), unreadable=(Unreadable(where="f:1", why="cut"),)),
            "NOT PASSED: 1 input not understood",
        ),
        (
            fleet(group("a"), group("b", title="no GPU"), target="h100"),
            "NOT PASSED: nodes without a GPU that could be read",
        ),
    ],
)
def test_the_whole_in_a_line(told: Fleet, said: str) -> None:
    assert conclusion(told) == said


def test_groups_are_told_by_urgency() -> None:
    groups = [group("most", 9, passed=False), group("odd", 3, passed=True), group("bad", passed=False)]
    assert [one.id for one in by_urgency(fleet(*groups))] == ["most", "bad", "odd"]


def test_slow_devices_are_told_by_node_the_worst_first() -> None:
    found = [slow("a", number, 0.9) for number in range(4)]
    found += [slow("b", 7, 0.85), slow("b", 2, 0.9), slow("b", 2, 0.7, name="dram_read")]
    rows = slow_rows(found)
    assert [(row.node, row.devices, row.name, row.ratio) for row in rows] == [
        ("b", "GPU 2, 7", "dram_copy", 0.85),
        ("b", "GPU 2", "dram_read", 0.7),
        ("a", "GPU 0-3", "dram_copy", 0.9),
    ]


def test_a_time_that_is_long_is_as_bad_as_a_rate_that_is_low() -> None:
    assert [row.node for row in slow_rows([slow("a", 0, 0.8), slow("b", 0, 3.0)])] == ["b", "a"]


def test_doubts() -> None:
    assert list(undecided_lines([WIDE, FAST, FEW])) == [
        "dram_copy of 160 H100: 2522 to 2933 GB/s around 2727: their spread hides a slow one",
        (
            "dram_copy of 160 H100: 2520 to 2933 GB/s, 48 faster than the median 2560 by more than chance: the others may "
            "be slow"
        ),
        "dram_read of H100: 2 devices, too few to tell a slow one",
    ]


def test_where_the_statistics_cannot_decide_the_slowest_are_named() -> None:
    names = tuple(f"n{number}" for number in range(9))
    for doubt in (WIDE, FAST):
        (line,) = undecided_lines([msgspec.structs.replace(doubt, behind=names)])
        assert line.endswith("; slowest: n0, n1, n2, n3, n4, n5")


def test_the_rest_in_a_line_each() -> None:
    assert apart_line(Apart(node="n1", days=-80.2)) == "n1: 80 days before most"
    assert apart_line(Apart(node="n1", days=1.2)) == "n1: 1 day after most"
    assert peak_line(BelowPeak(part="h100", rule="r", message="delivers 52 %", fails=True)) == (
        "the median h100: delivers 52 %"
    )
    assert versions_line(fleet(versions={"0.1.0": 9})) == ""
    assert versions_line(fleet(versions={"0.1.0": 9, "": 1})).endswith(": 0.1.0 (9), unknown (1)")
