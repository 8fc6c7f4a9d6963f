"""Knows when the clocks ran by somebody's setting while a test ran, where a driver tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice


def check(here: WatchedDevice, *, share: float) -> Iterator[Mismatch]:
    """Yield a mismatch when the driver names a clock setting as what limits it, or says that clocks are forced.

    NVIDIA has no getter for locked clocks; its event reason for application clocks is the nearest.
    """
    for throttle in here.throttled:
        if throttle.cause == "app-clocks" and throttle.readings and throttle.seen / throttle.readings > share:
            clock = here.series.get("clock_sm_mhz")
            at = f" at {clock.max:.0f} MHz" if clock else ""
            yield Mismatch(
                subject=here.label,
                here="set",
                wanted="free",
                message=f"a clock setting limited the clocks{at} at {throttle.seen} of {throttle.readings} readings",
            )
    locked = here.series.get("clock_locked")
    if locked is not None and locked.max > 0:
        yield Mismatch(
            subject=here.label, here="forced", wanted="auto", message="the driver says that the clocks are forced"
        )
