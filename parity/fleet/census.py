"""Knows how many nodes or devices tell each value of a fact, so that one rare value is seen among any other noise."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from parity.fleet.differences import HEAD, place_of, short
from parity.model.fleet import Share, Spread
from parity.units import format_fact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.fleet.groups import Kind
    from parity.fleet.telling import Tellings
    from parity.model.difference import Section

MOST_VALUES = 6
"""So many values of a fact are told: the rarest, and last the most common."""
MOST_FACTS = 200
_MISSING = object()


def census(tellings: Tellings, members: Mapping[Kind, Sequence[int]], names: Sequence[str]) -> tuple[Spread, ...]:
    """Return the facts that not all tell alike, the one with the rarest value first.

    Args:
        tellings: that the blocks are numbered in.
        members: numbers of the nodes of each kind.
        names: of all nodes.
    """
    counts: dict[tuple[Section, bool], Counter[int]] = defaultdict(Counter)
    first: dict[tuple[Section, bool, int], int] = {}
    for kind, numbers in members.items():
        for position, block in enumerate(kind.blocks):
            of = (place_of(position)[0], position >= HEAD)
            counts[of][block] += len(numbers)
            first.setdefault((*of, block), numbers[0])
    found: list[Spread] = []
    for (section, of_devices), blocks in counts.items():
        tally: dict[str, Counter[Any]] = defaultdict(Counter)
        example: dict[str, dict[Any, int]] = defaultdict(dict)
        having: dict[str, set[int]] = defaultdict(set)
        for block, count in blocks.items():
            for name, value in tellings.block(block).items():
                tally[name][value] += count
                example[name].setdefault(value, first[section, of_devices, block])
                having[name].add(block)
        total = sum(blocks.values())
        for name in sorted(tally):
            silent = total - sum(tally[name].values())
            if silent:
                tally[name][_MISSING] = silent
                lacking = next(block for block in blocks if block not in having[name])
                example[name][_MISSING] = first[section, of_devices, lacking]
            if len(tally[name]) > 1:
                told = (tally[name], example[name], names)
                found.append(_spread(section, short(name), *told, of_devices=of_devices))
    found.sort(key=lambda one: (one.values[0].count / one.total, one.distinct, one.name))
    return tuple(found[:MOST_FACTS])


def _spread(
    section: Section,
    name: str,
    tally: Counter[Any],
    example: Mapping[Any, int],
    names: Sequence[str],
    *,
    of_devices: bool,
) -> Spread:
    order = sorted(tally, key=lambda value: (tally[value], str(value)))
    shown = order if len(order) <= MOST_VALUES else [*order[: MOST_VALUES - 1], order[-1]]
    return Spread(
        section=section,
        name=name,
        of="devices" if of_devices else "nodes",
        total=tally.total(),
        distinct=len(order),
        values=tuple(
            Share(
                value="" if value is _MISSING else format_fact(name, value),
                count=tally[value],
                node=names[example[value]],
            )
            for value in shown
        ),
    )
