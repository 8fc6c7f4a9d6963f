"""Knows which devices deliver less than their like, by statistics that a few bad ones cannot move."""

from __future__ import annotations

import math
import statistics
from array import array
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from parity.fleet.clusters import two_clusters
from parity.model.fleet import Cluster, MedianDrift, SlowDevice, Undecided
from parity.model.measurement import DRAM, MATMUL, Measurement, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NORMAL_SPREAD = 0.05
"""Devices of one kind that are this far under their median are still healthy."""
NORMAL_SPREAD_OF_TIMES = 0.25
"""A launch takes a few microseconds, of which the host has the most."""
MIN_DEVIATIONS = 3.5
"""Robust standard deviations under the median from which on a device is an outlier (Iglewicz and Hoaglin, 1993)."""
CHANCE = 0.001
"""Among many thousands of devices this part of them may be so much faster than the median without meaning anything."""
MIN_DEVICES = 3
MAX_BEHIND = 100
MAX_RATE = 1e15
"""What claims more measured nothing."""
STEADY = frozenset({*DRAM, *MATMUL})
"""What a device does alone: there devices of one kind are alike, or something is wrong. Paths to hosts and peers are
not: they follow the slots."""
TO_SIGMA = 1.4826
"""From a normal distribution's median absolute deviation to its standard deviation."""


class _Key(NamedTuple):
    part: tuple[str, ...]
    name: str
    kernel: str
    unit: Unit
    pair: tuple[int, int] | None


Own = tuple[str, int, str, str]
"""A node's name, its device, the measurement, the kernel."""


class Rates:
    """Collects measurements, kind by kind; a few machine words each."""

    def __init__(self) -> None:
        """Hold none."""
        self._values: dict[_Key, tuple[array[float], array[int], array[int]]] = {}
        self._disturbed: set[tuple[int, int, str]] = set()

    def add(self, node: int, parts: Mapping[int, tuple[str, ...]], measured: tuple[Measurement, ...]) -> None:
        """Take what one node measured.

        Args:
            node: its number.
            parts: what each of its devices is, by position, its name first; equal ones are held against each other.
            measured: of those devices.
        """
        for one in measured:
            if one.device not in parts or not 0 < one.value < MAX_RATE:
                continue
            pair = None if one.peer is None else (one.device, one.peer)  # another pair goes by another path
            key = _Key(parts[one.device], one.name, one.kernel_label, one.unit, pair)
            if key not in self._values:
                self._values[key] = (array("d"), array("l"), array("l"))
            values, nodes, devices = self._values[key]
            values.append(one.value)
            nodes.append(node)
            devices.append(one.device)
            if one.conditions == "disturbed":
                self._disturbed.add((node, one.device, one.name))

    def by_name(self, names: Sequence[str], counted: frozenset[int]) -> dict[Own, tuple[float, str]]:
        """Return (node's name, device, measurement, kernel) -> (value, unit) of what devices deliver by themselves."""
        found: dict[Own, tuple[float, str]] = {}
        for key, columns in self._values.items():
            if key.name in STEADY:
                for value, node, device in zip(*columns, strict=True):
                    if node in counted:
                        found[names[node], device, key.name, key.kernel] = (value, key.unit)
        return found

    def ascending(
        self, counted: frozenset[int]
    ) -> Iterator[tuple[tuple[str, ...], Measurement, list[tuple[float, int, int]]]]:
        """Yield (part, measurement, (value, node, device) from the lowest on) of what devices deliver by themselves."""
        for key, columns in self._values.items():
            rows = sorted(row for row in zip(*columns, strict=True) if row[1] in counted)
            if rows and key.name in STEADY:
                yield key.part, _measurement(key, rows[0][0]), rows

    def medians(self, counted: frozenset[int]) -> dict[tuple[str, ...], list[Measurement]]:
        """Return what the median device of each part delivers by itself; as of device 0."""
        found: dict[tuple[str, ...], list[Measurement]] = {}
        for key, (values, nodes, _) in self._values.items():
            own = [value for value, node in zip(values, nodes, strict=True) if node in counted]
            if own and key.name in STEADY:
                found.setdefault(key.part, []).append(_measurement(key, statistics.median(own)))
        return found

    def drifts(self, before: Rates, counted: frozenset[int], counted_before: frozenset[int]) -> Iterator[MedianDrift]:
        """Yield the medians that moved by more than a healthy spread, of what was measured alike then and now."""
        then = {
            (part, one.name, one.kernel): one.value
            for part, medians in before.medians(counted_before).items()
            for one in medians
        }
        for part, medians in self.medians(counted).items():
            for one in medians:
                value = then.get((part, one.name, one.kernel), 0.0)
                if value and abs(one.value / value - 1) > NORMAL_SPREAD:
                    yield MedianDrift(
                        name=one.name, part=part[0], unit=one.unit, before=value, after=one.value,
                        ratio=round(one.value / value, 4),
                    )  # fmt: skip

    def judged(
        self, names: Sequence[str], counted: frozenset[int]
    ) -> tuple[tuple[SlowDevice, ...], tuple[Undecided, ...]]:
        """Return the devices that are slower than their like, and the measurements by which that cannot be told.

        A time (``us``) is slow when it is long, a rate when it is low. One device that fell behind stands out by any
        measure; so the distance must be more than a healthy spread and more than this kind's own spread explains. Where
        half of the devices are slow the median says nothing: the two kinds do that they fall into, the spread, or those
        that are faster than it.

        Args:
            names: of the nodes, by number.
            counted: numbers of the nodes that count.
        """
        slow: list[SlowDevice] = []
        undecided: list[Undecided] = []
        rows_of = {key: [row for row in zip(*columns, strict=True) if row[1] in counted]
                   for key, columns in self._values.items()}  # fmt: skip
        most: Counter[_Key] = Counter()  # devices that were measured alike, by any kernel
        for key, rows in rows_of.items():
            most[key._replace(kernel="")] = max(most[key._replace(kernel="")], len(rows))
        for key, rows in rows_of.items():
            if rows:
                like = _Like(key, rows, most[key._replace(kernel="")])
                slow += [
                    like.slow(row, names[row[1]], disturbed=(*row[1:], key.name) in self._disturbed)
                    for row in like.outliers()
                ]
                doubt = like.doubt(names)
                undecided += [doubt] if doubt else []
        return tuple(slow), tuple(undecided)


def _measurement(key: _Key, value: float) -> Measurement:
    """Return a measurement as of device 0."""
    return Measurement(name=key.name, device=0, value=value, unit=key.unit, kernel=key.kernel, conditions="clean")


class _Like:
    """What devices of one part deliver, measured alike.

    Args:
        key: what was measured.
        rows: (value, node, device).
        most: how many devices the most common kernel of this measurement ran on.
    """

    def __init__(self, key: _Key, rows: list[tuple[float, int, int]], most: int) -> None:
        """Work out what is normal."""
        self._key, self._rows, self._most = key, rows, most
        self._values = sorted(row[0] for row in rows)
        self._median = statistics.median(self._values)
        self._deviation = TO_SIGMA * statistics.median(abs(value - self._median) for value in self._values)
        self._is_time = key.unit == "us"
        self._normal = NORMAL_SPREAD_OF_TIMES if self._is_time else NORMAL_SPREAD

    def _behind(self, value: float) -> float:
        """Return how far behind the median, if that is more than chance; less than 0 ahead of it; else 0."""
        distance = value - self._median if self._is_time else self._median - value
        least = max(self._normal * self._median, MIN_DEVIATIONS * self._deviation)
        return distance if abs(distance) > least else 0.0

    def outliers(self) -> list[tuple[float, int, int]]:
        """Return the rows that are slow; none where they are too few to tell."""
        if len(self._rows) < MIN_DEVICES:
            return []
        return [row for row in self._rows if self._behind(row[0]) > 0]

    def slow(self, row: tuple[float, int, int], name: str, *, disturbed: bool) -> SlowDevice:
        """Return what is told of a slow device."""
        value, _, device = row
        far = abs(value - self._median) / self._deviation if self._deviation else math.inf
        return SlowDevice(
            node=name,
            device=device,
            peer=self._key.pair[1] if self._key.pair else None,
            name=self._key.name,
            unit=self._key.unit,
            value=value,
            median=self._median,
            ratio=round(value / self._median, 4),
            deviations=round(min(far, 1000.0), 1),
            devices=len(self._rows),
            disturbed=disturbed,
        )

    def doubt(self, names: Sequence[str]) -> Undecided | None:
        """Return why slow devices cannot be told from healthy ones, or not all of them; None where they can."""
        few = len(self._rows) < MIN_DEVICES
        fast = 0 if few else sum(self._behind(value) < 0 for value in self._values)
        clusters = self._clusters()
        slower = clusters[0].devices if clusters else 0
        if few:
            why = "kernel" if self._most >= MIN_DEVICES else "few"
        elif slower > len(self.outliers()):
            why = "split"
        elif self._deviation > self._normal * self._median:
            why = "spread"
        elif fast > CHANCE * len(self._rows):
            why = "fast"
        else:
            return None
        return Undecided(
            name=self._key.name,
            part=self._key.part[0],
            unit=self._key.unit,
            why=why,  # type: ignore[arg-type]  # one of those above
            kernel=self._key.kernel,
            devices=len(self._rows),
            fast=fast,
            median=self._median,
            lowest=self._values[0],
            highest=self._values[-1],
            clusters=clusters if why == "split" else (),
            behind=() if why == "few" else self._nodes_behind(names, slower if why == "split" else None),
        )

    def _nodes_behind(self, names: Sequence[str], slower: int | None) -> tuple[str, ...]:
        """Return the nodes with devices of the slower kind, else not ahead of the median, the slowest first."""
        ordered = sorted(self._rows, reverse=self._is_time)
        if slower is None and len(ordered) >= MIN_DEVICES:
            middle = self._median
            ordered = [row for row in ordered if (row[0] > middle if self._is_time else row[0] < middle)]
        return tuple(dict.fromkeys(names[node] for _, node, _ in ordered[:slower]))[:MAX_BEHIND]

    def _clusters(self) -> tuple[Cluster, ...]:
        """Return the two kinds that the devices fall into, the slower first; none when they are one."""
        found = two_clusters(self._values, self._normal)
        if found is None:
            return ()
        low = Cluster(devices=found.lower, mean=found.mean_lower)
        high = Cluster(devices=len(self._values) - found.lower, mean=found.mean_upper)
        return (high, low) if self._is_time else (low, high)
