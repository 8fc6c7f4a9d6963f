"""Knows when a power cap below the board's default held the clocks down, or the cap was moved while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.power_cap_bound_during_test import bound, limits
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice


def check(here: WatchedDevice, *, share: float, tolerance_w: float) -> Iterator[Mismatch]:
    """Yield a mismatch when a lowered cap was binding, and one when the cap changed."""
    told = bound(here, share=share)
    limit = limits(here)
    if told and limit and limit[0] < limit[1]:
        yield Mismatch(
            subject=here.label,
            here=f"{limit[0]:.0f} W",
            wanted=f"{limit[1]:.0f} W",
            ratio=limit[0] / limit[1],
            message=f"a power cap of {limit[0]:.0f} W, below the default of {limit[1]:.0f} W, held the clocks down: "
            f"{told}",
        )
    series = here.series.get("power_limit_w")
    if series is not None and series.max - series.min > tolerance_w:
        yield Mismatch(
            subject=here.label,
            here=f"{series.end:.0f} W",
            wanted=f"{series.begin:.0f} W",
            message=f"the power cap moved between {series.min:.0f} and {series.max:.0f} W",
        )
