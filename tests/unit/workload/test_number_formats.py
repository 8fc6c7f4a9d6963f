"""Number formats: block formats have their scales, and are computed as what they scale."""

from __future__ import annotations

import models
import pytest

from parity.errors import UnknownNameError
from parity.workload.dtypes import check_dtypes
from parity.workload.number_formats import CACHES, FORMATS, computed_as, format_named


@pytest.mark.parametrize(
    ("name", "bits", "units"),
    [("nvfp4", 4.5, "fp4"), ("mxfp4", 4.25, "fp4"), ("mxfp6", 6.25, "fp6"), ("mxfp8", 8.25, "fp8"), ("fp8", 8, "fp8"),
     ("bf16", 16, "bf16"), ("fp4", 4.5, "fp4"), ("int4", 4.15625, "int4")],
)  # fmt: skip
def test_a_weight_has_the_bits_of_its_scales(name: str, bits: float, units: str) -> None:
    found = format_named(name.upper(), where="--dtype")
    assert (found.weight_size * 8, computed_as(found.name)) == (bits, units)
    assert found.narrow == (bits < 16)


def test_a_block_format_asks_for_the_units_of_its_elements() -> None:
    question = models.question("llama-3.1-70b", "h200", dtype="nvfp4")
    assert (question.weight_dtype, question.compute_dtype) == ("nvfp4", "fp4")
    rows = {row.dtype: row for row in check_dtypes(question)}
    assert rows["fp4"].used
    assert rows["fp4"].target == "no"


def test_caches_are_a_part_of_the_formats() -> None:
    assert set(CACHES) < set(FORMATS)
    with pytest.raises(UnknownNameError):
        format_named("tf32", where="--kv-dtype", known=CACHES)
