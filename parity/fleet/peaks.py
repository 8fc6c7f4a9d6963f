"""Knows which parts, and which devices of a part, deliver less than what is published of healthy ones."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import msgspec

from parity.fleet.plain import lasting
from parity.model.fingerprint import Fingerprint
from parity.model.fleet import Ailing, BelowPeak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from parity.fleet.slow import Rates
    from parity.fleet.telling import Node
    from parity.model.measurement import Measurement

    Judge = Callable[[Fingerprint], Iterable[BelowPeak]]

MAX_BELOW = 256  # devices of a part that are told, one by one, to deliver less than healthy ones
MAX_PARTS = 512
"""So many parts are held against their own peak: one node of each is kept in memory."""


class Peaks:
    """Keeps one node of each part that was measured, to hold the part's measurements against.

    Args:
        judge: tells what of a machine's measurements is less than healthy devices deliver, or more than any can.
    """

    def __init__(self, judge: Judge) -> None:
        """Know no part."""
        self._judge = judge
        self._examples: dict[tuple[str, ...], tuple[int, bytes]] = {}
        self._left_out: set[tuple[str, ...]] = set()

    def add(self, node: Node, parts: Mapping[int, tuple[str, ...]], raw: bytes | msgspec.Raw) -> None:
        """Take a node that measured something.

        Raises:
            msgspec.MsgspecError: a value that is not compared is none of a fingerprint.
        """
        fresh = {part: number for number, part in parts.items() if part not in self._examples} if node.measured else {}
        if not fresh:
            return
        devices = msgspec.json.decode(raw, type=Fingerprint).devices
        places = [place for place, device in enumerate(devices) if device.locator.visible]
        for part, number in fresh.items():
            if len(self._examples) < MAX_PARTS:
                self._examples[part] = (places[number], bytes(raw))
            else:
                self._left_out.add(part)

    def parts(self, rates: Rates, counted: frozenset[int]) -> Iterator[BelowPeak]:
        """Yield what even the median device of a part delivers too little of, or more than it can."""
        for part, medians in rates.medians(counted).items():
            if part in self._left_out:
                what = f"of more than {MAX_PARTS} different parts, this one was held against no peak"
                yield BelowPeak(part=part[0], rule="", message=what, fails=True)
            yield from self._held(part, medians)

    def devices(
        self, rates: Rates, counted: frozenset[int], names: Sequence[str], told: set[tuple[str, int, str]]
    ) -> Iterator[Ailing]:
        """Yield the devices that deliver less than healthy ones of their part, where the median one does not.

        Args:
            rates: of all nodes.
            counted: numbers of the nodes that count.
            names: of the nodes, by number.
            told: (node, device, measurement) that are slow beside their like, and known by that.
        """
        for part, one, rows in rates.ascending(counted):
            if any(self._held(part, [_of(one, statistics.median(row[0] for row in rows))])):
                continue
            for ordered in (rows, rows[::-1]):  # from the slowest on, and from what is too fast to be true
                for value, number, device in ordered[:MAX_BELOW]:
                    found = next(iter(self._held(part, [_of(one, value)])), None)
                    if found is None:
                        break
                    if found.fails and (names[number], device, one.name) not in told:
                        yield Ailing(node=names[number], devices=(device,), why="below-peak", what=found.message)

    def _held(self, part: tuple[str, ...], measured: Iterable[Measurement]) -> Iterator[BelowPeak]:
        if part not in self._examples:
            return
        place, raw = self._examples[part]
        node = lasting(msgspec.json.decode(raw, type=Fingerprint))
        placed = tuple(msgspec.structs.replace(one, device=place) for one in measured)
        yield from self._judge(msgspec.structs.replace(node, measured=placed))


def _of(one: Measurement, value: float) -> Measurement:
    return msgspec.structs.replace(one, value=value)
