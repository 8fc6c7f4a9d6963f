"""Knows how a captured fingerprint, or any report a reader knows, becomes a target: production is like this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.catalog import store
from parity.catalog.identified import identified
from parity.catalog.identify import arch_of
from parity.errors import UsageError
from parity.inputs import read_bytes
from parity.model.absent import Reading, value_of
from parity.model.partition import WHOLE
from parity.model.spec import DeviceSpec, Fact, Source
from parity.model.target import Target
from parity.units import format_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from parity.model.fingerprint import Fingerprint
    from parity.model.identified import Identified

POWER_TOLERANCE = 0.02


def from_file(path: Path, *, source: str) -> Target:
    """Return the target that a captured fingerprint, or any report a reader knows, declares.

    Raises:
        UsageError: the report names no device, or several kinds.
    """
    from parity.readers import read_report

    where = f"{source}: {path}"
    reference = read_report(read_bytes(path), where=str(path))
    found = [identified(device) for device in reference.visible_devices]
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
