"""Knows when the device was cut up or reconfigured while a test ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import WatchedDevice

_MODES = {
    "mig_enabled": ("MIG", {0: "off", 1: "on"}),
    "ecc_enabled": ("ECC", {0: "off", 1: "on"}),
    "compute_partition": ("the compute partition", {1: "SPX", 2: "DPX", 3: "TPX", 4: "QPX", 5: "CPX"}),
    "memory_partition": ("the memory partition", {n: f"NPS{n}" for n in (1, 2, 4, 8)}),
}


def check(here: WatchedDevice) -> Iterator[Mismatch]:
    """Yield a mismatch for each mode that was not the same at both ends, or moved in between."""
    for name, (what, words) in _MODES.items():
        series = here.series.get(name)
        if series is None or series.min == series.max:
            continue
        begin, end = (words.get(int(value), f"{value:g}") for value in (series.begin, series.end))
        told = f"from {begin} to {end}" if begin != end else f"away from {begin} and back"
        yield Mismatch(subject=here.label, here=end, wanted=begin, message=f"{what} went {told} during the test")
