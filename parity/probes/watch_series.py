"""Knows the names of the watcher's series: which are counters, and what share of the time one of throttling tells.

Standard library only: the watcher's child loads it.
"""

from __future__ import annotations

NS, TICK = "limited_ns.", "limited_ticks."
"""Begin the counters of how long a cause held the clocks down: in nanoseconds, or in ticks of ``TICKS``."""
TICKS = "limited_ticks"
"""The time base of the latter."""
MOVED = ("energy_mj", "ecc_corrected", "ecc_uncorrected", "pcie_replays")
"""Counters of which only what they moved by is told."""


def is_counter(name: str) -> bool:
    """Return whether a series only ever grows, so that its values say nothing and their distance does.

    >>> is_counter("limited_ns.hw-thermal"), is_counter("limited_ticks"), is_counter("clock_sm_mhz")
    (True, True, False)
    """
    return name in MOVED or name == TICKS or is_of_throttling(name)


def is_of_throttling(name: str) -> bool:
    """Return whether a series counts how long a cause held the clocks down."""
    return name.startswith((NS, TICK))


def cause_of(name: str) -> str:
    """Return the cause that a counter of throttling is about.

    >>> cause_of("limited_ns.hw-thermal"), cause_of("limited_ticks.ppt")
    ('hw-thermal', 'ppt')
    """
    return name.removeprefix(NS).removeprefix(TICK)


def share_of(name: str, moved: float, *, seconds: float, ticks: float | None) -> float | None:
    """Return for what part of the time a cause held the clocks down; None for other series, or without a time base.

    Args:
        name: of the series.
        moved: by what it grew.
        seconds: meanwhile.
        ticks: by what ``TICKS`` grew meanwhile; None: not known.

    >>> share_of("limited_ns.sw-thermal", 5e8, seconds=2.0, ticks=None)
    0.25
    >>> share_of("limited_ticks.ppt", 50.0, seconds=2.0, ticks=200.0)
    0.25
    """
    if name.startswith(NS) and seconds > 0:
        return min(1.0, moved / 1e9 / seconds)
    if name.startswith(TICK) and ticks and ticks > 0:
        return min(1.0, moved / ticks)
    return None
