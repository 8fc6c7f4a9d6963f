"""Knows which devices a process may use: CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.model.absent import Reading, value_of
from parity.model.fingerprint import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.model.device import Device


def mark_visible(
    devices: Sequence[Device], environment: Mapping[str, str], cuda_order: Sequence[str] | None
) -> tuple[tuple[Device, ...], tuple[Note, ...]]:
    """Return the devices with ``locator.visible`` set as this environment's runtimes would see them.

    Args:
        devices: all devices of the machine, in the management library's order.
        environment: the process environment.
        cuda_order: PCI bus ids in the CUDA runtime's own order when it could be asked without a restriction; NVML order
            is not CUDA order (field notes management-libraries, 2.4). None: PCI bus order is assumed and said.

    A token that names no device hides it and every device after it, as the CUDA runtime does.
    """
    notes: list[Note] = []
    shown: list[Device] = []
    by_vendor: dict[str, list[Device]] = {}
    for device in devices:
        by_vendor.setdefault(value_of(device.identity.vendor) or "", []).append(device)
    visible: set[int] = set()
    for vendor, own in by_vendor.items():
        allowed = _allowed(vendor, own, environment, cuda_order, notes)
        visible |= {id(device) for device in allowed}
    for device in devices:
        locator = msgspec.structs.replace(device.locator, visible=id(device) in visible)
        shown.append(msgspec.structs.replace(device, locator=locator))
    return tuple(shown), tuple(notes)


def _allowed(
    vendor: str,
    devices: list[Device],
    environment: Mapping[str, str],
    cuda_order: Sequence[str] | None,
    notes: list[Note],
) -> list[Device]:
    if vendor == "nvidia":
        return _select(devices, environment, "CUDA_VISIBLE_DEVICES", cuda_order, notes)
    if vendor == "amd":
        # ROCr filters first; HIP then counts within what is left, and honours CUDA_VISIBLE_DEVICES when its own is unset.
        left = _select(devices, environment, "ROCR_VISIBLE_DEVICES", None, notes)
        name = "HIP_VISIBLE_DEVICES" if "HIP_VISIBLE_DEVICES" in environment else "CUDA_VISIBLE_DEVICES"
        return _select(left, environment, name, None, notes)
    return devices


def _select(
    devices: list[Device],
    environment: Mapping[str, str],
    name: str,
    cuda_order: Sequence[str] | None,
    notes: list[Note],
) -> list[Device]:
    wish = environment.get(name)
    if wish is None:
        return devices
    ordered = _in_order(devices, cuda_order)
    chosen: list[Device] = []
    for token in (part.strip() for part in wish.split(",")):
        found = _named(token, ordered, devices)
        if found is None or any(found is device for device in chosen):
            if token not in ("", "-1", "NoDevFiles", "none", "void"):
                notes.append(Note(source=f"environment: {name}", text=f"{token!r} names no device; it and all after it are hidden"))
            break
        chosen.append(found)
    numbers = any(token.strip().isdigit() for token in wish.split(","))
    if numbers and cuda_order is None and len({value_of(device.identity.name) for device in devices}) > 1:
        text = "device numbers were taken in PCI bus order; the runtime's own order may differ on a mixed machine"
        notes.append(Note(source=f"environment: {name}", text=text))
    return chosen


def _in_order(devices: list[Device], cuda_order: Sequence[str] | None) -> list[Device]:
    """Return whole devices in the order in which the runtime counts them."""
    whole = [device for device in devices if not isinstance(device.locator.parent_uuid, Reading)]

    def bus(device: Device) -> str:
        return value_of(device.locator.pci_bus_id) or f"~{device.locator.index:04d}"

    if cuda_order:
        place = {bus_id: n for n, bus_id in enumerate(cuda_order)}
        return sorted(whole, key=lambda device: (place.get(bus(device), len(place)), bus(device)))
    return sorted(whole, key=bus)


def _named(token: str, ordered: list[Device], devices: list[Device]) -> Device | None:
    """Return the device a token means: a number, a UUID, an abbreviated UUID, or a MIG UUID in either form."""
    if token.isdigit():
        return ordered[int(token)] if int(token) < len(ordered) else None
    if not token.upper().startswith(("GPU-", "MIG-")):
        return None
    wanted = token.lower()
    matches = [
        device for device in devices if (value_of(device.locator.uuid) or "").lower().startswith(wanted)
    ]
    if wanted.startswith("mig-gpu-"):  # MIG-GPU-<parent uuid>/<gpu instance>/<compute instance>
        parent = wanted.removeprefix("mig-").split("/")[0]
        matches = [d for d in devices if (value_of(d.locator.parent_uuid) or "").lower() == parent]
    return matches[0] if len(matches) == 1 else None
