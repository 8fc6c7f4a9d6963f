"""Knows when the clock under load did not stay what it was while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice

BUSY = "clock_busy_mhz"  # the clock at samples that found the device at work, the first after idling left out
APPLICATION = "clock_application_mhz"


def check(here: WatchedDevice, *, at_least: float, samples: int) -> Iterator[Mismatch]:
    """Yield a mismatch when the slowest busy sample is below ``at_least`` times the fastest, or a setting moved.

    Args:
        here: a watched device.
        at_least: least / greatest clock under load.
        samples: busy samples below which nothing is said.
    """
    busy = here.series.get(BUSY)
    if busy is not None and busy.samples >= samples and busy.min < at_least * busy.max:
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
