"""Number formats: what the catalog says, what it does not, and what differs from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import models
import pytest

from parity.workload.dtypes import check_dtypes, support

if TYPE_CHECKING:
    from parity.model.workload import DtypeSupport


def rows(name: str, on: str, **asked: object) -> dict[str, DtypeSupport]:
    return {row.dtype: row for row in check_dtypes(models.question(name, on, **asked))}


@pytest.mark.parametrize(
    ("target", "dtype", "wanted"),
    [
        ("h100", "fp8", "yes"),
        ("a100", "fp8", "no"),
        ("rtx-5090", "fp8", "yes"),
        ("b200", "fp4", "yes"),
        ("h100", "fp4", "no"),
        ("rtx-5090", "fp6", "unknown"),
        ("b300", "int8", "throttled"),
        ("b300", "fp64", "throttled"),
        ("b200", "int8", "yes"),
        ("h100", "fp64", "yes"),
    ],
)
def test_support(target: str, dtype: str, wanted: str) -> None:
    answer, _, note = support(models.target(target), dtype)
    assert answer == wanted
    assert bool(note) == (wanted != "yes" or (target, dtype) == ("rtx-5090", "fp8"))


def test_an_absent_fact_is_unknown_with_the_reason() -> None:
    assert support(models.target("b300"), "fp6") == (
        "unknown", None, f"the catalog has no sourced tflops_fp6 of {models.target('b300').id}",
    )  # fmt: skip


def test_dialect_and_warp_size_differ_between_vendors() -> None:
    told = rows("deepseek-v3", "mi300x", here="h100")
    assert (told["fp8 dialect"].target, told["fp8 dialect"].here) == ("fnuz", "ocp")
    assert told["fp8 dialect"].note.startswith("the same bits mean half the value")
    assert (told["warp size"].target, told["warp size"].here) == ("64", "32")
    assert told["warp size"].note
    assert rows("deepseek-v3", "h200", here="h100")["warp size"].note == ""


def test_the_formats_in_use_are_marked() -> None:
    assert {name for name, row in rows("deepseek-v3", "h200").items() if row.used} == {"fp8", "bf16", "fp8 dialect"}
    assert {name for name, row in rows("llama-3.1-8b", "h200").items() if row.used} == {"bf16"}
