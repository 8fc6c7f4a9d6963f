"""The page of `parity doctor`: the verdict first, bars that say what the table says, hostile names as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import golden
import machines
import msgspec
import pytest
from html_page import HOSTILE, checked
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.model.finding import Finding, Unknown
from parity.model.fingerprint import Note
from parity.model.rule import CONCLUSIONS
from parity.reports.html.doctor import facts_of, render
from parity.reports.rows import CONCLUSION_WORDS, headline, rows

if TYPE_CHECKING:
    from parity.model.verdict import Verdict

replace = msgspec.structs.replace
H100 = "GPU 0: NVIDIA GeForce RTX 4090 against h100-sxm5-80gb; the mark is the target"


def shown(case: str) -> str:
    return render(golden.verdict(case), facts_of(machines.target(golden.target_of(case))))


@pytest.mark.parametrize("case", golden.CASES)
def test_every_page_is_sound(case: str) -> None:
    page = checked(shown(case))
    [heading] = page.texts["h1"]
    assert headline(golden.verdict(case), limit=400) in heading


@pytest.mark.parametrize("case", golden.CASES)
def test_a_page_needs_no_target_facts(case: str) -> None:
    checked(render(golden.verdict(case)))


def test_the_verdict_comes_first_and_what_carries_over_second() -> None:
    page = checked(shown("workstation"))
    assert page.texts["h2"][:2] == ["What carries over", "Here against the target"]
    assert page.texts["title"][0].startswith("MISMATCH · 1x NVIDIA GeForce RTX 4090 against h100-sxm5-80gb")
    words = {"yes": "carries over", "no": "does not carry over"}
    for name in CONCLUSIONS:
        answer = getattr(golden.verdict("workstation").transfers, name)
        assert f"{CONCLUSION_WORDS[name]}{'✓' if answer == 'yes' else '✕'} {words[answer]}" in page.text


def test_only_the_level_that_was_reached_stands_out() -> None:
    source = shown("workstation")
    ladder = source[source.index('<ol class="ladder"') : source.index("</ol>", source.index('<ol class="ladder"'))]
    assert '<li class="enough"><b>identical</b> would pass</li><li class="enough"><b>equivalent</b> required' in ladder
    assert '<li class="at"><b>same-vendor</b> here</li>' in ladder
    unknown = shown("unknown")
    assert 'class="at' not in unknown[unknown.index('<ol class="ladder"') : unknown.index("</ol>")]


def test_the_bars_are_the_ratios_of_the_table() -> None:
    page = checked(shown("workstation"))
    told = page.tables[H100]
    assert told[0] == ["fact", "here", "target", "ratio", "here over target"]
    ratios = {row[0]: row[3] for row in told[1:]}
    assert ratios["memory bandwidth"] == "0.30x"
    assert ratios["dense matrix rate"] == "0.17x"
    drawn = bars(page.source)
    found = [f.ratio for f in golden.verdict("workstation").findings if f.ratio is not None]
    scale = max(found)
    assert 1 < scale < 2
    assert drawn[: len(found)] == [pytest.approx(ratio / scale, abs=1e-4) for ratio in found]
    assert len(drawn) == len(told) - 1


def bars(source: str) -> list[float]:
    """Return the widths of the ratio bars, 0 to 1."""
    pieces = [one.split("</svg>")[0] for one in source.split('class="bar" aria-hidden="true"')[1:]]
    widths = [one.split('<rect width="')[2].split('%"')[0] for one in pieces]
    return [float(width) / 100 for width in widths]


def test_every_finding_is_told_with_its_mend() -> None:
    verdict = golden.verdict("workstation")
    page = checked(shown("workstation"))
    named = {
        row[1] for name in ("Errors, what decides most first", "What else differs") for row in page.tables[name][1:]
    }
    assert named == {finding.rule for finding in verdict.findings}
    for row in rows(verdict):
        assert row.finding.message in page.text
        assert row.finding.mend in page.text


def test_the_roofline_stands_only_where_both_devices_are_known() -> None:
    page = checked(shown("workstation"))
    assert page.tables["Ceilings of one device"][1:] == [
        ["here", "165.2 TFLOPS", "1008 GB/s", "163.9 FLOP/B"],
        ["h100-sxm5-80gb", "989.4 TFLOPS", "3352 GB/s", "295.1 FLOP/B"],
    ]
    assert "Roofline" not in checked(shown("slice")).texts["h2"]
    assert "Roofline" not in checked(render(golden.verdict("workstation"))).texts["h2"]


def test_the_device_that_is_farthest_from_the_target_comes_first() -> None:
    page = checked(shown("mixed"))
    captions = [name for name in page.tables if "the mark is the target" in name]
    assert captions[0].startswith("GPU 1: NVIDIA GeForce RTX 3090")


def test_what_passes_asks_for_nothing() -> None:
    page = checked(shown("production"))
    assert "What to do next" not in page.texts["h2"]
    assert "Errors, what decides most first" not in page.tables
    assert page.text.count("✓ carries over") == len(CONCLUSIONS)


def test_a_waiver_is_told_with_its_owner() -> None:
    text = checked(shown("waived")).text
    assert "Waived until 2027-03-31 by perf-team: the pool is capped" in text


def hostile(text: str, *, count: int = 1) -> Verdict:
    """Return a verdict in which every text that others choose is this one."""
    verdict = golden.verdict("workstation")
    one = Finding(rule="arch-differs", severity="error", subject=f"GPU 0 ({text})", here=text, wanted=text, ratio=0.5,
                  message=text, mend=text)  # fmt: skip
    many = [
        replace(one, here=f"{number} {text}", ratio=None if number % 2 else number * 1e-4) for number in range(count)
    ]
    device = replace(verdict.devices[0], name=text, partition=text, contradictions=(text,), evidence=(text,),
                     facts={"form_factor": text})  # fmt: skip
    target = replace(verdict.target, id=text, name=text, source=text)
    fingerprint = replace(verdict.fingerprint, notes=(Note(source=text, text=text),))
    unknowns = (Unknown(rule=text, subject=text, why="failed", detail=text),)
    return replace(verdict, devices=(device,), findings=tuple(many), unknowns=unknowns, target=target,
                   fingerprint=fingerprint, transfer_reasons={"memory_fit": (text,)})  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    page, plain = checked(render(hostile(text))), checked(render(hostile("plain")))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]


@settings(max_examples=40)
@given(st.text(max_size=80))
def test_no_text_breaks_a_page(text: str) -> None:
    checked(render(hostile(text)))


def test_ten_thousand_findings_stay_a_page() -> None:
    source = render(hostile("x" * 900, count=10_000))
    page = checked(source)
    assert len(source) < 4_000_000
    assert len(page.tables["Errors, what decides most first"]) == 501
    assert "and 9500 more; `--format json` has all of them" in page.text


def test_private_names_of_the_reading_are_masked() -> None:
    verdict = golden.verdict("workstation")
    note = Note(source="nvml", text="GPU-2c1f2a3b-0a1b-2c3d-4e5f-6a7b8c9d0e1f is in use by /home/alice/run.py")
    told = render(replace(verdict, fingerprint=replace(verdict.fingerprint, notes=(note,))))
    assert "alice" not in told
    assert "2c1f2a3b" not in told
    assert "is in use by" in told


def test_what_no_rule_compares_is_not_called_good() -> None:
    verdict = golden.verdict("workstation")
    facts = {**verdict.devices[0].facts, "tflops_fp8": 330.3, "power_default_w": 700.0}
    device = replace(verdict.devices[0], facts=facts)
    source = render(replace(verdict, devices=(device,), findings=()), {"tflops_fp8": 1979.0, "power_default_w": 700})
    told = checked(source).tables[H100][1:]
    assert [(row[0], row[3]) for row in told] == [("dense FP8", "0.17x"), ("default power", "1.00x")]
    drawn = [one.split("</svg>")[0] for one in source.split('class="bar" aria-hidden="true"')[1:]]
    assert ["f-good" in one for one in drawn] == [False, True]
    assert "f-here" in drawn[0]
