"""Knows one run from end to end: read a machine or a file, resolve the target, judge."""

from __future__ import annotations

import contextlib
import datetime as dt
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity import __version__
from parity.catalog import store
from parity.catalog.identified import identified
from parity.config.project import project_at
from parity.config.targets import target_or_default
from parity.errors import InputFileError, UnknownNameError, UsageError
from parity.inputs import near_names, read_bytes
from parity.model.absent import value_of
from parity.model.interval import Gap, Interval
from parity.model.policy import Rulebook
from parity.model.rule import Level
from parity.units import plural
from parity.verdict.judge import Knowledge, judge
from parity.verdict.run_interval import interval_cards, judge_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from parity.config.project import Project
    from parity.errors import ParityError
    from parity.model.fingerprint import Fingerprint
    from parity.model.fleet import BelowPeak, Fleet, NodeVerdict
    from parity.model.identified import Identified
    from parity.model.rule import RuleCard
    from parity.model.target import Target
    from parity.model.verdict import Verdict
    from parity.probes.piped import ChildLost
    from parity.probes.watch import Watch

_NODE, _NODE_WITHIN = b'"parity.node/1"', 200  # of a file: a fleet's lines begin so
_RULE_OF = {"slowed": "throttled-now"}  # of what a fleet calls ailing, where a rule says the same of one machine
PEAK_RULES = ("measured-bandwidth-below-peak", "measured-matrix-rate-below-peak")


def project_of(config: str | None, *, start: str = ".") -> Project:
    """Return the project's declarations: of the file named, else of the nearest one at or above ``start``.

    Raises:
        InputFileError, InvalidConfigError: the file is missing or wrong.
    """
    return project_at(config, start=start)


def fingerprint_of(path: str | None) -> Fingerprint:
    """Return the fingerprint in a file (or any report a reader knows; ``-``: standard input), else of this machine.

    What comes from a file says so (``origin.saved``): reports must not tell it as what is here.

    Args:
        path: the file; ``FILE#NODE``: one node of a collected fleet. None: this machine.

    Raises:
        InputFileError: the file is no fingerprint and no known report.
        UnknownNameError: the fleet has no such node.
    """
    if path is None:
        from parity.probes.capture import capture

        names = tuple(card.name for card in store.environment_cards())
        return capture(environment_names=names, version=__version__)
    from parity.readers import read_report

    where = "standard input" if path == "-" else path
    if "#" in path and not Path(path).exists():
        told = _node_of(*path.rpartition("#")[::2])
    else:
        told = _node_of(path, "") if _is_fleet(path) else read_report(read_bytes(path), where=where)
    return msgspec.structs.replace(told, origin=msgspec.structs.replace(told.origin, saved=True))


def _is_fleet(path: str) -> bool:
    """Return whether a file begins as a collected fleet does, which may be larger than any report."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123
            return Path(path).is_file() and _NODE in stream.read(_NODE_WITHIN)
    except (OSError, ValueError):
        return False  # whoever reads it says why


def _node_of(file: str, name: str) -> Fingerprint:
    """Return one node of a collected fleet; without a name the only one."""
    from parity.fleet.documents import Reading
    from parity.fleet.nodes import readings
    from parity.fleet.telling import hostname_of
    from parity.model.fingerprint import Fingerprint

    names: dict[str, None] = {}
    found: list[Reading] = []
    for one in readings([file]):
        if isinstance(one, Reading):
            called = one.called(hostname_of(one.raw))
            names[called] = None
            if name in ("", called):
                found = [*found[-1:], one]
    if not found or (not name and len(names) > 1):
        mend = "name one: FILE#NODE" if names else "give a fleet that was collected"
        if not name:
            raise InputFileError(f"holds {plural(len(names), 'node')}", where=file, mend=mend)
        raise UnknownNameError(f"no node {name!r}", where=file, close=near_names(name, list(names)), mend=mend)
    # Of several readings with one name the last: the newest, mostly.
    return msgspec.json.decode(found[-1].raw, type=Fingerprint)


def target_of(
    expression: str | None, project: Project, *, source: str = "--target", require: Level | None = None
) -> Target:
    """Return the target asked for, else the project's default.

    Raises:
        UsageError: neither is there.
    """
    target = target_or_default(expression, project, source=source, require=require)
    if target is None:
        raise UsageError(
            "no target", where=source, mend="give one (`--target h100`), or write `default_target` with `parity init`"
        )
    return target


def identify_all(fingerprint: Fingerprint) -> list[Identified]:
    """Return what each visible device is."""
    return [identified(device) for device in fingerprint.visible_devices]


def judge_fingerprint(
    fingerprint: Fingerprint,
    target: Target,
    project: Project,
    *,
    only: tuple[str, ...] = (),
    today: dt.date | None = None,
) -> Verdict:
    """Return the verdict on a fingerprint.

    Args:
        fingerprint: what was read.
        target: what production is declared to be.
        project: policy, rule settings and waivers.
        only: run only these rules; empty: all.
        today: for waivers; by default the present day (UTC).
    """
    rulebook = Rulebook(policy=project.policy, settings=project.rules, waivers=project.waivers, only=only)
    knowledge = Knowledge(
        cards=store.cards(),
        spec_of=store.device_spec,
        environment=store.environment_cards(),
        stack_facts=store.stack_facts(),
        version=__version__,
    )
    day = today or dt.datetime.now(dt.timezone.utc).date()
    return judge(fingerprint, identify_all(fingerprint), target, rulebook, knowledge, today=day)


class FleetWish(msgspec.Struct, frozen=True, kw_only=True):
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


def fleet_of(places: Iterable[str], project: Project, wish: FleetWish) -> tuple[Fleet, ParityError | None]:
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
        target = wanted if part is None else target_of(part, project)  # a device is held against itself alone
        if target is None:
            continue
        verdict = judge_fingerprint(fingerprint, target, of_all, only=PEAK_RULES)
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

    verdict = judge_fingerprint(lasting(fingerprint, judged=frozenset(target.conditions)), target, project)
    rules = dict.fromkeys(finding.rule for finding in verdict.findings if finding.waived is None)
    return NodeVerdict(
        outcome=verdict.outcome,
        level=verdict.level,
        passed=verdict.passed,
        headline=headline(verdict),
        rules=tuple(rules),
    )


def prepare_conditions(project: Project) -> tuple[RuleCard, ...]:
    """Return the rules that hold for the tests of a project, and load what judging them needs."""
    from parity.probes import watch_decode  # noqa: F401  (so that the first test does not pay for it)

    return interval_cards(store.cards(), Rulebook(settings=project.rules))


def conditions_of(watch: Watch, test: str, asked: tuple[RuleCard, ...], *, buses: Collection[str] = ()) -> Interval:
    """End the test that the watch is running and return the conditions it ran under; see ``read_conditions``."""
    return read_conditions(watch, test, asked, buses=buses)()


def read_conditions(
    watch: Watch, test: str, asked: tuple[RuleCard, ...], *, buses: Collection[str] = ()
) -> Callable[[], Interval]:
    """End the test that the watch is running; return what works out its conditions, now or later, from what was read.

    Never raises for a lost watch.

    Args:
        watch: its ``begin`` was called.
        test: the test's id.
        asked: what ``prepare_conditions`` returned.
        buses: PCI bus ids of the devices to speak of, where the watcher saw one of them; else all that it watched.
    """
    from parity.probes.piped import ChildLost
    from parity.probes.watch_decode import on_buses

    try:
        return partial(interval_of, on_buses(watch.end(), buses), test, asked)
    except ChildLost as error:
        return partial(interval_of, None, test, asked, lost=error)


def interval_of(
    read: dict[str, Any] | None, test: str, asked: tuple[RuleCard, ...], *, lost: ChildLost | None = None
) -> Interval:
    """Return the judged conditions of what the watcher read; never raises for what it did not.

    Args:
        read: as ``Watch.end`` returns it, or what there was when the watch was lost; None: nothing.
        test: the test's id, or the command.
        asked: what ``prepare_conditions`` returned.
        lost: why the watch did not last; then what was disturbed is disturbed, and all else is unknown.
    """
    from parity.probes.watch_decode import watched_devices

    missing = () if lost is None else (Gap(what="conditions", why=lost.why, detail=lost.detail),)
    if read is None:
        return Interval(test=test, state="unknown", unknowns=missing)
    try:
        devices = watched_devices(read)
        seconds, samples = round(float(read["seconds"]), 6), int(read["samples"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        gap = Gap(what="conditions", why="failed", detail=f"the watcher's answer is not understood: {error!r}"[:200])
        return Interval(test=test, state="unknown", unknowns=(*missing, gap))
    note = read["note"]
    interval = Interval(
        test=test,
        state="unknown",
        seconds=seconds,
        samples=samples,
        sampled_every_s=read["sampled_every_s"],
        devices=devices,
        unknowns=(*missing, *((Gap(what="devices", why="not_asked", detail=note),) if note else ())),
    )
    judged = judge_interval(interval, asked)
    return msgspec.structs.replace(judged, state="unknown") if lost and judged.state == "clean" else judged


def as_json(value: msgspec.Struct) -> bytes:
    """Return a struct as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
