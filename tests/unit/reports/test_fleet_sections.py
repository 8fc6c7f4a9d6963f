"""What every report of a fleet tells is one list: each section is drawn by each of them, in one order."""

from __future__ import annotations

from typing import Any

import pytest

from parity.model.difference import Difference
from parity.model.fleet import (
    Ailing,
    Apart,
    BelowPeak,
    Change,
    Fleet,
    Group,
    MedianDrift,
    Share,
    SlowDevice,
    Spread,
    Undecided,
    Unreadable,
)
from parity.reports import fleet_markdown, fleet_text
from parity.reports.fleet_sections import sections
from parity.reports.html import fleet as fleet_page

HOSTILE = "n\x1b[31m<b>|"
DRIVER = Difference(section="stack", subject="machine", name="driver", kind="changed", a="570.1", b="580.1")
RATES: dict[str, Any] = {"median": 2.0, "lowest": 1.0, "highest": 3.0}
TOLD: dict[str, tuple[dict[str, Any], str]] = {
    "values": (
        {
            "spreads": (
                Spread(
                    section="stack", name="nccl", of="nodes", total=9, distinct=2,
                    values=(Share(value="2.21", count=1, node="odd"), Share(value="2.27", count=8, node="n0")),
                ),
            )
        },
        "2.21 on 1 (odd)",
    ),
    "slow": (
        {
            "slow": (
                SlowDevice(
                    node="n7", device=2, name="dram_copy", unit="GB/s", value=2400.0, median=2900.0, ratio=0.8276,
                    deviations=9.0, devices=72,
                ),
            )
        },
        "2400",
    ),
    "ailing": ({"ailing": (Ailing(node="n6", devices=(1,), why="slowed", what="slowed down: hw-thermal"),)}, "hw-thermal"),
    "below-peak": ({"below_peak": (BelowPeak(part="h100", rule="r", message="delivers 52 %", fails=True),)}, "52 %"),
    "undecided": (
        {"undecided": (Undecided(name="dram_read", part="H100", unit="GB/s", why="few", devices=2, **RATES),)},
        "too few to tell",
    ),
    "changes": (
        {
            "changes": (Change(node="n5", kind="gone"), Change(node="n4", kind="changed", differences=(DRIVER,))),
            "drifts": (MedianDrift(name="dram_copy", part="H100", unit="GB/s", before=10.0, after=8.0, ratio=0.8),),
        },
        "driver: 570.1",
    ),
    "unreadable": ({"unreadable": (Unreadable(where="f.jsonl:3", why="cut off"),)}, "cut off"),
    "missing": ({"missing": ("n3",), "absent": 1}, "n3"),
    "apart": ({"apart": (Apart(node="n2", days=-80.0),)}, "80 days before most"),
    "repeated": ({"repeated": ("n1",)}, "n1"),
}  # fmt: skip


def fleet(**told: Any) -> Fleet:
    groups = tuple(Group(id=str(number), title="8x H100", count=1, nodes=(f"k{number}",)) for number in range(9))
    return Fleet(nodes=9, alike=False, passed=False, exit_status=1, groups=groups, measured=9, **told)


def drawn(whole: Fleet) -> dict[str, str]:
    return {
        "text": fleet_text.render(whole, width=400),
        "markdown": fleet_markdown.render(whole),
        "html": fleet_page.render(whole),
    }


EVERYTHING = fleet(**{name: value for told, _ in TOLD.values() for name, value in told.items()})


def test_every_section_has_its_turn_and_says_something() -> None:
    told = list(sections(EVERYTHING))
    assert [one.id for one in told] == list(TOLD)
    assert all(one.lines for one in told)
    assert all(len(row) == len(one.headings) for one in told for row in one.rows)
    assert all(len(one.ratios) in (0, len(one.rows)) for one in told)


@pytest.mark.parametrize("name", TOLD)
def test_every_report_tells_each_section_where_there_is_one_and_only_there(name: str) -> None:
    fields, word = TOLD[name]
    (section,) = sections(fleet(**fields))
    assert section.id == name
    for form, text in drawn(fleet(**fields)).items():
        assert word in text, form
    for form, text in drawn(fleet()).items():
        assert word not in text, form


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_the_order_is_the_same_in_all(form: str) -> None:
    text = drawn(EVERYTHING)[form]
    if form == "text":
        places = [text.index(f"\n\n{one.title}\n") for one in sections(EVERYTHING)]
    elif form == "html":
        places = [text.index(f'id="{one.id}"') for one in sections(EVERYTHING)]
    else:
        places = [text.rindex(word) for name, (_, word) in TOLD.items() if name not in ("missing", "repeated")]
    assert places == sorted(places)


def test_without_a_baseline_nothing_is_said_of_changes_and_with_one_that_there_are_none() -> None:
    assert list(sections(fleet())) == []
    (section,) = sections(fleet(changes=()))
    assert section.lines == ("nothing changed",)
    assert all("othing changed" in text for text in drawn(fleet(changes=())).values())


def test_names_from_outside_are_shown_and_do_nothing() -> None:
    whole = fleet(missing=(HOSTILE,), unreadable=(Unreadable(where=HOSTILE, why=HOSTILE * 90),))
    for form, text in drawn(whole).items():
        assert "\x1b" not in text, form
    assert "<b>" not in drawn(whole)["html"]
    assert "\\x1b[31m<b>|" in drawn(whole)["text"]


def test_a_long_line_is_told_whole_in_a_terminal() -> None:
    names = tuple(f"node-{number}" for number in range(40))
    ailing = tuple(Ailing(node="n6", devices=(number,), why="slowed", what="x" * 300) for number in (1,))
    assert "x" * 300 in drawn(fleet(ailing=ailing, missing=names))["text"]
