"""Knows when the clock under load did not stay what it was while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.throttled_during_test import POWER_CAPS, stands
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice

BUSY = "clock_busy_mhz"  # the clock at samples that found the device at work, the first after idling left out
APPLICATION = "clock_application_mhz"


def check(here: WatchedDevice, *, at_least: float, samples: int, capped: float) -> Iterator[Mismatch]:
    """Yield a mismatch when the slowest busy sample is below ``at_least`` times the fastest, or a setting moved.

    At the power cap clocks move with the data; a rule of its own tells that.

    Args:
        here: a watched device.
        at_least: least / greatest clock under load.
        samples: busy samples below which nothing is said.
        capped: share of the test at the power cap from which on it explains the clocks.
    """
    busy = here.series.get(BUSY)
    is_capped = any(one.cause in POWER_CAPS and stands(one, share=capped, seconds=0.0) for one in here.throttled)
    if not is_capped and busy is not None and busy.samples >= samples and busy.min < at_least * busy.max:
        yield Mismatch(
            subject=here.label,
            here=f"{busy.min:.0f} MHz",
            wanted=f"{busy.max:.0f} MHz",
            ratio=busy.min / busy.max,
            message=f"the clock under load moved between {busy.min:.0f} and {busy.max:.0f} MHz",
        )
    application = here.series.get(APPLICATION)
    if application is not None and application.begin != application.end:
        yield Mismatch(
            subject=here.label,
            here=f"{application.end:.0f} MHz",
            wanted=f"{application.begin:.0f} MHz",
            ratio=application.end / application.begin if application.begin else None,
            message=f"the application clock was set from {application.begin:.0f} to {application.end:.0f} MHz",
        )
