"""Knows when somebody set a device's clocks below what the part can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target, *, at_least: float) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the application clock is under ``at_least`` times its default, or the boost is capped.

    Locked clocks have no getter in NVML; they show as a measured clock only.
    """
    del wanted
    yield from _customer_boost(here, at_least)
    set_clock = here.conditions.clock_application_sm_mhz
    default = here.conditions.clock_application_default_sm_mhz
    if isinstance(set_clock, Absent) or isinstance(default, Absent):
        return  # removed from drivers since CUDA 13: nothing to ask any more
    if default.value and set_clock.value < at_least * default.value:
        yield Mismatch(
            subject=here.label,
            here=f"{set_clock.value} MHz",
            wanted=f"{default.value} MHz",
            ratio=round(set_clock.value / default.value, 4),
            message=f"application clocks are set to {set_clock.value} MHz, their default is {default.value} MHz",
        )


def _customer_boost(here: Subject, at_least: float) -> Iterator[Mismatch]:
    """Yield a mismatch when the customer boost clock is set below the maximum the same driver reports."""
    boost, most = here.conditions.clock_customer_boost_mhz, here.device.identity.clock_boost_mhz
    if isinstance(boost, Absent) or isinstance(most, Absent) or not 0 < boost.value < at_least * most.value:
        return
    yield Mismatch(
        subject=here.label,
        here=f"{boost.value} MHz",
        wanted=f"{most.value} MHz",
        ratio=round(boost.value / most.value, 4),
        message=f"the boost clock is capped at {boost.value} MHz, the maximum is {most.value} MHz",
    )
