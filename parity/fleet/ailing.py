"""Knows on which devices something is wrong that no neighbour must tell: slowed down, not measured as others were."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from parity.fleet.pairs import slow_pairs
from parity.fleet.plain import FAST_LINKS
from parity.fleet.slow import MAX_RATE
from parity.inputs import printable
from parity.model.fleet import Ailing
from parity.model.measurement import PEER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from parity.fleet.telling import Node
    from parity.model.fleet import Group
    from parity.model.measurement import Measurement

MOST_WHAT = 200
MOST_IMPOSSIBLE = 32
"""So many measurements of one node are told that can be none."""
_EXPLAINS_LINKS = frozenset({"visible_devices", "name", "partition"})
TO_ALL_PEERS = f"{PEER} to each other device"
USUAL = 0.5
"""What more than this part of the devices of a kind measured is missing on the others."""


_Part = tuple[tuple[str, ...], int]


class _Device(NamedTuple):
    """What one device is, and what was measured of it alone."""

    position: int
    part: tuple[str, ...]
    names: frozenset[str]


class Ailments:
    """Collects what is wrong, node by node; what many nodes have in common is kept once.

    Args:
        pardoned: why what is wrong fails nobody.
    """

    def __init__(self, pardoned: frozenset[str] = frozenset()) -> None:
        """Know of no node."""
        self._pardoned = pardoned
        self._told: list[tuple[int, tuple[int, ...], str, str]] = []
        self._patterns: dict[tuple[_Device, ...], int] = {}
        self._pattern_of: dict[int, int] = {}
        self._why_not: dict[int, str] = {}

    def add(
        self,
        number: int,
        node: Node,
        parts: Mapping[int, tuple[str, ...]],
        said: Iterable[str] = (),
        *,
        evenly_joined: bool = False,
    ) -> None:
        """Take one node.

        Args:
            number: its number.
            node: what it tells.
            parts: what each of its visible devices is.
            said: what its cluster says is wrong with it.
            evenly_joined: whether the same fast links join every pair of its devices.
        """
        self._told += [(number, (), "cluster", what[:MOST_WHAT]) for what in said]
        together: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for position, faults in node.slowed.items():
            together[faults].append(position)
        for faults, positions in together.items():
            self._told.append((number, tuple(positions), "slowed", f"slowed down when read: {', '.join(faults)}"))
        if node.unmeasured:
            self._why_not[number] = node.unmeasured[0]
        self._told += [(number, *one) for one in islice(_impossible(node.measured, parts), MOST_IMPOSSIBLE)]
        if evenly_joined:
            self._told += [
                (number, pair, "slow-pair", what[:MOST_WHAT]) for pair, what in slow_pairs(node.measured, parts)
            ]
        names = _names(node.measured, parts)
        pattern = tuple(_Device(device, parts[device], names[device]) for device in sorted(parts))
        self._pattern_of[number] = self._patterns.setdefault(pattern, len(self._patterns))

    def of(self, names: Sequence[str], counted: frozenset[int]) -> Iterator[Ailing]:
        """Yield what is wrong with the nodes that count.

        Args:
            names: of the nodes, by number.
            counted: numbers of the nodes that count.
        """
        for number, devices, why, what in self._told:
            if number in counted:
                fails = why not in self._pardoned
                yield Ailing(node=names[number], devices=devices, why=why, what=what, fails=fails)  # type: ignore[arg-type]
        patterns = list(self._patterns)
        own = {number: pattern for number, pattern in self._pattern_of.items() if number in counted}
        usual = _usual(patterns, Counter(own.values()))
        missing = {index: list(_missing(patterns[index], usual)) for index in set(own.values())}
        for number, index in own.items():
            for devices, what in missing[index]:
                said = f" ({printable(self._why_not[number])})" if number in self._why_not else ""
                yield Ailing(node=names[number], devices=devices, why="unmeasured", what=(what + said)[:MOST_WHAT])


def _impossible(
    measured: Iterable[Measurement], parts: Mapping[int, tuple[str, ...]]
) -> Iterator[tuple[tuple[int, ...], str, str]]:
    """Yield (device, ``impossible``, in words) of measurements that can be none."""
    for one in measured:
        if one.device not in parts or not 0 < one.value < MAX_RATE:
            where = "" if one.device in parts else ", of no device here"
            yield (one.device,), "impossible", printable(f"{one.name} of {one.value:g} {one.unit}{where}")[:MOST_WHAT]


def _names(measured: Iterable[Measurement], parts: Mapping[int, tuple[str, ...]]) -> dict[int, frozenset[str]]:
    """Return what was measured on each device; copies to its peers only where they were made to all of them."""
    names: dict[int, set[str]] = {device: set() for device in parts}
    peers: dict[int, set[int | None]] = {device: {device} for device in parts}
    for one in measured:
        if one.device not in names:
            continue
        if one.name == PEER:
            peers[one.device].add(one.peer)
        else:
            names[one.device].add(one.name)
    return {
        device: frozenset(names[device] | ({TO_ALL_PEERS} if peers[device] >= parts.keys() else set()))
        for device in parts
    }


def of_links(groups: Sequence[Group]) -> Iterator[Ailing]:
    """Yield the nodes with fewer or lesser NVLinks or XGMI links than others of their kind."""
    by_id = {group.id: group for group in groups}
    for group in groups:
        names = {one.name for one in group.differences}
        if names & _EXPLAINS_LINKS:
            continue
        for one in group.differences:
            is_fast = any(kind in told for told in (one.a, one.b) for kind in FAST_LINKS)
            if one.name == "links" and one.kind == "changed" and is_fast:
                lesser, less, more = (group, one.b, one.a)
                if links_strength(one.b) > links_strength(one.a):
                    lesser, less, more = (by_id[group.like], one.a, one.b)
                what = f"links: {less}, where others of its kind have {more}"
                yield from (Ailing(node=node, why="links", what=printable(what)[:MOST_WHAT]) for node in lesser.nodes)


def links_strength(told: str) -> int:
    """Return the number of fast links that a machine's topology tells of, over all pairs.

    >>> links_strength("nvlink NV18: 27 pairs; system SYS: 0-3")
    486
    >>> links_strength("nvlink NV18: 26 pairs; nvlink NV17: 0-3")
    485
    """
    total = 0
    for part in told.split("; "):
        word, _, pairs = part.partition(": ")
        if word.startswith(FAST_LINKS):
            width = int(digits[-1]) if (digits := re.findall(r"\d+", word)) else 1
            counted = re.fullmatch(r"(\d+) pairs?", pairs)
            total += width * (int(counted[1]) if counted else len(pairs.split(", ")))
    return total


def _usual(patterns: Sequence[tuple[_Device, ...]], counts: Mapping[int, int]) -> frozenset[tuple[_Part, str]]:
    """Return what most devices of each part measured."""
    devices: Counter[_Part] = Counter()
    measured: Counter[tuple[_Part, str]] = Counter()
    for index, count in counts.items():
        size = len(patterns[index])
        for one in patterns[index]:
            devices[one.part, 0] += count
            devices[one.part, size] += count
            for name in one.names:
                measured[_part(one, name, size), name] += count
    return frozenset(key for key, count in measured.items() if count > USUAL * devices[key[0]])


def _part(one: _Device, name: str, size: int) -> _Part:
    """Return what a measurement makes like: the part, and for copies to peers how many devices there are."""
    return one.part, size if name == TO_ALL_PEERS else 0


def _missing(
    pattern: tuple[_Device, ...], usual: frozenset[tuple[_Part, str]]
) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield (devices, what they did not measure)."""
    lacking: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for one in pattern:
        alike = {(one.part, 0), (one.part, len(pattern))}
        absent = sorted(name for part, name in usual if part in alike and name not in one.names)
        if absent:
            lacking[tuple(absent)].append(one.position)
    for names, positions in lacking.items():
        yield tuple(positions), f"not measured, as most of its kind were: {', '.join(names)}"
