"""Knows how many nodes become a fleet: grouped as they come, so that memory grows with what differs, not with nodes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from parity.fleet.differences import differences
from parity.fleet.slow import Rates
from parity.fleet.telling import Tellings
from parity.inputs import printable
from parity.model.fingerprint import Fingerprint
from parity.model.fleet import NO_GPU, Change, Fleet, Group, NodeVerdict, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from parity.fleet.history import History
    from parity.fleet.nodes import Reading
    from parity.fleet.telling import Node

    Judge = Callable[[Fingerprint], NodeVerdict]

MAX_NAME = 200
_HEAD = 3  # blocks of the machine; then identity and conditions of each device
_TITLED = ("driver", "cuda_driver", "rocm", "torch")


class Gathering:
    """Takes nodes one by one.

    Args:
        judge: gives the verdict on a group, from its first node; None: nobody asked.
        history: keeps every node; None: nobody asked.
    """

    def __init__(self, judge: Judge | None = None, history: History | None = None) -> None:
        """Hold no node."""
        self._judge = judge
        self._history = history
        self._tellings = Tellings()
        self._names: list[str] = []
        self._members: dict[tuple[int, ...], list[int]] = {}
        self._verdicts: dict[tuple[int, ...], NodeVerdict] = {}
        self._rates = Rates()
        self._unreadable: list[Unreadable] = []

    @property
    def has_nodes(self) -> bool:
        """Return whether any node was understood."""
        return bool(self._names)

    def take(self, found: Iterable[Reading | Unreadable]) -> None:
        """Take every node of some inputs."""
        for one in found:
            if isinstance(one, Unreadable):
                self._unreadable.append(one)
                continue
            try:
                self._take(one)
            except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError) as error:
                why = f"not a fingerprint: {printable(str(error))[:200]}"
                self._unreadable.append(Unreadable(where=one.where, why=why))

    def _take(self, found: Reading) -> None:
        node = self._tellings.node(found.raw)
        if self._judge is not None and node.blocks not in self._verdicts:
            self._verdicts[node.blocks] = self._judge(msgspec.json.decode(found.raw, type=Fingerprint))
        number = len(self._names)
        self._names.append(_name(found, node))
        self._members.setdefault(node.blocks, []).append(number)
        if self._history is not None:
            self._history.keep(self._names[number], node, self._tellings.digest(node.blocks), found.raw)
        if node.measured:
            self._rates.add(number, node.blocks[_HEAD::2], node.measured)

    def fleet(self, *, target: str = "", baseline: Gathering | None = None) -> Fleet:
        """Return everything said about the nodes taken."""
        order = sorted(self._members, key=lambda blocks: (-len(self._members[blocks]), self._members[blocks][0]))
        largest: dict[tuple[str, ...], tuple[int, ...]] = {}
        for blocks in order:
            largest.setdefault(self._device_names(blocks), blocks)
        groups = tuple(self._group(blocks, largest[self._device_names(blocks)], order[0]) for blocks in order)
        alike = len(groups) == 1 and not self._unreadable
        changes = None if baseline is None else tuple(self._changes(baseline))
        slow = tuple(self._rates.slow(self._names))
        verdicts = [group.verdict for group in groups if group.verdict is not None]
        holds = all(verdict.passed for verdict in verdicts) if self._judge is not None else alike
        with_gpus = [len(blocks) > _HEAD for blocks in order]
        passed = bool(groups) and holds and all(with_gpus) and not slow and not changes and not self._unreadable
        repeated = tuple(name for name, count in Counter(self._names).items() if count > 1)
        return Fleet(
            target=target,
            nodes=len(self._names),
            alike=alike,
            passed=passed,
            exit_status=0 if passed else 1 if any(with_gpus) else 3,
            groups=groups,
            slow=slow,
            unmeasured=not self._rates,
            unreadable=tuple(self._unreadable),
            repeated=repeated,
            changes=changes,
        )

    def _group(self, blocks: tuple[int, ...], like: tuple[int, ...], most: tuple[int, ...]) -> Group:
        """Return a group, held against the largest of its kind, which is held against the largest of all."""
        like = most if like == blocks else like
        return Group(
            id=self._tellings.digest(blocks),
            title=self._title(blocks),
            count=len(self._members[blocks]),
            nodes=tuple(self._names[number] for number in self._members[blocks]),
            like="" if like == blocks else self._tellings.digest(like),
            differences=() if like == blocks else differences(self._tellings, like, blocks),
            verdict=self._verdicts.get(blocks),
        )

    def _title(self, blocks: tuple[int, ...]) -> str:
        names = Counter(self._device_names(blocks))
        stack = self._tellings.block(blocks[1])
        software = [
            f"{name.replace('_', ' ')} {stack[f'component {name}']}" for name in _TITLED if f"component {name}" in stack
        ]
        gpus = " + ".join(f"{count}x {name}" for name, count in names.items()) or NO_GPU
        return printable(", ".join([gpus, *software]))[:MAX_NAME]

    def _device_names(self, blocks: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(str(self._tellings.block(block).get("name", "a GPU")) for block in blocks[_HEAD::2])

    def _changes(self, baseline: Gathering) -> Iterable[Change]:
        """Yield what became of each node since the baseline; of several readings of a node, the last counts."""
        before, now = baseline._told(), self._told()
        yield from (Change(node=name, kind="gone") for name in before if name not in now)
        for name, new in now.items():
            old_facts = before.get(name)
            if old_facts is None:
                yield Change(node=name, kind="new")
                continue
            known = self._tellings.numbered(baseline._tellings, old_facts)
            if known != new:
                yield Change(node=name, kind="changed", differences=differences(self._tellings, known, new))

    def _told(self) -> dict[str, tuple[int, ...]]:
        by_number = {number: blocks for blocks, numbers in self._members.items() for number in numbers}
        return {name: by_number[number] for number, name in enumerate(self._names)}


def _name(found: Reading, node: Node) -> str:
    stem = found.where.replace("\\", "/").rpartition("/")[2]
    return printable(found.name or node.hostname or stem)[:MAX_NAME]
