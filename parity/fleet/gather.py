"""Knows how many nodes become a fleet: grouped as they come, so that memory grows with what differs, not with nodes."""

from __future__ import annotations

import sys
from array import array
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from parity.errors import ParityError
from parity.fleet.ailing import Ailments, of_links
from parity.fleet.census import census
from parity.fleet.differences import differences
from parity.fleet.folders import PassedOver
from parity.fleet.groups import Kind, grouped, has_gpus
from parity.fleet.peaks import Peaks
from parity.fleet.roll import Roll
from parity.fleet.slow import NORMAL_SPREAD, STEADY, Rates
from parity.fleet.telling import Tellings
from parity.inputs import printable
from parity.model.fingerprint import Fingerprint
from parity.model.fleet import Ailing, Change, Fleet, NodeVerdict, Unreadable
from parity.units import fewest_digits, format_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from parity.fleet.documents import Reading
    from parity.fleet.history import History
    from parity.fleet.peaks import Judge as PeakJudge
    from parity.fleet.telling import Node

    Judge = Callable[[Fingerprint], NodeVerdict]

MAX_UNREADABLE = 1000


class Gathering:
    """Takes nodes one by one.

    Args:
        judge: gives the verdict on nodes that tell the same and are silent on the same; None: nobody asked.
        history: keeps every node; None: nobody asked.
        peaks: tells what of a machine's measurements is less than healthy devices deliver; None: nobody knows.
        ignore: patterns of the names of values that make no node odd.
        judged: names of device conditions that nodes alike need not share, and the verdict rests on all the same.
        pardoned: ailments for which no fleet fails.

    Attributes:
        unstored: why the history keeps no more; None while it does.
    """

    def __init__(
        self,
        judge: Judge | None = None,
        history: History | None = None,
        peaks: PeakJudge | None = None,
        ignore: tuple[str, ...] = (),
        judged: frozenset[str] = frozenset(),
        pardoned: frozenset[str] = frozenset(),
    ) -> None:
        """Hold no node."""
        self._judge = judge
        self._history = history
        self.unstored: ParityError | None = None
        self._peaks = Peaks(peaks or (lambda _: ()))
        self._tellings = Tellings(ignore, judged)
        self._versions: list[str] = []  # of this tool, by number
        self._roll = Roll()
        self._kind_of = array("l")  # number of each node's kind
        self._kinds: dict[Kind, int] = {}
        self._verdicts: dict[tuple[tuple[int, ...], int], NodeVerdict] = {}
        self._rates = Rates()
        self._ailments = Ailments(pardoned)
        self._measured: set[int] = set()
        self._unreadable: list[Unreadable] = []
        self._refused = 0
        self._passed_over: list[str] = []

    @property
    def has_nodes(self) -> bool:
        """Return whether any node was understood."""
        return bool(self._roll.names)

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
        parts = self._tellings.parts(node)
        self._peaks.add(node, parts, found.raw)
        kind = Kind(self._tellings.shown(node.blocks), self._verdict(node, found))
        name = found.called(node.hostname)
        number = self._roll.add(name, node.captured_at)
        self._kind_of.append(self._kinds.setdefault(kind, len(self._kinds)))
        digest = self._tellings.digest(node.blocks) if self._history is not None else ""
        self._keep(lambda history: history.keep(name, node, digest, found.raw))
        self._versions.append(sys.intern(node.version))
        evenly = bool(node.measured) and self._tellings.evenly_joined(node)
        self._ailments.add(number, node, parts, found.ailments, evenly_joined=evenly)
        if node.measured:
            self._measured.add(number)
            self._rates.add(number, parts, node.measured)

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
        counted = self._roll.latest() if latest else list(range(len(self._roll.names)))
        members = self._members(counted)
        groups = tuple(grouped(self._tellings, members, self._roll.names))
        absent, missing = self._roll.missing(expected, counted)
        wanted = expected if expected is None or isinstance(expected, int) else len(set(expected))
        alike = len({kind.blocks for kind in members}) == 1 and not self._unreadable
        told = Fleet(
            target=target,
            nodes=len(counted),
            alike=alike,
            passed=False,
            exit_status=3,
            groups=groups,
            spreads=census(self._tellings, members, self._roll.names),
            ignored=self._tellings.ignore,
            versions=dict(Counter(self._versions[number] for number in counted).most_common()),
            measured=len(self._measured.intersection(counted)),
            unreadable=(*self.unreadable, *(() if baseline is None else baseline.unreadable)),
            passed_over=tuple(self._passed_over[:MAX_UNREADABLE]),
            expected=wanted,
            absent=absent,
            missing=missing,
            repeated=self._roll.repeated(),
            superseded=len(self._roll.names) - len(counted),
            apart=tuple(self._roll.apart(counted)),
        )
        told = self._with_rates(told, frozenset(counted))
        told = told if baseline is None else self._since(baseline, told, frozenset(counted))
        with_gpus = [has_gpus(kind.blocks) for kind in members]
        verdicts = [group.verdict for group in groups if group.verdict is not None]
        holds = all(verdict.passed for verdict in verdicts) if self._judge is not None else alike
        passed = bool(groups) and holds and all(with_gpus) and is_sound(told)
        status = 0 if passed else 1 if any(with_gpus) else 3
        return msgspec.structs.replace(told, passed=passed, exit_status=status)

    def _members(self, counted: Iterable[int]) -> dict[Kind, list[int]]:
        """Return the numbers of the nodes of each kind."""
        members: dict[Kind, list[int]] = {}
        kinds = list(self._kinds)
        for number in counted:
            members.setdefault(kinds[self._kind_of[number]], []).append(number)
        return members

    def _with_rates(self, told: Fleet, counted: frozenset[int]) -> Fleet:
        """Add what was measured, and what is wrong by itself."""
        names = self._roll.names
        slow, undecided = self._rates.judged(names, counted)
        known = {(one.node, one.device, one.name) for one in slow}
        pairs = {(one.node, (one.device, one.peer)) for one in slow}
        own = self._ailments.of(names, counted)
        return msgspec.structs.replace(
            told,
            slow=slow,
            undecided=undecided,
            below_peak=tuple(self._peaks.parts(self._rates, counted)),
            ailing=(
                *(one for one in own if one.why != "slow-pair" or (one.node, one.devices) not in pairs),
                *self._peaks.devices(self._rates, counted, names, known),
                *of_links(told.groups),
            ),
        )

    def _since(self, baseline: Gathering, told: Fleet, counted: frozenset[int]) -> Fleet:
        """Add what became of the nodes since the baseline."""
        before = frozenset(baseline._roll.latest())
        return msgspec.structs.replace(
            told,
            changes=tuple(self._changes(baseline)),
            drifts=tuple(self._rates.drifts(baseline._rates, counted, before)),
            ailing=(*told.ailing, *self._fallen(baseline, counted)),
        )

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
        """Yield the devices that deliver less than they did themselves, or of which that cannot be told any more."""
        before = baseline._rates.by_name(baseline._roll.names, frozenset(baseline._roll.latest()))
        now = self._rates.by_name(self._roll.names, counted)
        for (node, device, name, kernel), (value, unit) in now.items():
            then, _ = before.get((node, device, name, kernel), (0.0, ""))
            if value < (1 - NORMAL_SPREAD) * then:
                moved = f"{fewest_digits(then)} -> {fewest_digits(value)} {unit}"
                what = f"{name} {moved} ({format_ratio(round(value / then, 4))}) since the baseline"
                yield Ailing(node=node, devices=(device,), why="fell", what=what)
        present = {self._roll.names[number] for number in counted}
        lost = defaultdict[tuple[str, int], list[str]](list)
        for node, device, name, _ in before.keys() - now.keys():
            if node in present:
                lost[node, device].append(name)
        for (node, device), names in sorted(lost.items()):
            what = f"measured in the baseline and not, or not by the same kernel, now: {', '.join(sorted(names))}"
            yield Ailing(node=node, devices=(device,), why="unmeasured", what=what)

    def _told(self) -> dict[str, tuple[int, ...]]:
        kinds = list(self._kinds)
        return {self._roll.names[number]: kinds[self._kind_of[number]].blocks for number in self._roll.latest()}


def is_sound(told: Fleet) -> bool:
    """Return whether nothing but the verdicts on its nodes can keep a fleet from passing."""
    uneven = any(one.why != "few" and one.name in STEADY for one in told.undecided)
    below = any(one.fails for one in told.below_peak)
    fell = any(one.ratio < 1 for one in told.drifts)
    ailing = any(one.fails for one in told.ailing)
    return not (told.slow or uneven or below or ailing or told.changes or fell or told.unreadable or told.absent)
