"""Knows how an expression (``8xh100``, ``a100-sxm4-40gb/1g.5gb``, a name of the project, a file) becomes a target."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import msgspec

from parity.catalog import store
from parity.errors import UnknownNameError, UsageError
from parity.inputs import near_names
from parity.model.partition import WHOLE, Partition
from parity.model.target import Target

if TYPE_CHECKING:
    from parity.config.project import Project, TargetEntry
    from parity.model.rule import Level
    from parity.model.spec import DeviceSpec

_EXPRESSION = re.compile(r"(?:(?P<count>[0-9]{1,6})\s*x\s*)?(?P<name>[^/]+?)(?:/(?P<slice>[^/]+))?", re.IGNORECASE)
_FILE_SUFFIXES = (".json", ".yaml", ".yml", ".txt", ".xml", ".log")
DEFAULT_REQUIRE: Level = "equivalent"


def resolve_target(expression: str, project: Project, *, source: str, require: Level | None = None) -> Target:
    """Return the target that an expression declares.

    Args:
        expression: a catalog name or alias with an optional count and slice, a target of the project file, or the
            path of a captured fingerprint or report.
        project: the project's declarations.
        source: where the expression comes from, for messages: ``--target``.
        require: overrides the level the declaration asks for.

    Raises:
        UnknownNameError: nothing answers to the expression; near names are given.
        UsageError: the expression is malformed or the file names no device.
    """
    text = expression.strip()
    if not text:
        raise UsageError("an empty target", where=source, mend="name one, for example `h100`; see `parity targets`")
    if text in project.targets:
        target = _declared(text, project)
    elif _is_file(text):
        target = _captured(text, source=source)
    else:
        target = _from_catalog(text, project, source)
    return msgspec.structs.replace(target, require=require) if require else target


def _is_file(text: str) -> bool:
    return text.endswith(_FILE_SUFFIXES) or ("/" in text and os.path.isfile(text))  # noqa: PTH113  (never raises)


def _captured(path: str, *, source: str) -> Target:
    from pathlib import Path

    from parity.config.captured_target import from_file  # reads a machine: longer to import than a name to resolve

    return from_file(Path(path), source=source)


def _declared(name: str, project: Project) -> Target:
    entry = project.targets[name]
    where = f"{project.where}: targets.{name}"
    base = _base(entry, project, where)
    partition = base.partition
    if entry.partition is not None:
        partition = partition_of(base.spec, entry.partition, where)
    elif entry.conditions.get("mig") is False:
        partition = WHOLE
    return msgspec.structs.replace(
        base,
        source=where,
        name=name,
        count=entry.count if entry.count is not None else base.count,
        require=entry.require or DEFAULT_REQUIRE,
        partition=partition,
        stack=entry.stack,
        conditions=_over(entry.conditions, base.conditions),
    )


def _over(
    declared: dict[str, str | float | int | bool], captured: dict[str, str | float | int | bool]
) -> dict[str, str | float | int | bool]:
    """Return a captured machine's conditions with the declared ones in their place, whatever name they go by."""
    from parity.checks.target_condition_unmet import FIELDS

    kept = {FIELDS.get(name, name) for name in declared}
    return {**{name: value for name, value in captured.items() if FIELDS.get(name, name) not in kept}, **declared}


def _base(entry: TargetEntry, project: Project, where: str) -> Target:
    device = entry.device or ""
    if device.endswith(_FILE_SUFFIXES) or "/" in device:
        return _captured(os.path.join(project.folder, device), source=where)  # noqa: PTH118
    return Target(spec=store.device_spec(device), source=where)


def _from_catalog(text: str, project: Project, source: str) -> Target:
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        mend = "write `h100`, `8xh100` or `a100-sxm4-40gb/1g.5gb`"
        raise UsageError(f"{text!r} is no target", where=source, mend=mend)
    count = int(match["count"]) if match["count"] else None
    if count == 0:
        raise UsageError("a target of no devices", where=source, mend="write 1 or more, or leave the count out")
    name = match["name"].strip()
    if name in project.targets:  # 8xprod
        target = _declared(name, project)
        return msgspec.structs.replace(
            target,
            count=target.count if count is None else count,
            partition=partition_of(target.spec, match["slice"], source) if match["slice"] else target.partition,
            source=source,
        )
    try:
        spec = store.device_spec(name)
    except UnknownNameError as error:
        close = near_names(name, list(project.targets)) or error.close
        raise UnknownNameError(error.what, where=source, close=close, mend=error.mend) from None
    partition = partition_of(spec, match["slice"], source) if match["slice"] else WHOLE
    return Target(spec=spec, source=source, count=count, partition=partition)


def partition_of(spec: DeviceSpec, profile: str, where: str) -> Partition:
    """Return the slice of a part that ``profile`` names; ``CPX`` may carry a memory mode: ``CPX+NPS4``.

    Raises:
        UnknownNameError: the part has no such slice.
    """
    wanted, _, mode = re.sub(r"^mig-", "", profile.strip(), flags=re.IGNORECASE).partition("+")
    if mode and not re.fullmatch(r"NPS[1248]", mode, re.IGNORECASE):
        mend = "write NPS1, NPS2, NPS4 or NPS8"
        raise UnknownNameError(f"no memory partition is called {mode!r}", where=where, mend=mend)
    for known in spec.partitions:
        if known.profile.lower() == wanted.lower():
            whole = known.kind == "compute" and known.profile == "SPX"
            return Partition(kind="none" if whole else known.kind, profile=known.profile, memory_mode=mode.upper())
    names = [known.profile for known in spec.partitions]
    raise UnknownNameError(
        f"{spec.id} has no partition {profile!r}",
        where=where,
        close=near_names(wanted, names),
        mend=f"use one of: {', '.join(names)}" if names else "the catalog knows no partitions of this part",
    )


def target_or_default(
    expression: str | None, project: Project, *, source: str, require: Level | None = None
) -> Target | None:
    """Return the target asked for, else the project's default or only one, else None."""
    if expression is not None:
        return resolve_target(expression, project, source=source, require=require)
    if project.default_target is not None:
        where = f"{project.where}: default_target"
        return resolve_target(project.default_target, project, source=where, require=require)
    if len(project.targets) == 1:
        return resolve_target(next(iter(project.targets)), project, source=f"{project.where}: targets", require=require)
    return None
