"""Knows what every report of a fleet says: the whole in one line, slow devices by node, and what could not be told."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from parity.fleet.diff import devices_together
from parity.fleet.slow import STEADY
from parity.inputs import printable
from parity.model.fleet import NO_GPU
from parity.units import fewest_digits, format_ratio, listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.difference import Difference
    from parity.model.fleet import Ailing, Apart, BelowPeak, Fleet, Group, MedianDrift, SlowDevice, Spread, Undecided


MOST_NAMES = 6
MANY_KINDS = 5
"""Of more kinds than these the values of each fact are counted, too."""
EACH_ITS_OWN = 0.5
"""A fact of which more than this part of the values differ is each node's own."""
_ONE = {"nodes": "node", "devices": "device"}
FEW = 8
"""Of a value that so few tell the first is named."""


class SlowRow(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement by which devices of a node are slow; the figures are of the slowest.

    Attributes:
        devices: ``GPU 0-7``; of pairs ``GPU 2 to 5, 5 to 2``; then whether something disturbed them.
    """

    node: str
    devices: str
    name: str
    unit: str
    value: float
    median: float
    ratio: float


def conclusion(fleet: Fleet) -> str:
    """Return the whole in one line."""
    if fleet.exit_status == 3:
        return "UNKNOWN: nothing could be judged" + (", no node has a GPU that could be read" if fleet.groups else "")
    if fleet.passed:
        return "PASSED: every node is what was asked for" if fleet.target else "PASSED: all nodes are alike"
    failed = sum(group.count for group in fleet.groups if group.verdict is not None and not group.verdict.passed)
    odd = fleet.nodes - fleet.groups[0].count if fleet.groups and not fleet.target else 0
    slow = len({one.node for one in fleet.slow})
    uneven = sorted({one.name for one in fleet.undecided if one.why != "few" and one.name in STEADY})
    ailing = len({one.node for one in fleet.ailing if one.fails})
    reasons = [
        f"{plural(fleet.absent, 'node')} missing" if fleet.absent else "",
        f"{plural(failed, 'node')} not the target" if failed else "",
        f"{plural(odd, 'node')} unlike the largest kind" if odd else "",
        "nodes without a GPU that could be read"
        if any(group.title.startswith(NO_GPU) for group in fleet.groups)
        else "",
        f"{plural(slow, 'node')} with slow devices" if slow else "",
        f"{', '.join(uneven)} uneven" if uneven else "",
        f"{plural(ailing, 'node')} with ailing devices" if ailing else "",
        "even the median device is slow" if any(one.fails for one in fleet.below_peak) else "",
        f"{plural(len(fleet.changes), 'node')} changed since the baseline" if fleet.changes else "",
        "measured rates fell since the baseline" if any(one.ratio < 1 for one in fleet.drifts) else "",
        f"{plural(len(fleet.unreadable), 'input')} not understood" if fleet.unreadable else "",
    ]
    return "NOT PASSED: " + ", ".join(reason for reason in reasons if reason)


def by_urgency(fleet: Fleet) -> list[Group]:
    """Return the groups as they are told: the one that others are held against, those that fail, then the others."""
    failing = [group for group in fleet.groups[1:] if group.verdict is not None and not group.verdict.passed]
    return [*fleet.groups[:1], *failing, *(group for group in fleet.groups[1:] if group not in failing)]


def slow_rows(slow: Sequence[SlowDevice]) -> list[SlowRow]:
    """Return slow devices as one row for each node and measurement, the worst node first."""
    together: dict[tuple[str, str, str], list[SlowDevice]] = {}
    for one in slow:
        together.setdefault((one.node, one.name, one.unit), []).append(one)
    worst: dict[str, float] = {}
    for one in slow:
        worst[one.node] = max(worst.get(one.node, 0.0), _behind(one))
    rows = [_slow_row(devices) for devices in together.values()]
    return sorted(rows, key=lambda row: (-worst[row.node], row.node))


def _behind(one: SlowDevice) -> float:
    return max(one.ratio, 1 / one.ratio) if one.ratio else float("inf")


def _devices(slow: list[SlowDevice]) -> str:
    pairs = [f"{one.device} to {one.peer}" for one in slow if one.peer is not None]
    return f"GPU {listed(pairs, MOST_NAMES)}" if pairs else devices_together(one.device for one in slow)


def _slow_row(devices: list[SlowDevice]) -> SlowRow:
    slowest = max(devices, key=_behind)
    return SlowRow(
        node=slowest.node,
        devices=_devices(devices) + (", disturbed meanwhile" if any(one.disturbed for one in devices) else ""),
        name=slowest.name,
        unit=slowest.unit,
        value=slowest.value,
        median=slowest.median,
        ratio=slowest.ratio,
    )


def undecided_lines(undecided: Sequence[Undecided]) -> Iterator[str]:
    """Yield why slow devices cannot be told from healthy ones; measurements with too few devices together."""
    few: dict[tuple[str, int], dict[str, None]] = {}
    for one in undecided:
        if one.why == "few":
            few.setdefault((one.part, one.devices), {})[one.name] = None
            continue
        span = f"{fewest_digits(one.lowest)} to {fewest_digits(one.highest)} {one.unit}"
        about = f"{one.name} of {one.devices} {one.part}"
        if one.why == "kernel":
            where = ", ".join(one.behind[:MOST_NAMES])
            yield f"{about}: {span} by {one.kernel}, and more by another kernel: not comparable ({where})"
            continue
        slowest = f"; slowest: {', '.join(one.behind[:MOST_NAMES])}" if one.behind else ""
        if one.why == "split":
            kinds = " and ".join(
                f"{kind.devices} around {fewest_digits(kind.mean)} {one.unit}" for kind in one.clusters
            )
            slowest_mean, fastest_mean = sorted(kind.mean for kind in one.clusters)
            apart = f"{100 * (1 - slowest_mean / fastest_mean):.0f} % apart"
            yield f"{about}: {kinds}, {apart}: two kinds, one of them slow{slowest}"
        elif one.why == "spread":
            yield f"{about}: {span} around {fewest_digits(one.median)}: their spread hides a slow one{slowest}"
        else:
            yield (
                f"{about}: {span}, {one.fast} faster than the median {fewest_digits(one.median)} by more than chance: "
                f"the others may be slow{slowest}"
            )
    for (part, count), names in few.items():
        yield f"{', '.join(names)} of {part}: {plural(count, 'device')}, too few to tell a slow one"


def passed_over_line(fleet: Fleet) -> str:
    """Return which files of the folders were left out; empty when none was."""
    if not fleet.passed_over:
        return ""
    names = [printable(PurePath(name).name) for name in fleet.passed_over]
    return f"passed over, of other names and without a node: {listed(names, MOST_NAMES)}"


def spread_lines(fleet: Fleet) -> list[str]:
    """Return how many tell each value of the facts that differ, where there are too many kinds to look through."""
    return [_spread_line(one) for one in fleet.spreads] if len(fleet.groups) > MANY_KINDS else []


def _spread_line(one: Spread) -> str:
    if one.distinct > EACH_ITS_OWN * one.total:
        return (
            f"{one.name}: {one.distinct} values on {plural(one.total, _ONE[one.of])}; --ignore {one.name} leaves it out"
        )
    told = [
        f"{printable(share.value) or 'not told'} on {share.count}" + (f" ({share.node})" if share.count <= FEW else "")
        for share in one.values
    ]
    left = one.distinct - len(one.values)
    if left:
        told.insert(-1, f"{left} more")
    return f"{one.name}, of {plural(one.total, _ONE[one.of])}: {', '.join(told)}"


def ailing_lines(ailing: Sequence[Ailing]) -> Iterator[str]:
    """Yield what is wrong with each node's devices; nodes with the same together."""
    together: dict[tuple[tuple[int, ...], str], list[str]] = {}
    for one in ailing:
        together.setdefault((one.devices, one.what), []).append(one.node)
    for (devices, what), nodes in together.items():
        where = f"  {devices_together(devices)}" if devices else ""
        yield f"{listed(nodes, MOST_NAMES)}{where}: {what}"


def peak_line(one: BelowPeak) -> str:
    """Return what the median device of a part delivers too little of."""
    return f"the median {one.part}: {one.message}"


def drift_line(one: MedianDrift) -> str:
    """Return how the median of a part moved since the baseline."""
    before, after = fewest_digits(one.before), fewest_digits(one.after)
    return f"the median {one.part}: {one.name} {before} -> {after} {one.unit} ({format_ratio(one.ratio)})"


def moved_line(one: Difference) -> str:
    """Return ``GPU 0 power_limit_w: 700 W -> 500 W (0.71x)``."""
    ratio = f" ({format_ratio(one.ratio)})" if one.ratio is not None else ""
    return f"{one.subject} {one.name}: {' -> '.join(one.sides)}{ratio}"


def versions_line(fleet: Fleet) -> str:
    """Return which versions of this tool read the nodes, if several did; what only one of them reads is not alike."""
    if len(fleet.versions) < 2:
        return ""
    told = ", ".join(f"{version or 'unknown'} ({count})" for version, count in fleet.versions.items())
    return f"read by several versions of parity, which differ in what they read: {told}"


def apart_line(one: Apart) -> str:
    """Return how long before or after most a reading was taken."""
    return f"{one.node}: {plural(round(abs(one.days)), 'day')} {'before' if one.days < 0 else 'after'} most"
