"""Knows one run from end to end: read a machine or a file, resolve the target, judge."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity import __version__
from parity.catalog import store
from parity.catalog.identify import identify
from parity.checks.subject import Subject
from parity.config.project import Project, find_project, load_project
from parity.config.targets import target_or_default
from parity.errors import UsageError
from parity.inputs import read_bytes
from parity.model.absent import Absent, Reading
from parity.model.interval import Gap, Interval
from parity.model.policy import Rulebook
from parity.verdict.judge import Knowledge, judge
from parity.verdict.run_interval import judge_interval, load_checks

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.model.fingerprint import Fingerprint
    from parity.model.identified import Identified
    from parity.model.rule import Level
    from parity.model.spec import DeviceSpec
    from parity.model.target import Target
    from parity.model.verdict import Verdict
    from parity.probes.watch import Watch


def project_of(config: str | None, *, start: str = ".") -> Project:
    """Return the project's declarations: of the file named, else of the nearest one at or above ``start``.

    Raises:
        InputFileError, InvalidConfigError: the file is missing or wrong.
    """
    return load_project(Path(config) if config is not None else find_project(Path(start)))


def fingerprint_of(path: str | None) -> Fingerprint:
    """Return the fingerprint in a file (or any report a reader knows; ``-``: standard input), else of this machine.

    Raises:
        InputFileError: the file is no fingerprint and no known report.
    """
    if path is None:
        from parity.probes.capture import capture

        names = tuple(card.name for card in store.environment_cards())
        return capture(environment_names=names, version=__version__)
    from parity.readers import read_report

    where = "standard input" if path == "-" else path
    return read_report(read_bytes(path), where=where)


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
    return [identify(device, store.index()) for device in fingerprint.visible_devices]


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


PEAKS = (
    "memory_bandwidth_gbps",
    *(f"tflops_{kind}" for kind in ("fp64", "fp64_tensor", "fp32", "tf32", "bf16", "fp16", "fp8", "fp6", "fp4")),
    "tops_int8",
)


def peaks_here(fingerprint: Fingerprint) -> list[tuple[str, dict[str, float]]]:
    """Return (name, known peaks) of each visible device; of one that may be several parts, what they agree on."""
    told = []
    for identified in identify_all(fingerprint):
        specs: list[DeviceSpec | None] = [store.device_spec(name) for name in identified.candidates]
        subjects = [Subject(identified, spec) for spec in specs or [None]]
        answers = [_peaks(subject.fact) for subject in subjects]
        agreed = {name: value for name, value in answers[0].items() if all(one.get(name) == value for one in answers)}
        told.append((identified.identity or identified.device.label, agreed))
    return told


def peaks_of(target: Target) -> dict[str, float]:
    """Return the known peaks of a target; of a slice, its own."""
    return _peaks(target.fact)


def _peaks(fact: Callable[[str], Reading[Any] | Absent]) -> dict[str, float]:
    known = {name: fact(name) for name in PEAKS}
    return {name: float(one.value) for name, one in known.items() if isinstance(one, Reading)}


def prepare_conditions() -> None:
    """Load what ``conditions_of`` needs, so that the first test does not pay for it."""
    from parity.probes import watch_decode  # noqa: F401  (loaded for its own sake)

    load_checks(store.cards())


def conditions_of(watch: Watch, test: str, project: Project) -> Interval:
    """End the test that the watch is running and return the conditions it ran under; never raises for a lost watch.

    Args:
        watch: its ``begin`` was called.
        test: the test's id.
        project: whose rule settings hold.
    """
    from parity.probes.watch import WatchLost
    from parity.probes.watch_decode import watched_devices

    try:
        read = watch.end()
    except WatchLost as error:
        gap = Gap(what="conditions", why=error.why, detail=error.detail)
        return Interval(test=test, state="unknown", unknowns=(gap,))
    try:
        devices = watched_devices(read)
        seconds, samples = round(float(read["seconds"]), 6), int(read["samples"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        gap = Gap(what="conditions", why="failed", detail=f"the watcher's answer is not understood: {error!r}"[:200])
        return Interval(test=test, state="unknown", unknowns=(gap,))
    note = read["note"]
    interval = Interval(
        test=test,
        state="unknown",
        seconds=seconds,
        samples=samples,
        sampled_every_s=read["sampled_every_s"],
        devices=devices,
        unknowns=(Gap(what="devices", why="not_asked", detail=note),) if note else (),
    )
    return judge_interval(interval, store.cards(), Rulebook(settings=project.rules))


def as_json(value: msgspec.Struct) -> bytes:
    """Return a struct as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
