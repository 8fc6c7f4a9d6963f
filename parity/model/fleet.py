"""Knows what is said about many machines: groups of alike nodes, what tells them apart, the slow ones, what changed."""

from __future__ import annotations

from typing import Literal

import msgspec

from parity.model.difference import Difference, Section
from parity.model.rule import Level

NODE_SCHEMA = "parity.node/1"
"""Of one line of a collected fleet."""
SCHEMA = "parity.fleet/1"
NO_GPU = "no GPU"
"""Begins the title of nodes where no device was visible."""


class NodeVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on the nodes of a group, in short.

    Attributes:
        rules: of the findings that count, each once.
        headline: why, in one line.
    """

    outcome: Literal["match", "mismatch", "unknown"]
    level: Level
    passed: bool
    headline: str
    rules: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes that tell the same: hardware, firmware, software, settings.

    Attributes:
        id: digest of what they tell; the same in every run.
        title: ``8x NVIDIA H100 80GB HBM3, driver 570.86.15``.
        count: how many readings.
        nodes: their names, in order of appearance.
        like: id of the group they are held against: the largest with the same devices, else with the most in common,
            else of all; empty for that one.
        differences: from that group (a) to this one (b).
        verdict: None without a target.
    """

    id: str
    title: str
    count: int
    nodes: tuple[str, ...]
    like: str = ""
    differences: tuple[Difference, ...] = ()
    verdict: NodeVerdict | None = None


class SlowDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device that delivers less than its like.

    Attributes:
        name: of the measurement.
        value: in ``unit``; the median of this node's own repetitions.
        median: of all devices of this kind, measured with the same kernel.
        deviations: distance from the median in robust standard deviations (1.4826 x median absolute deviation).
        peer: the other device of ``peer_to_peer``; None elsewhere.
        disturbed: whether the driver's counters say that something disturbed the device meanwhile.
    """

    node: str
    device: int
    name: str
    unit: str
    value: float
    median: float
    ratio: float
    deviations: float
    devices: int
    peer: int | None = None
    disturbed: bool = False


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Devices of a part that deliver alike.

    Attributes:
        devices: how many.
        mean: of what they deliver, in the measurement's unit.
    """

    devices: int
    mean: float


class Undecided(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement by which slow devices of a part cannot be told from healthy ones, or not all of them.

    Attributes:
        name: of the measurement.
        part: name of the devices.
        why: ``few``: fewer than three devices; ``kernel``: fewer than three that this kernel ran on, while another one
            ran on more; ``split``: they are two kinds, one slower, too many to be outliers;
            ``spread``: they spread more than healthy ones do; ``fast``: some are faster than most, as where most are
            slow.
        kernel: that ran, without the version of its software.
        fast: how many devices are faster than the median by more than chance.
        median, lowest, highest: of the devices, in ``unit``.
        clusters: the two kinds, the slower first, of ``split``.
        behind: the nodes with devices behind the median, of ``split`` those of the slower kind, of ``kernel`` all; the
            slowest first, a hundred at most; empty for ``few``.
    """

    name: str
    part: str
    unit: str
    why: Literal["few", "kernel", "split", "spread", "fast"]
    kernel: str = ""
    devices: int
    fast: int = 0
    median: float
    lowest: float
    highest: float
    clusters: tuple[Cluster, ...] = ()
    behind: tuple[str, ...] = ()


class BelowPeak(msgspec.Struct, frozen=True, kw_only=True):
    """A part of which even the median device delivers less than healthy ones are known to.

    Attributes:
        part: id in the catalog.
        rule: that found it.
        message: ``dram_copy delivers 57 % of its own peak (...); healthy parts reach 85 to 94 %``.
        fails: whether the fleet does not pass for it: as for one slow device, unless the project makes the rule a note.
    """

    part: str
    rule: str
    message: str
    fails: bool


class Ailing(msgspec.Struct, frozen=True, kw_only=True):
    """A device on which something is wrong that its like do not decide.

    Attributes:
        node: its name.
        devices: positions; empty: the node as a whole.
        why: ``slowed``: a fault slowed it down when it was read; ``unmeasured``: what its like measured is missing;
            ``impossible``: a measurement that can be none; ``below-peak``: less than healthy devices of its part;
            ``fell``: less than its own earlier reading; ``slow-pair``: a pair (from, to) behind the other pairs of its
            node; ``links``: pairs with fewer or lesser links than on its like; ``cluster``: the cluster says so.
        what: in words.
        fails: whether the fleet does not pass for it: unless the project makes its rule a note, or waives it.
    """

    node: str
    devices: tuple[int, ...] = ()
    why: Literal["slowed", "unmeasured", "impossible", "below-peak", "fell", "slow-pair", "links", "cluster"]
    what: str
    fails: bool = True


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a fact, and how many tell it.

    Attributes:
        value: empty where it is not told, or not set.
        node: the first that tells it.
    """

    value: str
    count: int
    node: str


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that not all nodes, or not all of their devices, tell alike.

    Attributes:
        of: what is counted.
        total: how many of them there are.
        distinct: how many different values they tell.
        values: the rarest, and last the most common.
    """

    section: Section
    name: str
    of: Literal["nodes", "devices"]
    total: int
    distinct: int
    values: tuple[Share, ...]


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """A reading taken more than a day from the median time of all: an old one, or a clock that is wrong.

    Attributes:
        days: after the median; negative: before.
    """

    node: str
    days: float


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """An input that gave no node.

    Attributes:
        where: file, or ``file:line``.
    """

    where: str
    why: str


class MedianDrift(msgspec.Struct, frozen=True, kw_only=True):
    """How the median device of a part moved since the baseline.

    Attributes:
        name: of the measurement.
        part: name of the devices.
        before, after: in ``unit``.
    """

    name: str
    part: str
    unit: str
    before: float
    after: float
    ratio: float


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one node since the baseline.

    Attributes:
        differences: from the baseline (a) to now (b).
    """

    node: str
    kind: Literal["changed", "new", "gone"]
    differences: tuple[Difference, ...] = ()


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything said about a fleet.

    Attributes:
        target: name of the target; empty without one.
        nodes: how many readings were understood.
        groups: largest first.
        alike: whether all nodes tell the same and every input was understood.
        passed: whether the whole fleet is what was asked for: every group passes the target's verdict, or, without a
            target, all nodes are alike; and nothing is slow, ailing, missing, not understood, or changed since the
            baseline.
        passed_over: files of the folders given that have other names and hold no node, a thousand at most.
        expected: how many nodes there should be; None: nobody said.
        absent: how many of those are not there.
        missing: names of the nodes that should be there and are not.
        repeated: names that more than one reading bears.
        superseded: older readings of those that were left out, because the newest alone was asked for.
        apart: readings taken long before or after most.
        measured: how many nodes carry measurements.
        undecided: measurements by which slow devices cannot be told.
        below_peak: parts that are slow as a whole.
        spreads: facts that not all tell alike, the one with the rarest value first.
        ignored: patterns of facts that were left out.
        ailing: devices on which something is wrong that needs no neighbour to tell.
        versions: of this tool that read the nodes -> how many; what only one of them reads is not alike.
        changes: None without a baseline.
        drifts: medians that moved since the baseline by more than devices of one kind differ.
    """

    schema: str = SCHEMA
    target: str = ""
    nodes: int
    alike: bool
    passed: bool
    exit_status: int
    groups: tuple[Group, ...]
    slow: tuple[SlowDevice, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    below_peak: tuple[BelowPeak, ...] = ()
    ailing: tuple[Ailing, ...] = ()
    spreads: tuple[Spread, ...] = ()
    ignored: tuple[str, ...] = ()
    measured: int = 0
    unreadable: tuple[Unreadable, ...] = ()
    passed_over: tuple[str, ...] = ()
    expected: int | None = None
    absent: int = 0
    missing: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    superseded: int = 0
    apart: tuple[Apart, ...] = ()
    versions: dict[str, int] = {}
    changes: tuple[Change, ...] | None = None
    drifts: tuple[MedianDrift, ...] = ()
