"""The page of `parity compare`: what a result says comes first, bars to both sides of one, spans as spans."""

from __future__ import annotations

import re

import msgspec
import pages
import pytest
from html_page import HOSTILE, checked

from parity.compare.quantities import times_text
from parity.reports.html.bars import versus_bar, versus_scale
from parity.reports.html.compare import render

replace = msgspec.structs.replace


@pytest.mark.parametrize(
    "names", [("h100", "mi300x"), ("rtx-4090", "h100"), ("h100", "b200", "mi355x", "l40s", "a100")]
)
def test_every_page_is_sound(names: tuple[str, ...]) -> None:
    page = checked(render(pages.compared(*names)))
    labels = [part.label for part in pages.compared(*names).parts]
    assert page.texts["h1"] == [f"comparison {', '.join(labels[1:])} against {labels[0]}"]
    assert page.texts["h2"][: len(labels) - 1] == [f"{other} over {labels[0]}" for other in labels[1:]]
    assert "None" not in page.text


def test_what_a_result_says_is_told_first_and_without_a_ratio_where_none_carries() -> None:
    comparison = pages.compared("h100", "mi300x")
    page = checked(render(comparison))
    assert next(iter(page.tables)) == "By what binds the work"
    rows = {row[0]: row for row in page.tables["By what binds the work"][1:]}
    told = {one.workload: one for one in comparison.inferences}
    assert rows["bandwidth"][2] == times_text(told["bandwidth"].ratio)
    assert rows["latency"][1:3] == ["says nothing", ""]
    assert len(rows) == len(comparison.inferences)


def test_the_bars_are_the_ratios_of_the_table() -> None:
    comparison = pages.compared("h100", "mi300x")
    source = render(comparison)
    table = checked(source).tables["Facts: mi300x over h100, of which more is better"]
    kept = [row for row in comparison.raw if row.more_is_better and row.over_first[1].value]
    told = {row[0]: row[3:5] for row in table[1:]}
    found = {row.name: row.over_first[1] for row in kept}
    assert told["memory, as sold, GiB"] == ["2.40x", "ahead"]
    assert told["L2, all dies, MiB"] == [times_text(found["l2_total_bytes"]), "behind"]
    assert told["bandwidth, GB/s"] == [times_text(found["memory_bandwidth_gbps"]), "ahead"]
    assert source.count('x1="50%"') >= len(table) - 1


def solid(bar: str) -> list[tuple[float, float]]:
    """Return (start, width) of the faint and the full piece of a bar, in percent."""
    pieces = re.findall(r'<rect x="([\d.]+)%" width="([\d.]+)%"', bar)
    return [(float(start), float(width)) for start, width in pieces]


def test_a_bar_goes_to_the_side_of_its_ratio_and_is_full_as_far_as_all_sources_agree() -> None:
    assert solid(versus_bar(2.0, 2.0, 2.0, "good", 4.0) or "") == [(50, 25), (50, 25)]
    assert solid(versus_bar(0.25, 0.5, 0.5, "bad", 4.0) or "") == [(0, 50), (25, 25)]
    assert solid(versus_bar(2.0, 4.0, 4.0, "good", 4.0) or "") == [(50, 50), (50, 25)]
    assert solid(versus_bar(0.5, 2.0, 4.0, "dim", 4.0) or "")[1] == (50, 0)
    assert "»" in (versus_bar(50, 50, 50, "good", 8.0) or "")
    assert "«" in (versus_bar(0.02, 0.02, 0.02, "bad", 8.0) or "")
    assert [versus_bar(1, value, 1, "good", 8.0) for value in (None, 0.0, -1.0, float("nan"))] == [None] * 4
    assert versus_scale([None, 0.0, float("inf")]) == 2.0


def test_a_fact_that_sources_disagree_on_is_told_with_each_source() -> None:
    page = checked(render(pages.compared("rtx-4090", "h100")))
    told = [row for row in page.tables["What each source says"] if row[0] == "FP8, dense" and row[1] == "rtx-4090"]
    assert len(told) == 2
    assert len({row[2] for row in told}) == 2


def test_what_only_one_has_is_no_bar() -> None:
    page = checked(render(pages.compared("rtx-4090", "h100")))
    assert not any(
        row[0].startswith("links") for row in page.tables["Facts: h100 over rtx-4090, of which more is better"]
    )
    assert "only here: links, both ways" in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    def hostile(text: str) -> str:
        made = pages.compared("h100", "mi300x")
        parts = [replace(part, label=f"{n}{text}", name=text, notes=(text,), catalog_note=text, texts={"arch": text})
                 for n, part in enumerate(made.parts)]  # fmt: skip
        inferences = [replace(one, says=text, arithmetic=text, caveats=(text,)) for one in made.inferences]
        flips = [replace(one, says=text) for one in made.flips]
        factors = [replace(one, arithmetic=text) for one in made.factors]
        return render(replace(made, parts=tuple(parts), inferences=tuple(inferences), flips=tuple(flips),
                              factors=tuple(factors), notes=(text,)))  # fmt: skip

    page, plain = checked(hostile(text)), checked(hostile("plain"))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
