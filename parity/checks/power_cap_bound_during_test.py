"""Knows when the power cap held the clocks down while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.throttled_during_test import POWER_CAPS, described, stands
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice


def check(here: WatchedDevice, *, share: float) -> Iterator[Mismatch]:
    """Yield a mismatch when the cap was binding and is not known to be below the board's default."""
    told = bound(here, share=share)
    limit = limits(here)
    if told and not (limit and limit[0] < limit[1]):
        cap = f" of {limit[0]:.0f} W" if limit else ""
        yield Mismatch(
            subject=here.label,
            here=told,
            wanted="not bound",
            message=f"the power cap{cap} held the clocks down: {told}",
        )


def bound(here: WatchedDevice, *, share: float) -> str:
    """Return how long the cap was binding, empty when it was not for more than ``share`` of the test."""
    held = [t for t in here.throttled if t.cause in POWER_CAPS and stands(t, share=share, seconds=0.0)]
    return "; ".join(described(throttle) for throttle in held)


def limits(here: WatchedDevice) -> tuple[float, float] | None:
    """Return (the least limit of the test, the board's default) in watts; None when one is not known."""
    series, default = here.series.get("power_limit_w"), here.settings.get("power_default_w")
    return None if series is None or default is None else (series.min, default)
