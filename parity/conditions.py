"""Knows the conditions of a test from end to end: which rules hold, what was read meanwhile, the judgement."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from parity.catalog import store
from parity.model.interval import Gap, Interval
from parity.model.policy import Rulebook
from parity.verdict.run_interval import interval_cards, judge_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from parity.config.project import Project
    from parity.model.rule import RuleCard
    from parity.probes.piped import ChildLost
    from parity.probes.watch import Watch


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
        every_s, note = read["sampled_every_s"], read["note"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        gap = Gap(what="conditions", why="failed", detail=f"the watcher's answer is not understood: {error!r}"[:200])
        return Interval(test=test, state="unknown", unknowns=(*missing, gap))
    interval = Interval(
        test=test,
        state="unknown",
        seconds=seconds,
        samples=samples,
        sampled_every_s=every_s,
        devices=devices,
        unknowns=(*missing, *((Gap(what="devices", why="not_asked", detail=note),) if note else ())),
    )
    judged = judge_interval(interval, asked)
    return msgspec.structs.replace(judged, state="unknown") if lost and judged.state == "clean" else judged
