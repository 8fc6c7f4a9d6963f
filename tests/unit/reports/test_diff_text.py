"""The text of ``parity diff``: what stands side by side, what gets lines of its own, and at which width."""

from __future__ import annotations

from typing import Any

from parity.fleet.diff import MachineDiff
from parity.model.difference import Difference
from parity.reports.diff_text import render


def row(name: str, a: str, b: str, **more: Any) -> Difference:
    return Difference(
        **{"section": "identity", "subject": "GPU 0", "name": name, "kind": "changed", "a": a, "b": b, **more}
    )


def diff(*rows: Difference, a: str = "a.json", b: str = "b.json") -> MachineDiff:
    return MachineDiff(a=a, b=b, drifted=True, differences=rows)


ROWS = (
    row("name", "NVIDIA GeForce RTX 4090", "NVIDIA H100 80GB HBM3"),
    row("sm_count", "128", "132", ratio=1.03125),
    row("driver", "", "580.65.06", section="stack", subject="machine"),
)


def test_long_values_get_lines_of_their_own_in_a_narrow_terminal() -> None:
    assert (
        render(diff(*ROWS), width=50)
        == """\
A  a.json
B  b.json

hardware             A    B
  GPU 0  name      A NVIDIA GeForce RTX 4090
                   B NVIDIA H100 80GB HBM3
  GPU 0  sm_count  128  132  1.03x

software               A          B
  machine  driver  unset  580.65.06

3 values differ
"""
    )


def test_a_wide_terminal_has_them_side_by_side() -> None:
    told = render(diff(*ROWS[:2]), width=120).splitlines()
    assert told[3:] == [
        "hardware                                 A                      B",
        "  GPU 0  name      NVIDIA GeForce RTX 4090  NVIDIA H100 80GB HBM3",
        "  GPU 0  sm_count                      128                    132  1.03x",
        "",
        "2 values differ",
    ]


def test_a_value_longer_than_the_line_is_folded_and_never_cut() -> None:
    value = " ".join(f"option{number}:true" for number in range(9))
    lines = render(diff(row("CONF", value, "", section="environment", subject="machine"))).splitlines()
    assert max(map(len, lines)) <= 80
    words = " ".join(lines).split()
    assert [word for word in words if word.startswith("option")] == value.split()


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    assert render(diff(*ROWS, a="x/m.json", b="y/m.json")).startswith("A  x/m.json\nB  y/m.json\n")
    assert render(diff(*ROWS, a="x/a.json", b="y/b.json")).startswith("A  a.json\nB  b.json\n")


def test_escapes_of_a_hostile_report_reach_no_terminal() -> None:
    assert "\x1b" not in render(
        diff(row("name", "\x1b[31mred", "b"), row("x", "\x1b]0;t", "", kind="only-a")), verbose=True
    )
