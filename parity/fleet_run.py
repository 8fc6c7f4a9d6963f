"""Knows how many nodes are judged from end to end: read, grouped, each against the target, all against each other."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from parity import session
from parity.catalog.identified import identified
from parity.config.targets import target_or_default
from parity.errors import UsageError
from parity.model.absent import value_of
from parity.model.rule import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.config.project import Project
    from parity.errors import ParityError
    from parity.model.fingerprint import Fingerprint
    from parity.model.fleet import BelowPeak, Fleet, NodeVerdict
    from parity.model.target import Target

_RULE_OF = {"slowed": "throttled-now"}  # of what a fleet calls ailing, where a rule says the same of one machine
PEAK_RULES = ("measured-bandwidth-below-peak", "measured-matrix-rate-below-peak")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How many nodes are to be looked at.

    Attributes:
        target: what each node should be; None: the project's default, if any.
        require: replaces the target's level.
        baseline: an earlier collection to tell changes from.
        store: a file that keeps every reading; made if it is missing.
        latest: of several readings that bear one name, only the newest counts.
        ignore: patterns of the names of values that make no node odd; a verdict is given on the whole node.
        expected: names of the nodes that should be there, or how many.
    """

    target: str | None = None
    require: Level | None = None
    baseline: str | None = None
    store: str | None = None
    latest: bool = False
    ignore: tuple[str, ...] = ()
    expected: tuple[str, ...] | int | None = None


def fleet_of(places: Iterable[str], project: Project, wish: Wish) -> tuple[Fleet, ParityError | None]:
    """Return what many nodes are (alike or not, and against a target where there is one), and why not all was stored.

    Args:
        places: files, folders, ``-``.
        project: policy, rule settings, waivers and a default target.
        wish: how to look at them.
    """
    from parity.fleet.gather import Gathering
    from parity.fleet.history import History
    from parity.fleet.nodes import readings

    wanted = target_or_default(wish.target, project, source="--target", require=wish.require)
    judge_node = None if wanted is None else lambda node: _node_verdict(node, wanted, project)
    judged = frozenset(() if wanted is None else wanted.conditions)
    with contextlib.nullcontext() if wish.store is None else History(wish.store, create=True) as history:
        now = Gathering(
            judge_node,
            history,
            lambda node: _below_peak(node, wanted, project),
            wish.ignore,
            judged,
            _pardoned(project),
        )
        now.take(readings(places))
    before = None
    if wish.baseline is not None:
        before = Gathering(ignore=wish.ignore)
        before.take(readings([wish.baseline]))
        if not before.has_nodes:
            raise UsageError(
                "no node could be read", where=f"--baseline {wish.baseline}", mend="give a collected fleet"
            )
    fleet = now.fleet(target=_counted(wanted), baseline=before, latest=wish.latest, expected=wish.expected)
    return fleet, now.unstored


def _below_peak(fingerprint: Fingerprint, wanted: Target | None, project: Project) -> Iterator[BelowPeak]:
    """Yield what a machine measured less of than healthy devices of its own part deliver, or more than any can."""
    from parity.model.fleet import BelowPeak

    of_all = msgspec.structs.replace(project, waivers=tuple(one for one in project.waivers if not one.subject))
    for position in {one.device for one in fingerprint.measured}:
        device = fingerprint.devices[position]
        part = identified(device).identity
        target = wanted if part is None else session.target_of(part, project)  # a device is held against itself alone
        if target is None:
            continue
        verdict = session.judge_fingerprint(fingerprint, target, of_all, only=PEAK_RULES)
        called = part or value_of(device.identity.name) or "a GPU"
        for one in verdict.findings:
            if one.waived is None and one.rule in PEAK_RULES:
                yield BelowPeak(part=called, rule=one.rule, message=one.message, fails=one.severity != "note")
        for doubt in verdict.unknowns:
            if doubt.rule in PEAK_RULES and doubt.why == "failed":  # above its peak
                yield BelowPeak(part=called, rule=doubt.rule, message=doubt.detail, fails=True)


def _pardoned(project: Project) -> frozenset[str]:
    """Return the ailments of a fleet whose rule the project makes a note, switches off, or waives everywhere."""
    pardoned = set()
    today = dt.datetime.now(dt.timezone.utc).date()
    for why, rule in _RULE_OF.items():
        settings = project.rules.get(rule, {})
        waived = any(one.rule == rule and not one.subject and today <= one.until for one in project.waivers)
        if waived or settings.get("severity") in ("note", "off"):
            pardoned.add(why)
    return frozenset(pardoned)


def _counted(target: Target | None) -> str:
    """Return ``8x h100-sxm5-80gb``; empty without a target."""
    if target is None:
        return ""
    return target.id if target.count is None else f"{target.count}x {target.id}"


def _node_verdict(fingerprint: Fingerprint, target: Target, project: Project) -> NodeVerdict:
    """Return the verdict on what a node is; what it was doing when it was read says nothing about its like."""
    from parity.fleet.plain import lasting
    from parity.model.fleet import NodeVerdict
    from parity.reports.rows import headline

    verdict = session.judge_fingerprint(lasting(fingerprint, judged=frozenset(target.conditions)), target, project)
    rules = dict.fromkeys(finding.rule for finding in verdict.findings if finding.waived is None)
    return NodeVerdict(
        outcome=verdict.outcome,
        level=verdict.level,
        passed=verdict.passed,
        headline=headline(verdict),
        rules=tuple(rules),
    )
