"""Knows which readings count and which nodes are missing: by name and by time."""

from __future__ import annotations

import math
import statistics
from array import array
from collections import Counter
from typing import TYPE_CHECKING

from parity.fleet.times import parsed
from parity.model.fleet import Apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

APART_S = 86_400.0
"""A reading this far from the median time of all may tell of a machine that is no longer so."""


class Roll:
    """Keeps the name and the time of each reading.

    Attributes:
        names: by number.
    """

    def __init__(self) -> None:
        """Hold none."""
        self.names: list[str] = []
        self._times = array("d")  # seconds since the epoch; NaN where none is told

    def add(self, name: str, captured_at: str) -> int:
        """Take a reading; return its number."""
        self.names.append(name)
        when = parsed(captured_at)
        self._times.append(when.timestamp() if when else math.nan)
        return len(self.names) - 1

    def latest(self) -> list[int]:
        """Return the newest reading of each name; where none tells its time, the last."""
        newest: dict[str, int] = {}
        for number, name in enumerate(self.names):
            known = newest.get(name)
            if known is None or self._age(number) >= self._age(known):
                newest[name] = number
        return sorted(newest.values())

    def repeated(self) -> tuple[str, ...]:
        """Return the names that more than one reading bears."""
        return tuple(name for name, count in Counter(self.names).items() if count > 1)

    def missing(self, expected: Sequence[str] | int | None, counted: Iterable[int]) -> tuple[int, tuple[str, ...]]:
        """Return how many nodes should be there and are not, and their names where those are known."""
        present = {self.names[number] for number in counted}
        if expected is None:
            return 0, ()
        if isinstance(expected, int):
            return max(0, expected - len(present)), ()
        names = tuple(name for name in dict.fromkeys(expected) if name not in present)
        return len(names), names

    def apart(self, counted: Iterable[int]) -> Iterator[Apart]:
        """Yield the readings that were taken long before or after most."""
        told = [number for number in counted if not math.isnan(self._times[number])]
        if not told:
            return
        middle = statistics.median_low(self._times[number] for number in told)
        for number in sorted(told, key=self._times.__getitem__):
            distance = self._times[number] - middle
            if abs(distance) > APART_S:
                yield Apart(node=self.names[number], days=round(distance / APART_S, 1))

    def _age(self, number: int) -> float:
        """Return when a reading was taken; one that tells no time is older than any that does."""
        when = self._times[number]
        return -math.inf if math.isnan(when) else when
