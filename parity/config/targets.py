"""Knows how an expression (``8xh100``, ``a100-sxm4-40gb/1g.5gb``, a name of the project, a file) becomes a target."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from parity.catalog import store
from parity.catalog.identify import arch_of, identify
from parity.checks.target_condition_unmet import FIELDS
from parity.errors import UnknownNameError, UsageError
from parity.inputs import near_names, read_bytes
from parity.model.absent import Reading, value_of
from parity.model.device import Partition
from parity.model.spec import DeviceSpec, Fact, Source
from parity.model.target import WHOLE, Target
from parity.units import format_bytes

if TYPE_CHECKING:
    from parity.config.project import Project
    from parity.config.target_entry import TargetEntry
    from parity.model.fingerprint import Fingerprint
    from parity.model.identified import Identified
    from parity.model.rule import Level

_EXPRESSION = re.compile(r"(?:(?P<count>[0-9]{1,6})\s*x\s*)?(?P<name>[^/]+?)(?:/(?P<slice>[^/]+))?", re.IGNORECASE)
_FILE_SUFFIXES = (".json", ".yaml", ".yml", ".txt", ".xml", ".log")
POWER_TOLERANCE = 0.02
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
        target = from_file(Path(text), source=source)
    else:
        target = _from_catalog(text, project, source)
    return msgspec.structs.replace(target, require=require) if require else target


def _is_file(text: str) -> bool:
    return text.endswith(_FILE_SUFFIXES) or ("/" in text and os.path.isfile(text))  # noqa: PTH113  (never raises)


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
    kept = {FIELDS.get(name, name) for name in declared}
    return {**{name: value for name, value in captured.items() if FIELDS.get(name, name) not in kept}, **declared}


def _base(entry: TargetEntry, project: Project, where: str) -> Target:
    device = entry.device or ""
    if device.endswith(_FILE_SUFFIXES) or "/" in device:
        return from_file(Path(project.folder) / device, source=where)
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


def from_file(path: Path, *, source: str) -> Target:
    """Return the target that a captured fingerprint, or any report a reader knows, declares.

    Raises:
        UsageError: the report names no device, or several kinds.
    """
    from parity.readers import read_report

    where = f"{source}: {path}"
    reference = read_report(read_bytes(path), where=str(path))
    found = [identify(device, store.index()) for device in reference.visible_devices]
    if not found:
        raise UsageError("the report names no device", where=where, mend="capture one with `parity capture` there")
    kinds = sorted({_kind(item) for item in found})
    if len(kinds) > 1:
        what = f"the report has devices of several kinds: {', '.join(kinds)}"
        raise UsageError(what, where=where, mend="declare one part by name")
    spec = _spec_of(found[0], where)
    return Target(
        spec=spec,
        source=where,
        count=_count_of(reference),
        partition=found[0].partition if found[0].partition.kind != "unknown" else WHOLE,
        conditions=_conditions_of(reference),
        reference=reference,
    )


def _conditions_of(reference: Fingerprint) -> dict[str, str | float | int | bool]:
    """Return the captured machine's run conditions that a timing depends on: so production runs."""
    conditions: dict[str, str | float | int | bool] = {}
    devices = reference.visible_devices
    limits = [value_of(device.conditions.power_limit_w) for device in devices]
    told = [limit for limit in limits if limit]
    if told and len(told) == len(limits):
        low, high = (1 - POWER_TOLERANCE) * min(told), (1 + POWER_TOLERANCE) * max(told)
        conditions["power_limit_w"] = f">={low:.0f},<={high:.0f}"
    ecc = {value_of(device.conditions.ecc_enabled) for device in devices}
    if len(ecc) == 1 and None not in ecc:
        conditions["ecc"] = bool(ecc.pop())
    return conditions


def _count_of(reference: Fingerprint) -> int:
    """Return how many devices production works with: hidden ones do not count, slices do, unread ones too."""
    visible, counted = len(reference.visible_devices), value_of(reference.device_count) or 0
    return max(counted, visible) if visible == len(reference.devices) else visible


def _kind(found: Identified) -> str:
    """Return what a device is in words that differ when the devices do; nothing speaks for a device not like it."""
    kind = found.identity or " or ".join(found.candidates)
    if not kind:
        identity = found.device.identity
        units = value_of(identity.sm_count) or value_of(identity.cu_count)
        told = (value_of(identity.name) or "unnamed", arch_of(found.device), units and f"{units} units")
        memory = value_of(identity.memory_bytes)
        kind = " ".join(str(part) for part in (*told, memory and format_bytes(memory)) if part)
    cut = found.partition
    return kind if cut.kind in ("none", "unknown") else f"{kind}/{cut.profile or cut.kind}"


def _spec_of(found: Identified, where: str) -> DeviceSpec:
    if found.identity is not None:
        return store.device_spec(found.identity)
    if found.contradictions:
        raise UsageError(
            f"the report's evidence contradicts itself: {'; '.join(found.contradictions)}",
            where=where,
            mend=f"capture an unmodified device, or declare {' or '.join(found.candidates)} by name",
        )
    if found.candidates:
        raise UsageError(
            f"the report fits several parts: {', '.join(found.candidates)}",
            where=where,
            mend="declare one of them by name",
        )
    return spec_from_readings(found, where)


def spec_from_readings(found: Identified, where: str) -> DeviceSpec:
    """Return a part made of what was read from a device that the catalog does not know.

    Raises:
        UsageError: not even vendor and architecture were read.
    """
    identity = found.device.identity
    vendor, arch = value_of(identity.vendor), arch_of(found.device)
    if vendor is None or arch is None:
        mend = "capture it on the machine itself"
        raise UsageError("the report does not say which device it is", where=where, mend=mend)
    facts = {
        name: Fact(value=observed.value, source="captured")
        for name in identity.__struct_fields__
        if isinstance(observed := getattr(identity, name), Reading) and isinstance(observed.value, (int, float, bool))
    }
    name = value_of(identity.name) or "captured device"
    return DeviceSpec(
        id=re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
        name=name,
        vendor=vendor,
        family="",
        compute_capability=value_of(identity.compute_capability) or "",
        gfx_target=value_of(identity.gfx_target) or "",
        facts=facts,
        sources={"captured": Source(title="captured fingerprint", where=where, read="")},
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


__all__ = ["from_file", "resolve_target", "target_or_default"]
