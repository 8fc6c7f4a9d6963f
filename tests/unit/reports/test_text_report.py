"""The terminal report: golden files, and what holds at every width."""

from __future__ import annotations

import re

import golden
import machines
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from parity import session
from parity.config.project import Project
from parity.model.absent import Absent
from parity.model.fingerprint import Fingerprint, Note, Origin
from parity.reports.text_report import render

ANSI = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80, 120)


@pytest.mark.parametrize("case", golden.CASES)
def test_the_report(case: str) -> None:
    golden.agrees(f"{case}.txt", render(golden.verdict(case)))


@pytest.mark.parametrize("case", golden.CASES)
def test_the_verbose_report(case: str) -> None:
    golden.agrees(f"{case}-verbose.txt", render(golden.verdict(case), verbose=True))


@pytest.mark.parametrize("width", [60, 120])
@pytest.mark.parametrize("case", ["workstation", "mixed"])
def test_the_report_at_other_widths(case: str, width: int) -> None:
    golden.agrees(f"{case}-{width}.txt", render(golden.verdict(case), width=width))


def test_the_report_in_ascii() -> None:
    golden.agrees("workstation-ascii.txt", render(golden.verdict("workstation"), ascii_only=True))


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", golden.CASES)
def test_every_line_fits_and_ends_where_its_text_ends(case: str, width: int, verbose: bool) -> None:
    text = render(golden.verdict(case), width=width, verbose=verbose)
    for line in text.splitlines():
        assert cell_len(line) <= width, line
        assert line == line.rstrip()
    assert "\n\n\n" not in text
    assert text.startswith("\n")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("width", [60, 61, 70, 79, 80, 85, 90, 100])
@pytest.mark.parametrize("case", golden.CASES)
def test_no_value_is_cut_at_any_width(case: str, width: int) -> None:
    verdict = golden.verdict(case)
    told = " ".join(render(verdict, width=width).split())
    for finding in verdict.findings:
        assert finding.here in told
        assert finding.wanted in told
        if finding.ratio is not None:
            assert f"{finding.ratio:.2f}x" in told


@pytest.mark.parametrize("case", golden.CASES)
def test_colour_changes_nothing_but_colour(case: str) -> None:
    plain, coloured = render(golden.verdict(case)), render(golden.verdict(case), colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("case", golden.CASES)
def test_ascii_is_ascii(case: str, verbose: bool) -> None:
    assert render(golden.verdict(case), ascii_only=True, verbose=verbose).isascii()


def test_ascii_holds_for_names_too() -> None:
    assert "R?X" in render(golden.named("R\N{TRADE MARK SIGN}X"), ascii_only=True)


@pytest.mark.parametrize("width", [1, 59, 60])
def test_a_narrow_terminal_gets_sixty_columns(width: int) -> None:
    assert render(golden.verdict("workstation"), width=width) == render(golden.verdict("workstation"), width=60)


def test_a_wide_terminal_gets_a_hundred() -> None:
    assert max(map(cell_len, render(golden.verdict("workstation"), width=300, verbose=True).splitlines())) <= 100


def test_numbers_of_a_column_end_in_one_column() -> None:
    lines = render(golden.verdict("workstation")).splitlines()
    head = next(line for line in lines if line.endswith(" target"))
    measured = [line for line in lines if re.search(r" \d+\.\d\dx$", line)]
    assert len(measured) > 8
    assert len({cell_len(line) for line in measured}) == 1
    for line in measured:
        assert line[cell_len(head) - 1] != " "
        assert line[cell_len(head)] == " "


def test_like_devices_are_told_once() -> None:
    text = render(golden.verdict("production"), verbose=True)
    assert text.count("identified as h100-sxm5-80gb") == 1
    assert "GPU 0-7 NVIDIA H100 80GB HBM3" in text


def test_on_a_mixed_machine_each_row_says_whose_it_is() -> None:
    text = render(golden.verdict("mixed"))
    assert "arch-differs GPU 1 " in text
    assert "GPU 0" not in text, "GPU 0 is the target"


def test_the_count_is_that_of_the_rows() -> None:
    everywhere = session.judge_fingerprint(
        session.fingerprint_of(str(golden.EXAMPLES / "production-8xh100.json")),
        machines.target("mi300x"),
        Project(),
        today=golden.TODAY,
    )
    text = render(everywhere)
    errors = [line for line in text.splitlines() if line.startswith("  error ")]
    assert f"  {len(errors)} errors, " in text
    assert len(everywhere.findings) > 8


@pytest.mark.parametrize(("case", "told"), [("slice", "3 errors, "), ("links", "1 error, ")])
def test_the_plural_follows_the_count(case: str, told: str) -> None:
    assert f"  {told}" in render(golden.verdict(case))


def test_an_undecided_verdict_says_what_is_missing() -> None:
    assert "next: settle arch-differs: neither a compute capability" in render(golden.verdict("undecided"))


def test_without_a_device_each_reason_is_told_once() -> None:
    target = machines.target("8xh100")
    told = Absent(why="library_missing", source="nvml:init", detail="libnvidia-ml.so.1 not found")
    notes = (Note(source="nvml:init", text="NVML cannot be used: libnvidia-ml.so.1 not found"),)
    verdict = session.judge_fingerprint(Fingerprint(device_count=told, notes=notes), target, Project())
    assert render(verdict, width=100).count("libnvidia-ml.so.1 not found") == 1
    assert "  next: or judge a saved fingerprint: --fingerprint FILE\n" in render(verdict)


def test_a_file_without_a_device_is_not_called_a_machine_without_one() -> None:
    empty = Fingerprint(origin=Origin(kind="live", saved=True))
    text = render(session.judge_fingerprint(empty, machines.target("h100"), Project()), width=100)
    assert "next: the file names no GPU: take it with `parity capture -o FILE` where one is visible\n" in text
    assert "/dev/kfd" not in text


def test_an_accepted_machine_says_what_would_settle_the_rest() -> None:
    text = " ".join(render(golden.verdict("links")).split())
    assert "next: settle ecc-differs, power-limit-below-default, throttled-now: the source" in text
    assert "next:" not in " ".join(render(golden.verdict("production")).split())


def test_differences_within_what_is_required_call_for_nothing() -> None:
    target = msgspec.structs.replace(machines.target("h200"), require="same-arch")
    verdict = session.judge_fingerprint(machines.machine("h100"), target, Project())
    text = render(verdict, width=100)
    assert verdict.passed
    assert "error   memory-size-below-target" in text
    assert "  passed all the same: same-arch is required, and what differs is within it\n" in text
    assert "next:" not in text


def test_a_waived_finding_is_last_and_named() -> None:
    text = render(golden.verdict("waived"), verbose=True)
    assert "passed by waiver" in text
    assert "waived  power-limit-below-default" in text
    assert "waived until 2027-03-31 by perf-team: the pool is capped" in text


@settings(max_examples=60, deadline=None)
@given(name=st.text(min_size=1, max_size=90), width=st.sampled_from(WIDTHS), verbose=st.booleans())
def test_no_name_breaks_lines_or_commands_the_terminal(name: str, width: int, verbose: bool) -> None:
    text = render(golden.named(name), width=width, verbose=verbose)
    for line in text.splitlines():
        assert line.isprintable()
        assert cell_len(line) <= width
