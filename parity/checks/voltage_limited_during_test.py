"""Knows when the silicon's voltage held the clocks down while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.throttled_during_test import VOLTAGE, described, stands
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice


def check(here: WatchedDevice, *, share: float) -> Iterator[Mismatch]:
    """Yield a mismatch when a voltage limiter was active for more than ``share`` of the test."""
    held = [one for one in here.throttled if one.cause in VOLTAGE and stands(one, share=share, seconds=0.0)]
    if held:
        told = "; ".join(described(one) for one in held)
        yield Mismatch(
            subject=here.label,
            here=told,
            wanted="no limit",
            message=f"the voltage limit held the clocks during the test: {told}",
        )
