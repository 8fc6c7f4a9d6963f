"""What reports share: rows, subjects, the tally and the headline."""

from __future__ import annotations

import golden
import msgspec
import pytest

from parity.model.finding import Unknown
from parity.model.fingerprint import Origin
from parity.reports.rows import (
    devices_text,
    headline,
    here_text,
    one_line,
    questions,
    rows,
    saved_text,
    subjects_text,
    tally,
)

replace = msgspec.structs.replace


@pytest.mark.parametrize(
    ("subjects", "told"),
    [
        (["GPU 3 (NVIDIA H100)"], "GPU 3"),
        (["GPU 0 (A)", "GPU 1 (A)"], "GPU 0-1"),
        (["GPU 0 (A)", "GPU 2 (A)", "GPU 3 (A)"], "GPU 0, 2, 3"),
        (["GPU 2", "GPU 85520809984"], "GPU 2, 85520809984"),
        (["machine"], "machine"),
        (["NCCL_DEBUG", "NCCL_ALGO"], "NCCL_DEBUG, NCCL_ALGO"),
        (["GPU 0", "machine"], "GPU 0, machine"),
    ],
)
def test_subjects_are_told_short(subjects: list[str], told: str) -> None:
    assert subjects_text(subjects) == told


def test_a_waived_finding_is_never_joined_to_a_standing_one() -> None:
    verdict = golden.verdict("waived")
    standing = replace(verdict.findings[0], waived=None, subject="GPU 1 (NVIDIA L40S)")
    both = replace(verdict, findings=(standing, *verdict.findings))
    assert [row.subjects for row in rows(both)] == [("GPU 1 (NVIDIA L40S)",), ("GPU 0 (NVIDIA L40S)",)]
    assert tally(both).startswith("1 error, 1 waived")


def test_questions_with_one_reason_are_one() -> None:
    verdict = golden.verdict("unknown")
    asked = tuple(
        Unknown(rule=rule, subject="GPU 0", why="lost", detail="fell off the bus") for rule in ("a", "b", "a")
    )
    assert [question.rules for question in questions((*asked, *verdict.unknowns))] == [("a", "b"), ("part-differs",)]
    assert tally(replace(verdict, unknowns=asked)) == "2 unknown"


def test_nothing_to_count_is_said() -> None:
    assert tally(replace(golden.verdict("unknown"), unknowns=())) == "nothing differs"


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("workstation", "NVIDIA GeForce RTX 4090 is not h100-sxm5-80gb: memory bandwidth 0.30x (same-vendor, needs"),
        ("production", "8x NVIDIA H100 80GB HBM3 is 8x h100-sxm5-80gb: identical"),
        ("unknown", "h100-sxm5-80gb wanted, no GPU that could be read: libnvidia-ml.so.1 not found"),
        ("slice", "NVIDIA A100-SXM4-40GB [mig 1g.5gb] is not as the target a100-sxm4-40gb: memory size 0.12x"),
        ("links", "2x NVIDIA H100 80GB HBM3 is 2x h100-sxm5-80gb, but: link incomplete"),
    ],
)
def test_the_headline_carries_what_decides(case: str, told: str) -> None:
    assert headline(golden.verdict(case)).startswith(told)


@pytest.mark.parametrize("limit", [40, 80, 120])
@pytest.mark.parametrize("case", golden.CASES)
def test_a_headline_keeps_its_limit_and_says_when_it_is_cut(case: str, limit: int) -> None:
    whole, cut = headline(golden.verdict(case), limit=1000), headline(golden.verdict(case), limit=limit)
    assert len(cut) <= limit
    assert cut == whole or ".." in cut


def test_a_missing_library_is_told_within_the_line() -> None:
    loader = "libnvidia-ml.so.1: cannot open shared object file: No such file or directory"
    unknown = golden.verdict("unknown")
    gap = replace(unknown.unknowns[0], detail=f"NVML cannot be used: {loader}; no AMD GPU")
    assert headline(replace(unknown, unknowns=(gap,))) == (
        "h100-sxm5-80gb wanted, no GPU that could be read: NVML cannot be used: libnvidia-ml.so.1 not found; no AMD GPU"
    )


def test_long_names_give_way_before_the_ratio() -> None:
    told = headline(golden.named("NVIDIA Prototype " + "N" * 300))
    assert len(told) == 120
    assert told.startswith("NVIDIA Prototype NNN")
    assert told.endswith("NN.. is not h100-sxm5-80gb: memory bandwidth 0.30x (same-vendor, needs equivalent)")


def test_devices_are_counted_by_name() -> None:
    assert here_text(golden.verdict("mixed")) == "1x NVIDIA GeForce RTX 4090, 1x NVIDIA GeForce RTX 3090"
    assert devices_text(golden.verdict("production")) == "8x NVIDIA H100 80GB HBM3"


def test_devices_that_a_file_told_are_not_said_to_be_here() -> None:
    verdict = golden.verdict("production")
    assert here_text(verdict) == "8x NVIDIA H100 80GB HBM3 (saved fingerprint)"
    live = replace(verdict, fingerprint=replace(verdict.fingerprint, origin=Origin(kind="live")))
    assert here_text(live) == "8x NVIDIA H100 80GB HBM3"


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        (
            Origin(kind="live", captured_at="2026-11-22T23:54:29+00:00", saved=True),
            " (saved fingerprint of 2026-11-22)",
        ),
        (Origin(kind="report", reader="nvidia-smi-q", saved=True), " (saved report: nvidia-smi-q)"),
        (Origin(kind="live", captured_at="a\x1b[2Jb\nc", saved=True), " (saved fingerprint of a?[2Jb c)"),
        (Origin(kind="live", captured_at="2026-11-22T23:54:29+00:00"), ""),
    ],
)
def test_a_file_says_what_it_is_and_of_which_day(origin: Origin, told: str) -> None:
    assert saved_text(origin) == told


def test_control_characters_are_shown_not_obeyed() -> None:
    assert one_line("a\x1b]0;title\x07b\r\nc\u202ed") == "a?]0;title?b  c?d"
