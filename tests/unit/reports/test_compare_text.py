"""The text of ``parity compare``: compared with golden files, within its width, safe to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import columns
import golden
import machines
import msgspec
import pytest

from parity.compare.comparison import compare
from parity.reports.compare_markdown import render as markdown
from parity.reports.compare_text import MAX_WIDTH, MIN_WIDTH, render

if TYPE_CHECKING:
    from parity.model.compare import Comparison

FIVE = ("h100", "h200", "b200", "mi300x", "rtx-4090")
HOSTILE = "NVIDIA H100 80GB HBM3\x1b]0;owned\x07\x1b[2J|<script>`](x)\nnext"


def hostile() -> Comparison:
    machine = machines.changed(machines.machine("h100-sxm5-80gb"), {"identity.name": HOSTILE})
    return compare([columns.of_part("h100"), *columns.of_machine(machine, "evil\x1b[31m|`.json")])


@pytest.mark.parametrize(
    ("file", "words", "how"),
    [
        ("compare-h100-mi300x.txt", ("h100", "mi300x"), {}),
        ("compare-h100-mi300x-verbose.txt", ("h100", "mi300x"), {"verbose": True}),
        ("compare-h100-b200-verbose.txt", ("h100", "b200"), {"verbose": True, "width": 120}),
        ("compare-five-80.txt", FIVE, {"width": 80}),
        ("compare-five-120.txt", FIVE, {"width": 120}),
        ("compare-slice.txt", ("a100-sxm4-40gb", "a100-sxm4-40gb/1g.5gb"), {}),
    ],
)
def test_golden(file: str, words: tuple[str, ...], how: dict[str, int]) -> None:
    golden.agrees(file, render(columns.compared(*words), **how))


def test_markdown_golden() -> None:
    golden.agrees("compare-h100-mi300x.md", markdown(columns.compared("h100", "mi300x")))


@pytest.mark.parametrize("width", [MIN_WIDTH, 80, 100, 120, MAX_WIDTH])
@pytest.mark.parametrize(
    "words", [("h100", "b200"), FIVE, ("rtx-pro-6000-blackwell-workstation", "radeon-ai-pro-r9700")]
)
def test_no_line_is_wider_than_the_terminal(words: tuple[str, ...], width: int) -> None:
    for verbose in (False, True):
        text = render(columns.compared(*words), width=width, verbose=verbose)
        wide = [line for line in text.splitlines() if len(line) > width]
        assert not wide


def test_every_column_is_in_every_table_with_the_first_beside_it() -> None:
    text = render(columns.compared(*FIVE), width=80)
    for title, blocks in (("what decides", 3), ("  bound by", 2)):
        heads = [line for line in text.splitlines() if line.startswith(title)]
        assert len(heads) == blocks
        assert all(" h100" in line for line in heads)
        for word in FIVE[1:]:
            assert sum(f" {word}" in line for line in heads) == 1


@pytest.mark.parametrize("words", [("h100", "mi300x"), ("h100", "b200"), ("b200", "mi355x"), ("rtx-4090", "l40s")])
def test_two_devices_are_told_on_one_screen_and_what_carries_over_first(words: tuple[str, ...]) -> None:
    lines = render(columns.compared(*words)).splitlines()
    assert len(lines) <= 44
    assert lines[4] == f"what a result on {words[0]} says about {words[1]}"
    assert lines[5].startswith("  bandwidth-bound  ")
    told = " ".join(lines)
    for workload in ("BF16 compute-bound", "latency-bound", "capacity-bound", "link-bound"):
        assert told.count(f"  {workload}  ") == 1


def test_what_stands_against_a_figure_is_never_left_out() -> None:
    """A part that is ahead by peak and behind as measured must not look ahead on the short screen."""
    short = " ".join(render(columns.compared("h100", "mi300x")).split())
    for caveat in ("best published matrix product: 668.4-708 / 794.5", "FP8 is ocp on h100 and fnuz on mi300x"):
        assert caveat in short


def test_of_many_devices_each_is_a_column_whose_reservations_are_marked_and_told_on_request() -> None:
    many = columns.compared(*FIVE, "mi325x")
    rows = {line[2:20].strip(): line[20:].split() for line in render(many, width=160).splitlines()}
    assert rows["bandwidth-bound"][:3] == ["1.00x", "1.44x!", "2.29-2.39x!"]
    assert rows["latency-bound"] == ["1.00x", *["no", "figure"] * 5], "a ratio of clocks is none of latencies"
    assert "FP4 compute-bound" not in rows
    assert "FP4 compute-bound" in render(columns.compared("b200", "b300", "h100"))
    assert "what a result on h100 says about mi325x" not in render(many)
    assert "what a result on h100 says about mi325x" in render(many, verbose=True)


def test_nothing_unknown_is_printed_as_a_number() -> None:
    text = render(columns.compared("h100", "h100/1g.10gb"))
    assert "unknown" in text
    assert "None" not in text
    assert " 0 " not in text
    assert "nan" not in text


def test_verbose_names_every_source_and_formula() -> None:
    text = " ".join(render(columns.compared("h100", "b200"), verbose=True, width=160).split())
    assert (
        "memory_bandwidth_gbps b200: 7672.32 factor x clock x width / 8; 7700 ai-dynamo/aiconfigurator@095f58a; 8000 stas00"
        in text
    )
    assert "pcie_bandwidth_gbps b200: unknown: the catalog has no sourced pcie_generation" in text
    assert "tflops_bf16/transistors = 1e+09 * tflops_bf16 / transistors" in text
    assert "b200: Drivers before CUDA 13 report a bus of 8192 bits." in text


def test_a_hostile_name_reaches_no_terminal_and_no_markup() -> None:
    for text in (render(hostile(), verbose=True), markdown(hostile())):
        assert "\x1b" not in text
        assert "\x07" not in text
    assert "<script>" not in markdown(hostile())
    assert "](x)" not in markdown(hostile())
    rows = [line for line in markdown(hostile()).splitlines() if line.startswith("| ")]
    assert rows
    assert {line.replace("\\|", "").count("|") for line in rows} == {4, 5}  # of two columns, and of four


def test_text_for_a_stream_of_ascii_is_ascii() -> None:
    told = columns.compared("h100", "b200")
    part = msgspec.structs.replace(told.parts[0], name="caf\u00e9")
    changed = msgspec.structs.replace(told, parts=(part, told.parts[1]))
    assert "caf\u00e9" in render(changed)
    assert render(changed, ascii_only=True).isascii()
