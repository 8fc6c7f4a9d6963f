"""Knows when two parts compute different FP8 encodings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the FP8 dialects differ: gfx942 computes FNUZ (maximum 240), others OCP (448)."""
    have, need = here.fact("fp8_dialect"), wanted.fact("fp8_dialect")
    if isinstance(have, Absent):
        yield have
    elif isinstance(need, Absent):
        yield need
    elif have.value != need.value:
        yield Mismatch(
            subject=here.label,
            here=str(have.value),
            wanted=str(need.value),
            message=f"FP8 is {_words(str(have.value))} here, {_words(str(need.value))} on {wanted.id}",
        )


def _words(dialect: str) -> str:
    words = {"none": "not computed", "ocp": "OCP (E4M3 up to 448)", "fnuz": "FNUZ (E4M3 up to 240)"}
    return words.get(dialect, dialect)
