"""Knows which pairs of one node's devices deliver less than its other pairs, where all are joined alike."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from parity.fleet.clusters import two_clusters
from parity.fleet.slow import MAX_RATE, MIN_DEVIATIONS, NORMAL_SPREAD, TO_SIGMA
from parity.model.measurement import PEER
from parity.units import fewest_digits, format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parity.model.measurement import Measurement

MIN_PAIRS = 6
"""Of three devices, each pair in both directions; with fewer there is no median to speak of."""
LEAST_BEHIND = 2 * NORMAL_SPREAD
"""Both devices of a pair may be at the end of what is normal."""


def slow_pairs(
    measured: Sequence[Measurement], parts: Mapping[int, tuple[str, ...]]
) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield ((from, to), in words) of the pairs that fell behind the median of the node's pairs.

    A pair fell behind when it is under the median by more than twice what healthy devices differ and by more robust
    standard deviations than chance explains, or when it belongs to the slower of two kinds that far apart.

    Args:
        measured: on one node whose devices are all joined by the same links.
        parts: what each of its devices is, by position; only pairs of like devices are held against each other.
    """
    alike: dict[tuple[object, ...], list[tuple[float, tuple[int, int], str]]] = defaultdict(list)
    for one in measured:
        if one.name != PEER or one.peer is None or not 0 < one.value < MAX_RATE:
            continue
        if one.device in parts and one.peer in parts:
            key = (parts[one.device], parts[one.peer], one.kernel_label, one.unit)
            alike[key].append((one.value, (one.device, one.peer), one.unit))
    for pairs in alike.values():
        if len(pairs) < MIN_PAIRS:
            continue
        median = statistics.median(value for value, _, _ in pairs)
        deviation = TO_SIGMA * statistics.median(abs(value - median) for value, _, _ in pairs)
        least = median - max(LEAST_BEHIND * median, MIN_DEVIATIONS * deviation)
        clusters = two_clusters(sorted(value for value, _, _ in pairs), LEAST_BEHIND)
        if clusters is not None:  # one device of four is in half of the pairs, and the median lies between
            least = max(least, (clusters.mean_lower + clusters.mean_upper) / 2)
            median = max(median, clusters.mean_upper)
        for value, pair, unit in sorted(pairs):
            if value < least:
                told = f"{PEER} {pair[0]} to {pair[1]} {fewest_digits(value)} {unit}"
                ratio = format_ratio(round(value / median, 4))
                yield pair, f"{told}, {ratio} of the {fewest_digits(median)} {unit} of the node's median pair"
