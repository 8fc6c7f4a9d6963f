"""Knows when ECC is set otherwise than production has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, Reading
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when ECC is not as production usually has it: on for HBM parts, else the part's own default.

    ECC on GDDR costs capacity and bandwidth; ECC off on a data-center part is not how production runs.
    """
    if "ecc" in wanted.conditions or "ecc_enabled" in wanted.conditions:
        return  # `target-condition-unmet` judges what is declared
    expected = _usual(here, wanted)
    if expected is None or here.vendor != wanted.spec.vendor:
        return
    have = here.conditions.ecc_enabled
    if isinstance(have, Absent):
        yield have
    elif have.value != expected:
        here_text, wanted_text = ("on" if value else "off" for value in (have.value, expected))
        yield Mismatch(
            subject=here.label,
            here=here_text,
            wanted=wanted_text,
            message=f"ECC is {here_text} here, {wanted_text} on the target",
        )


def _usual(here: Subject, wanted: Target) -> bool | None:
    """Return the ECC state of production when nobody declares it: on for HBM, else the part's own default."""
    if here.spec is None or here.spec.id != wanted.id:
        return None  # another part's setting says nothing, and its other rules say enough
    kind = wanted.fact("memory_type")
    if isinstance(kind, Reading) and str(kind.value).startswith("HBM"):
        return True
    default = here.device.identity.ecc_default
    return default.value if isinstance(default, Reading) else None
