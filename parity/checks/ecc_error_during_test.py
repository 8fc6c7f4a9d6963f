"""Knows when memory errors were counted while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice


def check(here: WatchedDevice, *, corrected: int, uncorrected: int) -> Iterator[Mismatch]:
    """Yield a mismatch for each kind of error that was counted more often than its setting allows."""
    for kind, count, allowed in (
        ("corrected", here.ecc_corrected, corrected),
        ("uncorrected", here.ecc_uncorrected, uncorrected),
    ):
        if count is not None and count > allowed:
            told = plural(count, f"{kind} memory error")
            yield Mismatch(subject=here.label, here=told, wanted=str(allowed), message=f"{told} during the test")
