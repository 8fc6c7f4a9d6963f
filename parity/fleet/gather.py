"""Knows how many nodes become a fleet: grouped as they come, so that memory grows with what differs, not with nodes."""

from __future__ import annotations

import math
import statistics
from array import array
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from parity.errors import ParityError
from parity.fleet.ailing import Ailments, of_links
from parity.fleet.census import census
from parity.fleet.differences import differences
from parity.fleet.folders import PassedOver
from parity.fleet.groups import Kind, grouped, has_gpus
from parity.fleet.plain import lasting
from parity.fleet.slow import NORMAL_SPREAD, STEADY, Rates
from parity.fleet.telling import Tellings
from parity.fleet.times import parsed
from parity.inputs import printable
from parity.model.fingerprint import Fingerprint
from parity.model.fleet import Ailing, Apart, BelowPeak, Change, Fleet, MedianDrift, NodeVerdict, Unreadable
from parity.units import fewest_digits, format_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from parity.fleet.documents import Reading
    from parity.fleet.history import History
    from parity.fleet.telling import Node
    from parity.model.measurement import Measurement

    Judge = Callable[[Fingerprint], NodeVerdict]
    Peaks = Callable[[Fingerprint], Iterable[BelowPeak]]

MAX_NAME = 200
MAX_UNREADABLE = 1000
MAX_BELOW = 256  # devices of a part that are told, one by one, to deliver less than healthy ones
MAX_PARTS = 64
"""So many parts are held against their own peak: one node of each is kept in memory."""
APART_S = 86_400.0
"""A reading this far from the median time of all may tell of a machine that is no longer so."""


class Gathering:
    """Takes nodes one by one.

    Args:
        judge: gives the verdict on nodes that tell the same and are silent on the same; None: nobody asked.
        history: keeps every node; None: nobody asked.
        peaks: tells what of a machine's measurements is less than healthy devices deliver; None: nobody knows.
        ignore: patterns of the names of values that make no node odd.

    Attributes:
        unstored: why the history keeps no more; None while it does.
    """

    def __init__(
        self,
        judge: Judge | None = None,
        history: History | None = None,
        peaks: Peaks | None = None,
        ignore: tuple[str, ...] = (),
    ) -> None:
        """Hold no node."""
        self._judge = judge
        self._peaks = peaks
        self._examples: dict[tuple[str, ...], tuple[int, bytes]] = {}
        self._versions: Counter[str] = Counter()
        self._history = history
        self.unstored: ParityError | None = None
        self._tellings = Tellings(ignore)
        self._names: list[str] = []
        self._times = array("d")  # seconds since the epoch; NaN where none is told
        self._kind_of = array("l")  # number of each node's kind
        self._kinds: dict[Kind, int] = {}
        self._verdicts: dict[tuple[tuple[int, ...], int], NodeVerdict] = {}
        self._rates = Rates()
        self._ailments = Ailments()
        self._measured: set[int] = set()
        self._unreadable: list[Unreadable] = []
        self._refused = 0
        self._passed_over: list[str] = []

    @property
    def has_nodes(self) -> bool:
        """Return whether any node was understood."""
        return bool(self._names)

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Return what was not understood."""
        return tuple(self._unreadable)

    def take(self, found: Iterable[Reading | Unreadable | PassedOver]) -> None:
        """Take every node of some inputs."""
        for one in found:
            if isinstance(one, PassedOver):
                self._passed_over.append(one.where)
                continue
            if isinstance(one, Unreadable):
                self._refuse(one)
                continue
            try:
                self._take(one)
            except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError) as error:
                why = f"not a fingerprint: {printable(str(error))[:200]}"
                self._refuse(Unreadable(where=one.where, why=why))
        self._keep(lambda history: history.commit())

    def _keep(self, write: Callable[[History], None]) -> None:
        """Write to the history; one that fails costs what it would have kept, not what is said about the fleet."""
        if self._history is None or self.unstored is not None:
            return
        try:
            write(self._history)
        except ParityError as error:
            self.unstored = error

    def _refuse(self, one: Unreadable) -> None:
        """Keep what was not understood; of very much, how much it was."""
        self._refused += 1
        if self._refused <= MAX_UNREADABLE:
            self._unreadable.append(one)
        else:
            more = self._refused - MAX_UNREADABLE
            self._unreadable[MAX_UNREADABLE:] = [Unreadable(where="and", why=f"{more} more that were not understood")]

    def _take(self, found: Reading) -> None:
        node = self._tellings.node(found.raw)
        examples = self._new_examples(node, found)
        kind = Kind(self._tellings.shown(node.blocks), self._verdict(node, found))
        number = len(self._names)
        self._names.append(_name(found, node))
        when = parsed(node.captured_at)
        self._times.append(when.timestamp() if when else math.nan)
        self._kind_of.append(self._kinds.setdefault(kind, len(self._kinds)))
        digest = self._tellings.digest(node.blocks) if self._history is not None else ""
        self._keep(lambda history: history.keep(self._names[number], node, digest, found.raw))
        self._versions[node.version] += 1
        parts = self._tellings.parts(node) if node.measured else {}
        evenly = bool(node.measured) and self._tellings.evenly_joined(node)
        self._ailments.add(number, node, parts, found.ailments, evenly_joined=evenly)
        if node.measured:
            self._measured.add(number)
            self._rates.add(number, parts, node.measured)
            self._examples.update(examples)

    def _new_examples(self, node: Node, found: Reading) -> dict[tuple[str, ...], tuple[int, bytes]]:
        """Return the parts of which this is the first node that measured anything.

        Raises:
            msgspec.MsgspecError: a value that is not compared is none of a fingerprint.
        """
        parts = self._tellings.parts(node) if node.measured else {}
        room = MAX_PARTS - len(self._examples)
        fresh = {
            part: (place, bytes(found.raw)) for place, part in reversed(parts.items()) if part not in self._examples
        }
        if fresh:
            msgspec.json.decode(found.raw, type=Fingerprint)
        return dict(list(fresh.items())[:room])

    def _verdict(self, node: Node, found: Reading) -> NodeVerdict | None:
        if self._judge is None:
            return None
        key = (node.blocks, node.silence)
        if key not in self._verdicts:
            self._verdicts[key] = self._judge(msgspec.json.decode(found.raw, type=Fingerprint))
        return self._verdicts[key]

    def fleet(
        self,
        *,
        target: str = "",
        baseline: Gathering | None = None,
        latest: bool = False,
        expected: Sequence[str] | int | None = None,
    ) -> Fleet:
        """Return everything said about the nodes taken.

        Args:
            target: its name.
            baseline: nodes as they were.
            latest: of several readings that bear one name, only the newest counts.
            expected: names of the nodes that should be there, or how many; None: nobody says.
        """
        counted = self._latest() if latest else list(range(len(self._names)))
        members: dict[Kind, list[int]] = {}
        kinds = list(self._kinds)
        for number in counted:
            members.setdefault(kinds[self._kind_of[number]], []).append(number)
        groups = tuple(grouped(self._tellings, members, self._names))
        slow, undecided = self._rates.judged(self._names, frozenset(counted))
        changes = None if baseline is None else tuple(self._changes(baseline))
        drifts = () if baseline is None else tuple(self._drifts(baseline, frozenset(counted)))
        verdicts = [group.verdict for group in groups if group.verdict is not None]
        alike = len({kind.blocks for kind in members}) == 1 and not self._unreadable
        holds = all(verdict.passed for verdict in verdicts) if self._judge is not None else alike
        uneven = any(one.why != "few" and one.name in STEADY for one in undecided)
        below_peak = tuple(self._below_peak(frozenset(counted)))
        uneven = uneven or any(one.fails for one in below_peak)
        told = {(one.node, one.device, one.name) for one in slow}
        pairs = {(one.node, (one.device, one.peer)) for one in slow}
        own = self._ailments.of(self._names, frozenset(counted))
        ailing = (
            *(one for one in own if one.why != "slow-pair" or (one.node, one.devices) not in pairs),
            *self._devices_below_peak(frozenset(counted), told),
            *of_links(groups),
            *([] if baseline is None else self._fallen(baseline, frozenset(counted))),
        )
        with_gpus = [has_gpus(kind.blocks) for kind in members]
        lost = self._unreadable or (baseline is not None and baseline.unreadable)
        present = {self._names[number] for number in counted}
        missing = (
            ()
            if expected is None or isinstance(expected, int)
            else tuple(name for name in dict.fromkeys(expected) if name not in present)
        )
        wanted = expected if expected is None or isinstance(expected, int) else len(set(expected))
        short = bool(missing) or (wanted is not None and len(present) < wanted)
        sound = not (slow or uneven or ailing or changes or drifts or lost or short)
        passed = bool(groups) and holds and all(with_gpus) and sound
        return Fleet(
            target=target,
            nodes=len(counted),
            alike=alike,
            passed=passed,
            exit_status=0 if passed else 1 if any(with_gpus) else 3,
            groups=groups,
            slow=slow,
            undecided=undecided,
            below_peak=below_peak,
            ailing=ailing,
            spreads=census(self._tellings, members, self._names),
            ignored=self._tellings.ignore,
            versions=dict(self._versions.most_common()),
            unmeasured=not self._measured,
            measured=len(self._measured.intersection(counted)),
            unreadable=(*self.unreadable, *(() if baseline is None else baseline.unreadable)),
            passed_over=tuple(self._passed_over[:MAX_UNREADABLE]),
            expected=wanted,
            missing=missing,
            repeated=tuple(name for name, count in Counter(self._names).items() if count > 1),
            superseded=len(self._names) - len(counted),
            apart=tuple(self._apart(counted)),
            changes=changes,
            drifts=drifts,
        )

    def _below_peak(self, counted: frozenset[int]) -> Iterator[BelowPeak]:
        """Yield what even the median device of a part delivers too little of."""
        for part, medians in self._rates.medians(counted).items():
            yield from self._held_against_peak(part, medians)

    def _devices_below_peak(self, counted: frozenset[int], told: set[tuple[str, int, str]]) -> Iterator[Ailing]:
        """Yield the devices that deliver less than healthy ones of their part, where the median one does not.

        Args:
            counted: numbers of the nodes that count.
            told: (node, device, measurement) that are slow beside their like, and known by that.
        """
        for part, one, rows in self._rates.ascending(counted):
            middle = msgspec.structs.replace(one, value=statistics.median(row[0] for row in rows))
            if not any(self._held_against_peak(part, [one])) or any(self._held_against_peak(part, [middle])):
                continue
            for value, number, device in rows[:MAX_BELOW]:
                found = list(self._held_against_peak(part, [msgspec.structs.replace(one, value=value)]))
                if not found:
                    break
                name = self._names[number]
                if found[0].fails and (name, device, one.name) not in told:
                    yield Ailing(node=name, devices=(device,), why="below-peak", what=found[0].message)

    def _held_against_peak(self, part: tuple[str, ...], measured: Iterable[Measurement]) -> Iterator[BelowPeak]:
        if self._peaks is None or part not in self._examples:
            return
        place, raw = self._examples[part]
        node = lasting(msgspec.json.decode(raw, type=Fingerprint))
        placed = tuple(msgspec.structs.replace(one, device=place) for one in measured)
        yield from self._peaks(msgspec.structs.replace(node, measured=placed))

    def _latest(self) -> list[int]:
        """Return the newest reading of each name; where none tells its time, the last."""
        newest: dict[str, int] = {}
        for number, name in enumerate(self._names):
            known = newest.get(name)
            if known is None or self._age(number) >= self._age(known):
                newest[name] = number
        return sorted(newest.values())

    def _age(self, number: int) -> float:
        """Return when a reading was taken; one that tells no time is older than any that does."""
        when = self._times[number]
        return -math.inf if math.isnan(when) else when

    def _apart(self, counted: list[int]) -> Iterator[Apart]:
        """Yield the readings that were taken long before or after most."""
        told = [number for number in counted if not math.isnan(self._times[number])]
        if not told:
            return
        middle = statistics.median_low(self._times[number] for number in told)
        for number in sorted(told, key=self._times.__getitem__):
            distance = self._times[number] - middle
            if abs(distance) > APART_S:
                yield Apart(node=self._names[number], days=round(distance / APART_S, 1))

    def _changes(self, baseline: Gathering) -> Iterable[Change]:
        """Yield what became of each node since the baseline; of several readings of a node, the newest counts."""
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

    def _fallen(self, baseline: Gathering, counted: frozenset[int]) -> Iterator[Ailing]:
        """Yield the devices that deliver less than they did themselves, by more than devices of one kind differ."""
        before = baseline._rates.by_name(baseline._names, frozenset(baseline._latest()))
        for key, (value, unit) in self._rates.by_name(self._names, counted).items():
            then = before.get(key, (0.0, ""))[0]
            if value < (1 - NORMAL_SPREAD) * then:
                node, device, name, *_ = key
                moved = f"{fewest_digits(then)} -> {fewest_digits(value)} {unit}"
                what = f"{name} {moved} ({format_ratio(round(value / then, 4))}) since the baseline"
                yield Ailing(node=str(node), devices=(int(str(device)),), why="fell", what=what)

    def _drifts(self, baseline: Gathering, counted: frozenset[int]) -> Iterator[MedianDrift]:
        return self._rates.drifts(baseline._rates, counted, frozenset(baseline._latest()))

    def _told(self) -> dict[str, tuple[int, ...]]:
        kinds = list(self._kinds)
        return {self._names[number]: kinds[self._kind_of[number]].blocks for number in self._latest()}


def _name(found: Reading, node: Node) -> str:
    stem = found.file or found.where.replace("\\", "/").rpartition("/")[2]
    return printable(found.name or node.hostname or stem)[:MAX_NAME]
