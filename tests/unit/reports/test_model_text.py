"""The text of ``parity model``: compared with golden files, within its width, safe to print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import golden
import models
import msgspec
import pytest

from parity.model.workload import Parallelism
from parity.reports.model_text import render
from parity.workload.estimate import estimate

if TYPE_CHECKING:
    from parity.model.workload import ModelReport


def report(name: str, on: str, **asked: Any) -> ModelReport:
    return estimate(models.question(name, on, **asked), source="config.json")


CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "model-two-h100.txt": ("llama-3.1-70b", "2xh100", {"here": "rtx-4090"}, {}),
    "model-two-h100-verbose.txt": ("llama-3.1-70b", "2xh100", {"here": "rtx-4090"}, {"verbose": True}),
    "model-mixture.txt": ("deepseek-v3", "8xmi300x", {"here": "8xh100"}, {"width": 100}),
    "model-hybrid.txt": ("jamba-v0.1", "2xb300", {"context": 100_000, "batch": 16}, {}),
}


@pytest.mark.parametrize("file", CASES)
def test_golden(file: str) -> None:
    name, on, asked, how = CASES[file]
    golden.agrees(file, render(report(name, on, **asked), **how))


def test_colour_adds_only_escapes() -> None:
    told = report("llama-3.1-405b", "h100")
    plain, coloured = render(told), render(told, colour=True)
    assert plain.startswith("DOES NOT FIT")
    assert "\x1b[31mDOES NOT FIT\x1b[0m" in coloured
    assert plain == coloured.replace("\x1b[31m", "").replace("\x1b[33m", "").replace("\x1b[36m", "").replace(
        "\x1b[0m", ""
    )


def test_nothing_unknown_is_printed_as_a_number() -> None:
    told = report("llama-3.1-8b", "h100/1g.10gb")
    text = render(told)
    assert "ridge point" in text
    assert "None" not in text
    assert "unknown" in text


def test_a_hostile_name_stays_on_its_line() -> None:
    told = report("llama-3.1-8b", "h100")
    summary = msgspec.structs.replace(told.model, model_type="caf\u00e9")
    assert render(msgspec.structs.replace(told, model=summary), ascii_only=True).isascii()


def test_a_model_that_cannot_be_split_so_says_it_on_the_first_line() -> None:
    uneven = report("qwen2.5-7b", "8xh100", spread=Parallelism(tp=8))
    assert "; but these ranks cannot split it" in " ".join(render(uneven).split("\n  stored")[0].split())
    assert "cannot split" not in render(report("llama-3.1-8b", "8xh100", spread=Parallelism(tp=8)))


def test_no_engine_has_no_reserve() -> None:
    assert "left with nothing kept back" in render(report("llama-3.1-8b", "h100", engine="none"))
    assert "left with the engine's usual reserve" in render(report("llama-3.1-8b", "h100", engine="vllm"))


def test_a_window_says_what_a_token_takes_until_it_is_full() -> None:
    assert "cache 0 B per token, 128 KiB up to 4096 of them" in render(report("mistral-7b-v0.1", "h100"))


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_asked(width: int) -> None:
    told = report("deepseek-v3", "8xh200", spread=Parallelism(tp=8))
    assert max(map(len, render(told, width=width).split("\n"))) <= width
