"""Knows on which devices something is wrong that no neighbour must tell: slowed down, not measured as others were."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from parity.fleet.pairs import slow_pairs
from parity.fleet.plain import FAST_LINKS
from parity.fleet.slow import MAX_RATE, STEADY
from parity.inputs import printable
from parity.model.fleet import Ailing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from parity.fleet.telling import Node
    from parity.model.fleet import Group

MOST_WHAT = 200
_EXPLAINS_LINKS = frozenset({"visible_devices", "name", "partition"})
USUAL = 0.5
"""What more than this part of the devices of a kind measured is missing on the others."""


class _Device(NamedTuple):
    """What one device is, and what was measured of it alone."""

    position: int
    part: tuple[str, ...]
    names: frozenset[str]


class Ailments:
    """Collects what is wrong, node by node; what many nodes have in common is kept once."""

    def __init__(self) -> None:
        """Know of no node."""
        self._told: list[tuple[int, tuple[int, ...], str, str]] = []
        self._patterns: dict[tuple[_Device, ...], int] = {}
        self._pattern_of: dict[int, int] = {}

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
            parts: what each of its visible devices is, by position; empty where it measured nothing.
            said: what its cluster says is wrong with it.
            evenly_joined: whether the same fast links join every pair of its devices.
        """
        self._told += [(number, (), "cluster", what[:MOST_WHAT]) for what in said]
        together: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for position, faults in node.slowed.items():
            together[faults].append(position)
        for faults, positions in together.items():
            self._told.append((number, tuple(positions), "slowed", f"slowed down when read: {', '.join(faults)}"))
        if not node.measured:
            return
        for one in node.measured:
            if one.device not in parts or not 0 < one.value < MAX_RATE:
                what = f"{one.name} of {one.value:g} {one.unit}" + (
                    "" if one.device in parts else ", of no device here"
                )
                self._told.append((number, (one.device,), "impossible", printable(what)[:MOST_WHAT]))
        if evenly_joined:
            self._told += [
                (number, pair, "slow-pair", what[:MOST_WHAT]) for pair, what in slow_pairs(node.measured, parts)
            ]
        names: dict[int, set[str]] = {position: set() for position in parts}
        for one in node.measured:
            if one.name in STEADY and one.device in names:
                names[one.device].add(one.name)
        pattern = tuple(_Device(position, parts[position], frozenset(names[position])) for position in sorted(names))
        self._pattern_of[number] = self._patterns.setdefault(pattern, len(self._patterns))

    def of(self, names: Sequence[str], counted: frozenset[int]) -> Iterator[Ailing]:
        """Yield what is wrong with the nodes that count.

        Args:
            names: of the nodes, by number.
            counted: numbers of the nodes that count.
        """
        for number, devices, why, what in self._told:
            if number in counted:
                yield Ailing(node=names[number], devices=devices, why=why, what=what)  # type: ignore[arg-type]
        patterns = list(self._patterns)
        own = {number: pattern for number, pattern in self._pattern_of.items() if number in counted}
        usual = _usual(patterns, Counter(own.values()))
        missing = {index: list(_missing(patterns[index], usual)) for index in set(own.values())}
        for number, index in own.items():
            for devices, what in missing[index]:
                yield Ailing(node=names[number], devices=devices, why="unmeasured", what=what)


def of_links(groups: Sequence[Group]) -> Iterator[Ailing]:
    """Yield the nodes whose NVLinks or XGMI links join their devices otherwise than on most nodes of their kind."""
    for group in groups:
        names = {one.name for one in group.differences}
        if names & _EXPLAINS_LINKS:
            continue
        for one in group.differences:
            if one.name == "links" and one.kind == "changed" and any(kind in one.a for kind in FAST_LINKS):
                what = f"links: {one.b}, where most of its kind have {one.a}"
                yield from (Ailing(node=node, why="links", what=printable(what)[:MOST_WHAT]) for node in group.nodes)


def _usual(patterns: Sequence[tuple[_Device, ...]], counts: Mapping[int, int]) -> dict[tuple[str, ...], frozenset[str]]:
    """Return what most devices of each part measured."""
    devices: Counter[tuple[str, ...]] = Counter()
    measured: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for index, count in counts.items():
        for one in patterns[index]:
            devices[one.part] += count
            for name in one.names:
                measured[one.part][name] += count
    return {
        part: frozenset(name for name, count in measured[part].items() if count > USUAL * total)
        for part, total in devices.items()
    }


def _missing(
    pattern: tuple[_Device, ...], usual: Mapping[tuple[str, ...], frozenset[str]]
) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield (devices, what they did not measure)."""
    lacking: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for one in pattern:
        absent = usual[one.part] - one.names
        if absent:
            lacking[tuple(sorted(absent))].append(one.position)
    for names, positions in lacking.items():
        yield tuple(positions), f"not measured, as most of its kind were: {', '.join(names)}"
