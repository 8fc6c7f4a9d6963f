"""Knows which devices deliver less than their like, by statistics that a few bad ones cannot move."""

from __future__ import annotations

import statistics
from array import array
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
    bytes: int | None
    unit: Unit
    pair: tuple[int, int] | None


class Rates:
    """Collects measurements, kind by kind; a few machine words each."""

    def __init__(self) -> None:
        """Hold none."""
        self._values: dict[_Key, tuple[array[float], array[int], array[int]]] = {}

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
            key = _Key(parts[one.device], one.name, one.kernel, one.bytes, one.unit, pair)
            if key not in self._values:
                self._values[key] = (array("d"), array("l"), array("l"))
            values, nodes, devices = self._values[key]
            values.append(one.value)
            nodes.append(node)
            devices.append(one.device)

    def by_name(self, names: Sequence[str], counted: frozenset[int]) -> dict[tuple[object, ...], tuple[float, str]]:
        """Return (node's name, device, measurement, ...) -> (value, unit) of what devices deliver by themselves."""
        found: dict[tuple[object, ...], tuple[float, str]] = {}
        for key, columns in self._values.items():
            if key.name in STEADY:
                for value, node, device in zip(*columns, strict=True):
                    if node in counted:
                        found[names[node], device, key.name, key.part, key.kernel, key.bytes] = (value, key.unit)
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
            (part, one.name, one.kernel, one.bytes): one.value
            for part, medians in before.medians(counted_before).items()
            for one in medians
        }
        for part, medians in self.medians(counted).items():
            for one in medians:
                value = then.get((part, one.name, one.kernel, one.bytes), 0.0)
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
        for key, columns in self._values.items():
            rows = [row for row in zip(*columns, strict=True) if row[1] in counted]
            if rows:
                found, doubt = _judged(key, rows, names)
                slow += found
                undecided += [doubt] if doubt else []
        return tuple(slow), tuple(undecided)


def _behind(
    key: _Key, rows: list[tuple[float, int, int]], names: Sequence[str], median: float, slower: int | None
) -> tuple[str, ...]:
    """Return the nodes with devices of the slower kind, else behind the median, the slowest first."""
    long = key.unit == "us"
    ordered = sorted(rows, reverse=long)
    if slower is None:
        behind = [row for row in ordered if (row[0] > median if long else row[0] < median)]
    else:
        behind = ordered[:slower]
    return tuple(dict.fromkeys(names[node] for _, node, _ in behind))[:MAX_BEHIND]


def _clusters(key: _Key, values: list[float], normal: float) -> tuple[Cluster, ...]:
    """Return the two kinds that the devices fall into, the slower first; none when they are one."""
    found = two_clusters(sorted(values), normal)
    if found is None:
        return ()
    low = Cluster(devices=found.lower, mean=found.mean_lower)
    high = Cluster(devices=len(values) - found.lower, mean=found.mean_upper)
    return (high, low) if key.unit == "us" else (low, high)


def _measurement(key: _Key, value: float) -> Measurement:
    """Return a measurement as of device 0."""
    return Measurement(
        name=key.name, device=0, value=value, unit=key.unit, kernel=key.kernel, bytes=key.bytes, conditions="clean"
    )


def _judged(
    key: _Key, rows: list[tuple[float, int, int]], names: Sequence[str]
) -> tuple[list[SlowDevice], Undecided | None]:
    values = [row[0] for row in rows]
    median = statistics.median(values)
    deviation = TO_SIGMA * statistics.median(abs(value - median) for value in values)
    normal = NORMAL_SPREAD_OF_TIMES if key.unit == "us" else NORMAL_SPREAD

    def behind(value: float) -> float:
        """Return how far behind the median, as a part of it, if that is more than chance; else 0."""
        distance = value - median if key.unit == "us" else median - value
        return distance / median if abs(distance) > max(normal * median, MIN_DEVIATIONS * deviation) else 0.0

    few, wide = len(rows) < MIN_DEVICES, deviation > normal * median
    fast = sum(behind(value) < 0 for value in values)
    clusters = _clusters(key, values, normal)
    slower = clusters[0].devices if clusters else 0
    split = bool(clusters) and slower > sum(behind(value) > 0 for value in values)
    doubt = Undecided(
        name=key.name,
        part=key.part[0],
        unit=key.unit,
        why="few" if few else "split" if split else "spread" if wide else "fast",
        devices=len(rows),
        fast=0 if few else fast,
        median=median,
        lowest=min(values),
        highest=max(values),
        clusters=clusters if split else (),
        behind=() if few else _behind(key, rows, names, median, slower if split else None),
    )
    slow = [
        SlowDevice(
            node=names[node],
            device=device,
            peer=key.pair[1] if key.pair else None,
            name=key.name,
            unit=key.unit,
            value=value,
            median=median,
            ratio=round(value / median, 4),
            deviations=round(min(abs(value - median) / deviation, 1000.0), 1) if deviation else 1000.0,
            devices=len(rows),
        )
        for value, node, device in rows
        if not few and behind(value) > 0
    ]
    return slow, doubt if few or split or wide or fast else None
