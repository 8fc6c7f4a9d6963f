"""Knows one run from end to end: read a machine or a file, resolve the target, judge."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from parity import __version__
from parity.catalog import store
from parity.catalog.identified import identified
from parity.config.project import project_at
from parity.config.targets import target_or_default
from parity.errors import InputFileError, UnknownNameError, UsageError
from parity.inputs import near_names, read_bytes
from parity.model.policy import Rulebook
from parity.units import plural
from parity.verdict.judge import Knowledge, judge

if TYPE_CHECKING:
    from parity.config.project import Project
    from parity.model.fingerprint import Fingerprint
    from parity.model.identified import Identified
    from parity.model.rule import Level
    from parity.model.target import Target
    from parity.model.verdict import Verdict

_NODE, _NODE_WITHIN = b'"parity.node/1"', 200  # of a file: a fleet's lines begin so


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


def as_json(value: msgspec.Struct) -> bytes:
    """Return a struct as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
