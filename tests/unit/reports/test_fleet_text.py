"""A fleet in a terminal and in Markdown: the conclusion first, nothing cut without saying so."""

from __future__ import annotations

from typing import Any

from parity.model.difference import Difference
from parity.model.fleet import Apart, BelowPeak, Change, Fleet, Group, NodeVerdict, SlowDevice, Undecided, Unreadable
from parity.reports import fleet_markdown
from parity.reports.fleet_text import render

DRIVER = Difference(section="stack", subject="machine", name="driver", kind="changed", a="570.1", b="580.1")
CAP = Difference(
    section="conditions", subject="GPU 3", name="power_limit_w", kind="changed", a="700 W", b="500 W", ratio=0.7143
)
UNTOLD = Difference(section="stack", subject="machine", name="nccl", kind="only-a", a="2.27", b="")
TITLE = "8x H100, driver 570.1"


def verdict(*, passed: bool) -> NodeVerdict:
    return NodeVerdict(outcome="match" if passed else "mismatch", level="identical", passed=passed, headline="why so")


def fleet(**more: Any) -> Fleet:
    names = tuple(f"n{number}" for number in range(9))
    groups = (
        Group(id="a", title=TITLE, count=9, nodes=names, verdict=verdict(passed=True)),
        Group(id="b", title=TITLE, count=1, nodes=("odd",), like="a", differences=(UNTOLD,), verdict=verdict(passed=True)),
        Group(id="c", title="7x H100", count=1, nodes=("bad",), like="a", differences=(DRIVER, CAP), verdict=verdict(passed=False)),
    )  # fmt: skip
    slow = SlowDevice(
        node="n7", device=2, name="dram_copy", unit="GB/s", value=2400, median=2900, ratio=0.8276, deviations=25,
        devices=88,
    )  # fmt: skip
    told = {
        "target": "8x h100", "nodes": 11, "alike": False, "passed": False, "exit_status": 1, "groups": groups,
        "slow": (slow,), "measured": 11, **more,
    }  # fmt: skip
    return Fleet(**told)


def test_the_whole_report() -> None:
    assert render(fleet(), width=100) == (
        "NOT PASSED: 1 node not the target, 1 node with slow devices\n"
        "11 nodes against 8x h100: 3 kinds\n\n"
        "9 nodes  8x H100, driver 570.1: match (identical)\n"
        "    n0, n1, n2, n3, n4, n5 and 3 more\n\n"
        "1 node  bad: mismatch (identical), NOT PASSED\n"
        "    7x H100\n"
        "    why so\n"
        "    unlike the 9 like n0:\n"
        "      machine driver: 580.1 here, 570.1 there\n"
        "      GPU 3 power_limit_w: 500 W here, 700 W there (0.71x)\n\n"
        "1 node  odd: match (identical)\n"
        "    unlike the 9 like n0:\n"
        "      machine nccl: not told here, 2.27 there\n\n"
        "slow, and by how much of the median of their like\n"
        "    n7  GPU 2: dram_copy 2400 GB/s (0.83x)\n"
    )


def test_what_else_is_told() -> None:
    doubt = Undecided(name="dram_copy", part="H100", unit="GB/s", why="few", devices=2, median=1, lowest=1, highest=1)
    told = fleet(
        changes=(Change(node="n1", kind="gone"), Change(node="n2", kind="changed", differences=(DRIVER,))),
        unreadable=(Unreadable(where="f.jsonl:3", why="cut off"),),
        repeated=("n4",),
        apart=(Apart(node="n5", days=-80.0),),
        undecided=(doubt,),
        below_peak=(BelowPeak(part="h100", rule="r", message="delivers 52 %", fails=False),),
        versions={"0.1": 10, "0.2": 1},
        measured=10,
        superseded=0,
    )
    text, markdown = render(told, width=200), fleet_markdown.render(told)
    for words in (
        "only 10 carry measurements", "0.1 (10), 0.2 (1)", "slow as a whole", "the median h100: delivers 52 %",
        "too few to tell", "n1: gone", "n2: machine driver: 570.1 -> 580.1", "f.jsonl:3: cut off", "n5: 80 days before most",
        "named more than once (--latest",
    ):  # fmt: skip
        assert words in text
    for words in (
        "0.1 (10)",
        "delivers 52 %",
        "too few",
        "| n1 | gone |",
        "machine driver: 570.1",
        "cut off",
        "80 days",
        "| n4 |",
    ):
        assert words in markdown


def test_nodes_that_differ_only_in_what_they_do_not_tell() -> None:
    first, odd, _ = fleet().groups
    silent = Group(id="d", title=odd.title, count=1, nodes=("late",), like="a", verdict=verdict(passed=False))
    assert "tells the same as the 9 like n0; what is ignored or not told decides" in render(
        fleet(groups=(first, silent))
    )


def test_long_lists_are_cut_and_say_so() -> None:
    groups = tuple(Group(id=str(number), title=TITLE, count=1, nodes=(f"n{number}",)) for number in range(30))
    told = fleet(groups=groups, repeated=tuple(f"n{number}" for number in range(50)), slow=())
    text = render(told)
    assert "10 more kinds (-v, or --format json)" in text
    assert "30 more (-v, or --format json)" in text
    assert "n29" in render(told, verbose=True)


def test_markdown_leads_with_the_conclusion_and_what_fails() -> None:
    lines = fleet_markdown.render(fleet()).splitlines()
    assert lines[0] == "## Fleet against 8x h100: NOT PASSED"
    assert lines[2] == "1 node not the target, 1 node with slow devices. 11 nodes, 3 kinds."
    rows = [line for line in lines if line.startswith("| 1 |")]
    assert rows[0] == "| 1 | 7x H100 | mismatch (identical), not passed: why so | bad |"
    assert "| 1: odd | machine | nccl | not told | 2.27 |" in lines
    assert "| n7 | GPU 2 | dram_copy | 2400 GB/s | 2900 | 0.83x |" in lines
