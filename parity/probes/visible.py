"""Knows which devices a process may use: CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

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
        devices: all devices of the machine, in the management library's order. Where the driver itself already said
            which it shows, its word stands.
        environment: the process environment.
        cuda_order: PCI bus ids in the CUDA runtime's own order when it could be asked without a restriction; NVML order
            is not CUDA order. None: PCI bus order is assumed and said.

    A token that names no device hides it and every device after it, as the CUDA and HIP runtimes do.
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
    told = [device for device in devices if device.locator.visible]
    if len(told) < len(devices) or vendor not in ("nvidia", "amd"):
        return told
    if vendor == "nvidia":
        wish = environment.get("CUDA_VISIBLE_DEVICES")
        if wish is None:
            return devices
        counted = _in_order(devices, cuda_order)
        return _select(counted, devices, wish, _Runtime("CUDA_VISIBLE_DEVICES", cuda_order is None), notes)
    # ROCr filters first, in the order of the kernel driver's nodes, which the index follows; HIP then counts within
    # what is left, and honours CUDA_VISIBLE_DEVICES when its own is unset or empty, the latter being no restriction at
    # all (ROCm/clr: rocclr/device/rocm/rocdevice.cpp, Device::init).
    left = sorted(devices, key=lambda device: device.locator.index)
    wish = environment.get("ROCR_VISIBLE_DEVICES")
    if wish is not None:
        left = _select(left, left, wish, _Runtime("ROCR_VISIBLE_DEVICES"), notes)
    for name in ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"):
        if environment.get(name):
            return _select(left, left, environment[name], _Runtime(name, repeats=True), notes)
    return left


class _Runtime(NamedTuple):
    """How a runtime reads its variable.

    Attributes:
        variable: the variable's name.
        guessed: its order of devices was not asked but assumed.
        repeats: a device named twice is shown once; otherwise the variable then shows none at all, as CUDA does
            (pytorch/pytorch: torch/cuda/__init__.py, _parse_visible_devices).
    """

    variable: str
    guessed: bool = False
    repeats: bool = False


def _select(
    counted: list[Device], devices: list[Device], wish: str, runtime: _Runtime, notes: list[Note]
) -> list[Device]:
    """Return the devices that a variable's value names, in its order; ``counted`` are those that numbers mean."""
    source = f"environment: {runtime.variable}"
    chosen: list[Device] = []
    tokens = [part.strip() for part in wish.split(",")]
    for token in tokens:
        found = _named(token, counted, devices)
        if found is None:
            if token not in ("", "-1", "NoDevFiles", "none", "void"):
                text = f"{token[:60]!r} names no single device; it and all after it are hidden"
                notes.append(Note(source=source, text=text))
            break
        if all(found is not device for device in chosen):
            chosen.append(found)
        elif not runtime.repeats:
            notes.append(Note(source=source, text=f"{token!r} names a device twice; the runtime then shows none"))
            return []
    if runtime.guessed and any(_number(token) is not None for token in tokens) and _are_mixed(devices):
        text = "device numbers were taken in PCI bus order; the runtime's own order may differ on a mixed machine"
        notes.append(Note(source=source, text=text))
    return chosen


def _are_mixed(devices: list[Device]) -> bool:
    return len({value_of(device.identity.name) for device in devices}) > 1


def _in_order(devices: list[Device], cuda_order: Sequence[str] | None) -> list[Device]:
    """Return whole devices in the order in which the runtime counts them."""
    whole = [device for device in devices if not isinstance(device.locator.parent_uuid, Reading)]

    def bus(device: Device) -> str:
        return value_of(device.locator.pci_bus_id) or f"~{device.locator.index:04d}"

    if cuda_order:
        place = {bus_id: n for n, bus_id in enumerate(cuda_order)}
        return sorted(whole, key=lambda device: (place.get(bus(device), len(place)), bus(device)))
    return sorted(whole, key=bus)


def _number(token: str) -> int | None:
    """Return the number a token starts with; the CUDA runtime reads no further."""
    found = re.match(r"\+?([0-9]{1,6})", token)
    return int(found[1]) if found else None


def _named(token: str, counted: list[Device], devices: list[Device]) -> Device | None:
    """Return the device a token means: a number, a UUID, an abbreviated UUID, or a MIG UUID in either form."""
    number = _number(token)
    if number is not None:
        return counted[number] if number < len(counted) else None
    wanted = token.lower()
    if wanted.startswith("mig-gpu-"):  # MIG-GPU-<parent uuid>/<gpu instance>/<compute instance>
        parent = wanted.removeprefix("mig-").split("/")[0]
        matches = [d for d in devices if (value_of(d.locator.parent_uuid) or "").lower() == parent]
    elif wanted.startswith(("gpu-", "mig-")):
        matches = [d for d in devices if (value_of(d.locator.uuid) or "").lower().startswith(wanted)]
    else:
        return None
    return matches[0] if len(matches) == 1 else None
