"""Knows when the device was gone before a test ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice


def check(here: WatchedDevice) -> Iterator[Mismatch]:
    """Yield a mismatch when the driver answered that the device is lost."""
    if here.lost:
        yield Mismatch(
            subject=here.label, here="lost", wanted="present", message=f"the device was lost: {here.lost[:160]}"
        )
