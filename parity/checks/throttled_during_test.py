"""Knows when something other than the power cap held the clocks down while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import Throttle, WatchedDevice

# Causes that are no fault: somebody's setting; the power cap, and the voltage, which have rules of their own.
SETTINGS = frozenset({"app-clocks", "display-clocks"})
POWER_CAPS = frozenset({"sw-power-cap", "ppt", "current"})  # AMD's caps of the package's power and of currents
VOLTAGE = frozenset({"board-limit", "reliability"})
# What nvml.h says may also be reported at a change of clocks, and the causes that it stands for.
SLOWDOWN, ITS_CAUSES = "hw-slowdown", frozenset({"hw-thermal", "hw-power-brake"})
OFTEN = 0.1  # of the readings: a change of clocks takes less


def check(here: WatchedDevice, *, share: float, seconds: float) -> Iterator[Mismatch]:
    """Yield a mismatch for the causes that held the clocks down for more than a share of the test and some seconds.

    A cause without a counter counts by the readings at which it was active.
    """
    held = [
        throttle
        for throttle in here.throttled
        if throttle.cause not in SETTINGS | POWER_CAPS | VOLTAGE
        and stands(throttle, share=share, seconds=seconds)
        and not (throttle.cause == SLOWDOWN and _is_change_of_clocks(throttle, here))
    ]
    if held:
        held.sort(key=lambda throttle: -(throttle.share or 0.0))
        told = "; ".join(described(throttle) for throttle in held)
        yield Mismatch(
            subject=here.label, here=told, wanted="full clocks", message=f"throttled during the test: {told}"
        )


def _is_change_of_clocks(throttle: Throttle, here: WatchedDevice) -> bool:
    """Return whether a slowdown was seen now and then, and the driver's counters of its causes did not move."""
    counted = {one.cause for one in here.throttled if one.cause in ITS_CAUSES and one.share == 0}
    return counted == ITS_CAUSES and throttle.share is None and throttle.seen <= max(1, OFTEN * throttle.readings)


def stands(throttle: Throttle, *, share: float, seconds: float) -> bool:
    """Return whether a cause was active for long enough to matter."""
    if throttle.share is not None:
        return throttle.share > share and (throttle.seconds or 0.0) > seconds
    return throttle.readings > 0 and throttle.seen / throttle.readings > share


def described(throttle: Throttle) -> str:
    """Return one cause with its time and share: ``hw-thermal 0.31 s (26 %)``."""
    if throttle.share is not None and throttle.seconds is not None:
        return f"{throttle.cause} {throttle.seconds:.3g} s ({percent(throttle.share)} of it)"
    return f"{throttle.cause} at {throttle.seen} of {throttle.readings} readings"


def percent(share: float) -> str:
    """Return a share as percent with the digits that decide.

    >>> percent(0.256), percent(0.004)
    ('26 %', '0.4 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
