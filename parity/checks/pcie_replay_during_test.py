"""Knows when PCIe packets had to be sent again while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice


def check(here: WatchedDevice, *, replays: int) -> Iterator[Mismatch]:
    """Yield a mismatch when more replays were counted than the setting allows."""
    count = here.pcie_replays
    if count is not None and count > replays:
        told = plural(count, "PCIe replay")
        yield Mismatch(subject=here.label, here=told, wanted=str(replays), message=f"{told} during the test")
