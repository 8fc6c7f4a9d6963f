"""Knows how this machine is measured: which devices, whether they are free, and what the counters said meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from parity import __version__, conditions, session
from parity.catalog import store
from parity.checks import other_processes
from parity.checks.subject import Subject
from parity.errors import UsageError
from parity.measure.plan import Place
from parity.measure.run import Outcome, measure
from parity.model.absent import Reading, value_of
from parity.model.fingerprint import SELECTING, Note, why_no_device
from parity.model.measurement import NOTED, MeasuredDevice, MeasureReport, Unmeasured, peak_fact
from parity.model.policy import Rulebook
from parity.reports.rows import short_reason
from parity.verdict.run_rules import configured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from parity.config.project import Project
    from parity.measure.plan import Job
    from parity.model.absent import Why
    from parity.model.fingerprint import Fingerprint
    from parity.model.measurement import State

BUSY_RULE = "other-processes"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be measured.

    Attributes:
        names: measurements.
        budget_s: seconds to spend.
        devices: driver's numbers; empty: every visible device.
        busy: measure a device that somebody else uses, too.
    """

    names: tuple[str, ...]
    budget_s: float
    devices: tuple[int, ...] = ()
    busy: bool = False


def measured(
    fingerprint: Fingerprint,
    wish: Wish,
    project: Project,
    told: Callable[[int, int, Job | None], None] | None = None,
) -> tuple[Fingerprint, MeasureReport]:
    """Measure this machine; return its fingerprint with the results, and a report of them.

    Args:
        fingerprint: of this machine, just read and not redacted: busy devices are refused by its conditions.
        wish: what to measure.
        project: its rule settings say what is busy and what disturbs.
        told: called with (done, all, the next job).

    Raises:
        UsageError: a device was asked for that is not there.
    """
    subjects = _subjects(fingerprint, wish.devices)
    refused = {} if wish.busy else {at: why for at, one in subjects.items() if (why := _busy(one, project))}
    places = [_place(at, subject) for at, subject in subjects.items() if at not in refused]
    outcome = Outcome()
    if places:
        counters = _Counters(fingerprint, project)
        try:
            outcome = measure(wish.names, places, wish.budget_s, watcher=counters, told=told)
        finally:
            counters.close()
    outcome.unmeasured[:0] = [
        Unmeasured(name="all", device=at, why="not_asked", detail=f"{why}; measured all the same with --busy")
        for at, why in refused.items()
    ]
    if not subjects:
        outcome.unmeasured.append(Unmeasured(name="all", why="not_asked", detail=why_no_device(fingerprint)))
    report = MeasureReport(
        tool={"name": "parity", "version": __version__},
        budget_s=wish.budget_s,
        interrupted=outcome.interrupted,
        devices=tuple(_device(at, subject, wish.names) for at, subject in subjects.items()),
        measured=tuple(outcome.measured),
        unmeasured=tuple(outcome.unmeasured),
    )
    labels = {at: subject.label for at, subject in subjects.items()}
    noted = msgspec.structs.replace(
        fingerprint, measured=report.measured, notes=(*fingerprint.notes, *_notes(report, labels))
    )
    return noted, report


def _subjects(fingerprint: Fingerprint, numbers: Sequence[int]) -> dict[int, Subject]:
    """Return position -> device, in order; a part is assumed only where exactly one fits."""
    identified = {id(one.device): one for one in session.identify_all(fingerprint)}
    shown = {
        at: Subject(one, store.device_spec(one.identity) if one.identity else None)
        for at, device in enumerate(fingerprint.devices)
        if (one := identified.get(id(device))) is not None
    }
    known = {subject.device.locator.index for subject in shown.values()}
    for number in numbers:
        if number not in known:
            listed = ", ".join(map(str, sorted(known)))
            why = short_reason(why_no_device(fingerprint))
            mend = f"use one of these: {listed}" if listed else f"run where one is visible; here: {why}"
            raise UsageError(f"no visible GPU {number}", where="--device", mend=mend)
    return {at: one for at, one in shown.items() if not numbers or one.device.locator.index in numbers}


def _busy(subject: Subject, project: Project) -> str:
    """Return who or what uses the device, by the rule that doctor judges it by; empty when nothing says so."""
    card = configured(store.card(BUSY_RULE), Rulebook(settings=project.rules))
    settings = {name: int(value) for name, value in card.settings.items() if name != "severity"}
    found = [item for item in other_processes.check(subject, None, **settings) if not hasattr(item, "why")]
    return f"the device is in use: {found[0].message}" if found else ""


def _place(at: int, subject: Subject) -> Place:
    locator = subject.device.locator
    caches = [subject.fact(name) for name in ("l2_bytes", "infinity_cache_bytes")]
    return Place(
        position=at,
        uuid=value_of(locator.uuid) or "",
        bus_id=value_of(locator.pci_bus_id) or "",
        cache_bytes=sum(int(fact.value) for fact in caches if isinstance(fact, Reading)),
        is_slice=subject.is_slice,
    )


def _device(at: int, subject: Subject, names: Sequence[str]) -> MeasuredDevice:
    facts = {fact: subject.fact(fact) for fact in dict.fromkeys(map(peak_fact, names)) if fact}
    peaks = {fact: float(known.value) for fact, known in facts.items() if isinstance(known, Reading)}
    part = subject.spec.id if subject.spec is not None else ""
    return MeasuredDevice(position=at, label=subject.label, part=part, peaks=peaks)


def _notes(report: MeasureReport, labels: Mapping[int, str]) -> list[Note]:
    """Return what a reader of the fingerprint must know of what is missing; what a device cannot do is not missing."""
    done = {one.device for one in report.measured}
    grouped: dict[tuple[int | None, Why | str, str], list[str]] = {}
    for one in report.unmeasured if report.devices else ():  # without a device the probes' own notes say it
        if one.why != "not_supported" or one.device not in done:
            grouped.setdefault((one.device, one.why, one.detail), []).append(one.name)
    notes = []
    for (device, why, detail), names in grouped.items():
        where = labels.get(device, "machine") if device is not None else "machine"
        what = "" if names == ["all"] else f"{', '.join(dict.fromkeys(names))}: "
        notes.append(Note(source=NOTED, text=f"{where}: not measured: {what}{detail}", why=why))
    return notes


class _Counters:
    """Reads the driver's counters around each measurement through the watcher that also watches tests."""

    def __init__(self, fingerprint: Fingerprint, project: Project) -> None:
        """Start the watcher; it attaches while the measuring process loads its libraries."""
        from parity.probes.watch import Watch

        self._devices = fingerprint.devices
        self._asked = conditions.prepare_conditions(project)
        self._watch = Watch()
        self._watch.start()
        self._buses: frozenset[str] = frozenset()

    def begin(self, positions: Sequence[int]) -> None:
        """Note the counters of these devices."""
        buses = [value_of(self._devices[at].locator.pci_bus_id) for at in positions]
        self._buses = frozenset(bus for bus in buses if bus) if all(buses) else frozenset()
        self._watch.begin(os.getpid(), self._visible(positions))

    def end(self, name: str) -> State:
        """Return whether anything disturbed the devices meanwhile."""
        return conditions.conditions_of(self._watch, name, self._asked, buses=self._buses).state

    def close(self) -> None:
        """End the watcher."""
        self._watch.close()

    def _visible(self, positions: Sequence[int]) -> dict[str, str]:
        """Return variables that show just these devices; where their ids are not known, those of this process."""
        devices = [self._devices[at] for at in positions]
        uuids = [value_of(device.locator.uuid) for device in devices]
        if all(uuids) and all(value_of(device.identity.vendor) == "nvidia" for device in devices):
            return {"CUDA_VISIBLE_DEVICES": ",".join(uuid for uuid in uuids if uuid)}
        return {name: os.environ[name] for name in SELECTING if name in os.environ}
