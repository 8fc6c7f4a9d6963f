"""Gathering: like regions are counted, problems are bounded, and what decides is never dropped."""

from __future__ import annotations

from parity.binaries.collect import MAX_PROBLEMS, Collector, joined
from parity.model.code_objects import Code

SM_90, SM_80 = Code(kind="sass", arch="sm_90"), Code(kind="sass", arch="sm_80")


def test_like_regions_are_one_group_with_the_first_place() -> None:
    into = Collector()
    for at in (500, 100, 300):
        into.region(".nv_fatbin", "main", "fatbin", [(SM_90, 10), (SM_80, 1)], at=at)
    library = into.library("lib.so", 1000)
    assert [(group.count, group.first, group.codes) for group in library.regions] == [(3, 100, (SM_80, SM_90))]
    assert [(tally.code, tally.count, tally.size_bytes) for tally in library.tallies] == [(SM_80, 3, 3), (SM_90, 3, 30)]


def test_the_order_does_not_depend_on_the_files() -> None:
    first, second = Collector(), Collector()
    first.region("a", "main", "fatbin", [(SM_90, 1)], at=0)
    first.region("a", "main", "fatbin", [(SM_80, 1)], at=1)
    second.region("a", "main", "fatbin", [(SM_80, 1)], at=1)
    second.region("a", "main", "fatbin", [(SM_90, 1)], at=0)
    assert first.library("x", 1) == second.library("x", 1)


def test_of_many_problems_the_weight_is_kept() -> None:
    into = Collector()
    for number in range(10 * MAX_PROBLEMS):
        into.problem(f"note {number}", weight="note")
    into.problem("a", weight="skipped")
    into.problem("b", weight="damaged")
    library = into.library("x", 1)
    assert len(library.problems) == MAX_PROBLEMS + 2
    assert library.has("skipped")
    assert library.has("damaged")


def test_loose_files_are_joined_with_their_folders_and_problems() -> None:
    parts = []
    for name, arch in (("a/one.co", "gfx942"), ("two.co", "gfx950")):
        into = Collector()
        into.region("file", "main", "code-object", [(Code(kind="amd", arch=arch), 5)], at=0)
        into.problem(f"odd {arch}", weight="note")
        parts.append(into.library(f"/k/{name}", 7))
    whole = joined(parts, "/k")
    assert (whole.path, whole.size_bytes, whole.files) == ("/k/", 14, 2)
    assert {group.section for group in whole.regions} == {"a", "."}
    assert [problem.text for problem in whole.problems] == ["one.co: odd gfx942", "two.co: odd gfx950"]
