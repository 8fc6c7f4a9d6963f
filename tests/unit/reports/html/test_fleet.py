"""The page of `parity fleet`: kinds with their verdicts, what tells them apart, slow devices, hostile names as text."""

from __future__ import annotations

import pytest
from html_page import HOSTILE, checked

from parity.model.difference import Difference
from parity.model.fleet import Apart, Change, Fleet, Group, NodeVerdict, SlowDevice, Undecided, Unreadable
from parity.reports.html.fleet import render

KINDS = "Kinds of node: the largest, those that fail, the others"
DRIVER = Difference(section="stack", subject="machine", name="driver", kind="changed", a="570.1", b="580.1")
CAP = Difference(
    section="conditions", subject="GPU 3", name="power_limit_w", kind="changed", a="700 W", b="500 W", ratio=0.7143
)


def verdict(*, passed: bool) -> NodeVerdict:
    return NodeVerdict(outcome="match" if passed else "mismatch", level="identical", passed=passed, headline="why so")


def fleet(name: str = "n", **more: object) -> Fleet:
    groups = (
        Group(id="a", title=f"8x {name}", count=250, nodes=tuple(f"{name}{one}" for one in range(250)), verdict=verdict(passed=True)),
        Group(id="b", title="8x H100", count=1, nodes=("odd",), like="a", differences=(DRIVER, CAP), verdict=verdict(passed=False)),
    )  # fmt: skip
    slow = SlowDevice(
        node="n7", device=2, name="dram_copy", unit="GB/s", value=2400, median=2900, ratio=0.8276, deviations=25,
        devices=2008,
    )  # fmt: skip
    told: dict[str, object] = {
        "target": "8x h100-sxm5-80gb", "nodes": 251, "alike": False, "passed": False, "exit_status": 1, "groups": groups,
        "slow": (slow,), "unreadable": (Unreadable(where=name, why="cut off"),),
        "changes": (Change(node="odd", kind="changed", differences=(DRIVER,)), Change(node=name, kind="gone")),
    }  # fmt: skip
    return Fleet(**{**told, **more})  # type: ignore[arg-type]


def test_kinds_what_tells_them_apart_and_slow_ones() -> None:
    page = checked(render(fleet()))
    kinds = page.tables[KINDS]
    assert [row[:2] for row in kinds[1:]] == [["1", "250"], ["2", "1"]]
    assert "why so" in kinds[2][3]
    assert page.tables["Kind 2 (odd) beside kind 1"][1:] == [
        ["machine", "driver", "580.1", "570.1", ""],
        ["GPU 3", "power_limit_w", "500 W", "700 W", "0.71x"],
    ]
    (slow,) = page.tables["Devices more than 5 % and 3.5 robust standard deviations behind the median of their like"][
        1:
    ]
    assert slow[:6] == ["n7", "GPU 2", "dram_copy", "2400 GB/s", "2900", "0.83x"]
    assert page.tables["Inputs that gave no node"][1:] == [["n", "cut off"]]
    assert [row[:2] for row in page.tables["What became of each node"][1:]] == [["odd", "changed"], ["n", "gone"]]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"groups": (), "nodes": 0, "exit_status": 3}, "unknown"),
        ({"passed": True, "exit_status": 0, "slow": (), "unreadable": (), "changes": ()}, "passed"),
        ({}, "not passed"),
    ],
)
def test_nothing_but_a_pass_is_called_one(changes: dict[str, object], word: str) -> None:
    assert checked(render(fleet(**changes))).texts["h1"][0].startswith(word)


def test_without_a_target_there_is_no_column_of_verdicts() -> None:
    page = checked(render(fleet(target="")))
    assert page.tables[KINDS][0] == ["kind", "nodes", "what it is", "names"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str) -> None:
    checked(render(fleet(name)))


def test_what_fails_comes_before_what_is_merely_odd() -> None:
    odd = Group(id="c", title="8x H100", count=9, nodes=("c",) * 9, like="a", verdict=verdict(passed=True))
    largest, failing = fleet().groups
    page = checked(render(fleet(groups=(largest, odd, failing))))
    assert [row[1] for row in page.tables[KINDS][1:]] == ["250", "1", "9"]
    assert "not passed" in page.tables[KINDS][2][3]
    assert "Kind 2 (odd) beside kind 1" in page.tables


def test_doubts_old_readings_and_repeated_names_are_told() -> None:
    doubt = Undecided(
        name="dram_copy", part="H100", unit="GB/s", why="spread", devices=8, median=2700, lowest=2500, highest=2900
    )
    text = render(fleet(undecided=(doubt,), apart=(Apart(node="n3", days=-80.0),), repeated=("n4",)))
    checked(text)
    assert "their spread hides a slow one" in text
    assert "n3: 80 days before most" in text
    assert "Named more than once" in text
