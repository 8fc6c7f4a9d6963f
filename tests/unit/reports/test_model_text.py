"""The text of ``parity model``: compared with golden files, within its width, safe to print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import golden
import models
import msgspec
import pytest

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
