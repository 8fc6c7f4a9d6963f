"""The page of `parity model`: memory stacked against capacity, ceilings and roofline with the text's own numbers."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import models
import msgspec
import pytest
from html_page import HOSTILE, checked

from parity.model.finding import Waiver
from parity.model.workload import ModelFinding, Unknown
from parity.reports import model_text
from parity.reports.html.model import render
from parity.reports.html.model_memory import parts_of
from parity.reports.model_rows import size_text
from parity.workload.estimate import estimate

if TYPE_CHECKING:
    from parity.model.workload import ModelReport

replace = msgspec.structs.replace
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "two": ("llama-3.1-70b", "2xh100", {"here": "rtx-4090"}),
    "mixture": ("deepseek-v3", "8xmi300x", {"here": "8xh100"}),
    "hybrid": ("jamba-v0.1", "2xb300", {"context": 100_000, "batch": 16}),
    "slice": ("llama-3.1-8b", "h100/1g.10gb", {}),
    "small": ("gpt2", "b300", {"here": "l40s"}),
}


def report(case: str) -> ModelReport:
    name, on, asked = CASES[case]
    return estimate(models.question(name, on, **asked), source="config.json")


@pytest.mark.parametrize("case", CASES)
def test_every_page_is_sound(case: str) -> None:
    page = checked(render(report(case)))
    assert report(case).footprint.target.why in page.texts["h1"][0]
    assert "None" not in page.text
    assert "nan" not in page.text


@pytest.mark.parametrize("case", CASES)
def test_the_page_says_what_the_terminal_says(case: str) -> None:
    told = checked(render(report(case))).text
    for line in model_text.render(report(case), width=120).splitlines():
        row = re.match(r"  (weights|cache|activations|engine|smallest count|prefill) {2,}(.*)", line)
        for value in re.split(r" {2,}", row[2]) if row else ():
            assert value in told, line


@pytest.mark.parametrize("case", ["two", "mixture", "small"])
def test_the_bars_are_the_sizes_of_the_table(case: str) -> None:
    made = report(case)
    source = render(made)
    table = checked(source).tables["What the fullest device holds"]
    drawn = [one.split("</svg>")[0] for one in source.split('class="bar stack-bar"')[1:]]
    places = [made.footprint.target, made.footprint.here]
    assert len(drawn) == 2
    per_byte = []
    for column, (place, picture) in enumerate(zip(places, drawn, strict=True), start=1):
        assert place is not None
        parts = parts_of(place)
        assert parts is not None
        assert [row[column] for row in table[1:3]] == [size_text(place.weights_bytes), size_text(place.kv_bytes)]
        widths = dict(re.findall(r'width="([\d.]+)%" y="0" height="100%" class="part-([abcd])"', picture))
        for width, name in widths.items():
            size = next(part.low for part in parts if part.class_ == f"part-{name}")
            if float(width) > 1:
                per_byte.append(float(width) / size)
        [mark] = re.findall(r'<line x1="([\d.]+)%"[^>]*class="s-mark"', picture)
        assert place.memory_bytes is not None
        per_byte.append(float(mark) / place.memory_bytes)
    assert per_byte == [pytest.approx(per_byte[0], rel=0.02)] * len(per_byte)


def test_ceilings_stand_as_ratios_of_here_to_the_target() -> None:
    made = report("two")
    table = checked(render(made)).tables["From published peaks, all devices together; no kernel reaches them"]
    assert table[0] == ["ceiling", "2x h100-sxm5-80gb", "1x rtx-4090", "ratio", "here over target"]
    here, target = made.bound.here, made.bound.target
    assert here is not None
    assert table[1][3] == f"{(here.decode_tokens_s or 0) / (target.decode_tokens_s or 1):.2f}x" == "0.15x"


def test_the_letters_of_the_roofline_are_told_beside_it() -> None:
    made = report("two")
    page = checked(render(made))
    phases = [row[0] for row in page.tables["What binds each phase"][1:]]
    assert phases == [f"{letter}: {phase.phase}" for letter, phase in zip("ABC", made.bound.phases, strict=True)]
    source = render(made)
    assert [f">{letter}</text>" in source for letter in "ABCD"] == [True, True, True, False]


def test_an_unknown_size_is_no_bar() -> None:
    made = report("slice")
    target = replace(made.footprint.target, weights_bytes=None)
    unknown = replace(made, footprint=replace(made.footprint, target=target))
    assert 'class="bar stack-bar"' in render(made)
    assert 'class="bar stack-bar"' not in render(unknown)
    checked(render(unknown))


def test_a_waived_finding_says_by_whom_and_why() -> None:
    made = report("slice")
    waiver = Waiver(
        rule="poor-tiles", reason="known since the last release", owner="kernels", until=dt.date(2030, 6, 30)
    )
    found = ModelFinding(
        rule="poor-tiles", severity="error", subject="qkv", message="few", mend="change it", waived=waiver
    )
    row = checked(render(replace(made, findings=(found,)))).tables["Findings, the gravest first"][1]
    assert row[0] == "waived"
    assert row[4] == "error, waived until 2030-06-30 by kernels: known since the last release"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    def hostile(text: str) -> ModelReport:
        made = report("slice")
        model = replace(made.model, source=text, model_type=text or "x", quantization=text, dtype=text)
        found = ModelFinding(rule=text, severity="error", subject=text, message=text, mend=text)
        return replace(made, model=model, findings=(found,), unknowns=(Unknown(what=text, why=text),))

    page, plain = checked(render(hostile(text))), checked(render(hostile("plain")))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]


def test_what_stays_wide_stands_beside_what_is_stored() -> None:
    told = estimate(models.question("llama-3.1-8b", "h100", dtype="fp8"), source="config.json")
    assert "cache bf16; wide: embed_tokens, lm_head, norm" in render(told)
    assert "wide:" not in render(estimate(models.question("llama-3.1-8b", "h100"), source="config.json"))
