"""Knows when two reports in one paste describe the same machine, and how to add them up."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from parity.model.absent import Absent, Reading, value_of
from parity.model.device import Device, DeviceConditions, DeviceIdentity, Locator
from parity.model.fingerprint import SECOND_REPORT, Fingerprint, Host, Note, Origin, Stack

S = TypeVar("S", bound=msgspec.Struct)

_CUT = "..."


def same_machine(first: Fingerprint, second: Fingerprint) -> bool:
    """Return whether two reports can be of one machine: equal GPUs in order, nothing that contradicts.

    A report without devices (a lone connection matrix, a CPU-only PyTorch) adds to any other.
    """
    if not _same_versions(first, second):
        return False
    if not first.devices or not second.devices:
        return _same_count(first, second)
    if len(first.devices) != len(second.devices):
        return False
    return all(_same_device(a, b) for a, b in zip(first.devices, second.devices, strict=True))


def merge(first: Fingerprint, second: Fingerprint) -> Fingerprint:
    """Return the first report with what only the second one says."""
    if first.devices and second.devices:
        devices = tuple(_merge_device(a, b) for a, b in zip(first.devices, second.devices, strict=True))
    else:
        devices = first.devices or second.devices
    return Fingerprint(
        origin=Origin(
            kind="report",
            reader=f"{first.origin.reader}+{second.origin.reader}",
            note=first.origin.note or second.origin.note,
        ),
        device_count=first.device_count if isinstance(first.device_count, Reading) else second.device_count,
        devices=devices,
        host=_fill(first.host, second.host, Host),
        stack=_merge_stack(first.stack, second.stack),
        environment={**second.environment, **first.environment},
        links=first.links or second.links,
        notes=(*first.notes, *second.notes),
    )


def note_second(first: Fingerprint, reader: str, why: str) -> Fingerprint:
    """Return the first report with a remark that the paste holds another one that was not read."""
    text = f"the paste holds a second report ({reader}), not read: {why}"
    note = Note(source=first.origin.reader, text=text, why=SECOND_REPORT)
    if note in first.notes:
        return first
    return msgspec.structs.replace(first, notes=(*first.notes, note))


def _same_versions(first: Fingerprint, second: Fingerprint) -> bool:
    for component in ("driver", "torch"):
        a, b = first.stack.components.get(component), second.stack.components.get(component)
        if isinstance(a, Reading) and isinstance(b, Reading) and a.value != b.value:
            return False
    return True


def _same_count(first: Fingerprint, second: Fingerprint) -> bool:
    a, b = value_of(first.device_count), value_of(second.device_count)
    named = len(first.devices) or len(second.devices)
    return a is None or b is None or a == b or (named == 1 and _is_amd_torch(first, second))


def _is_amd_torch(first: Fingerprint, second: Fingerprint) -> bool:
    """Return whether one of them is a ROCm collect_env, which names one GPU of several."""
    return any(each.origin.reader.startswith("collect-env") for each in (first, second))


def _same_device(a: Device, b: Device) -> bool:
    for field in ("vendor", "pci_device_id", "memory_bytes", "gfx_target"):
        x, y = getattr(a.identity, field), getattr(b.identity, field)
        if isinstance(x, Reading) and isinstance(y, Reading) and x.value != y.value:
            return False
    for field in ("uuid", "pci_bus_id"):
        x, y = getattr(a.locator, field), getattr(b.locator, field)
        if isinstance(x, Reading) and isinstance(y, Reading) and x.value != y.value:
            return False
    return _same_name(value_of(a.identity.name), value_of(b.identity.name)) and _same_slice(a, b)


def _same_name(a: str | None, b: str | None) -> bool:
    if a is None or b is None:
        return True
    if a.endswith(_CUT):
        return b.startswith(a.removesuffix(_CUT).rstrip())
    if b.endswith(_CUT):
        return a.startswith(b.removesuffix(_CUT).rstrip())
    return a == b


def _same_slice(a: Device, b: Device) -> bool:
    x, y = value_of(a.identity.partition), value_of(b.identity.partition)
    return x is None or y is None or x.kind == y.kind


def _merge_device(a: Device, b: Device) -> Device:
    identity = _fill(a.identity, b.identity, DeviceIdentity)
    changes: dict[str, Any] = {}
    name, other = value_of(a.identity.name), value_of(b.identity.name)
    if name and name.endswith(_CUT) and other:
        changes["name"] = b.identity.name
    partition, second = value_of(a.identity.partition), value_of(b.identity.partition)
    if partition and second and not partition.profile and second.profile:
        changes["partition"] = b.identity.partition
    return Device(
        locator=_fill(a.locator, b.locator, Locator),
        identity=msgspec.structs.replace(identity, **changes),
        conditions=_fill(a.conditions, b.conditions, DeviceConditions),
    )


def _fill(a: S, b: S, kind: type[S]) -> S:
    """Return ``a`` with the readings that only ``b`` has."""
    changes = {
        field: theirs for field in kind.__struct_fields__ if _is_better(getattr(a, field), theirs := getattr(b, field))
    }
    return msgspec.structs.replace(a, **changes)


def _is_better(mine: object, theirs: object) -> bool:
    """Return whether the second report's value should stand: a reading for an absence, a reason for no question."""
    if not isinstance(mine, Absent):
        return False
    return isinstance(theirs, Reading) or (isinstance(theirs, Absent) and mine.why == "not_asked")


def _merge_stack(a: Stack, b: Stack) -> Stack:
    components = dict(a.components)
    for name, observed in b.components.items():
        if not isinstance(components.get(name), Reading):
            components[name] = observed
    return Stack(
        components=components,
        packages={**b.packages, **a.packages},
        libraries=a.libraries or b.libraries,
    )
