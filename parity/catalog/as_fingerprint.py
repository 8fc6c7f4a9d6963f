"""Knows how a catalog part looks as a fingerprint, so that parts and machines are compared by the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.model.absent import Reading
from parity.model.device import Device, DeviceIdentity, Locator
from parity.model.fingerprint import Fingerprint, Origin, sealed
from parity.model.partition import Partition

if TYPE_CHECKING:
    from parity.model.spec import DeviceSpec

# A printed total is preferred over the capacity sold, as a driver would print it.
_FROM_FACT = {"memory_bytes": ("memory_reported_bytes", "memory_bytes")}


def as_fingerprint(spec: DeviceSpec, *, count: int = 1, partition: Partition | None = None) -> Fingerprint:
    """Return a fingerprint of a machine with ``count`` whole devices of this part, and nothing else known."""
    source = f"catalog: {spec.id}"
    values: dict[str, Any] = {
        "vendor": spec.vendor,
        "name": spec.reported_names[0] if spec.reported_names else spec.name,
        "partition": partition or Partition(kind="none"),
    }
    if spec.pci_ids:
        values["pci_device_id"] = spec.pci_ids[0].id
        if spec.pci_ids[0].subsystems:
            values["pci_subsystem_id"] = spec.pci_ids[0].subsystems[0]
        if spec.pci_ids[0].revisions:
            values["pci_revision"] = spec.pci_ids[0].revisions[0]
    if spec.compute_capability:
        values["compute_capability"] = spec.compute_capability
    if spec.gfx_target:
        values["gfx_target"] = spec.gfx_target
    for field in DeviceIdentity.__struct_fields__:
        if field == "memory_bandwidth_gbps":
            continue  # derived from clock and width like a live reading; a published figure stays in the catalog
        for fact in _FROM_FACT.get(field, (field,)):
            value = spec.value(fact)
            if value is not None:
                values.setdefault(field, value)
    identity = DeviceIdentity(**{name: Reading(value=value, source=source) for name, value in values.items()})
    return sealed(
        Fingerprint(
            origin=Origin(kind="catalog", note=f"built from the catalog entry {spec.id}"),
            device_count=Reading(value=count, source=source),
            devices=tuple(Device(locator=Locator(index=n), identity=identity) for n in range(count)),
        )
    )
