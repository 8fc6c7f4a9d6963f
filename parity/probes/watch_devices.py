"""Knows which of the watched devices a test can reach: what a runtime makes of its visibility variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Reading
from parity.model.device import Device, DeviceIdentity, Locator
from parity.probes.nvidia_files import bus_id
from parity.probes.visible import mark_visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.model.device import Text

SOURCE = "watch"


def chosen(units: Sequence[Mapping[str, Any]], visible: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    """Return the ids of the devices to watch and a note: empty, or why it is none, or why it may be too many.

    Args:
        units: ``id`` and facts of each device: vendor, index, uuid, bus, name, and parent_uuid of a slice.
        visible: the visibility variables that are set.

    The order in which CUDA counts is taken to be that of the PCI bus; where devices differ and it may be another, all
    are watched.
    """
    if not units:
        return (), ""
    devices = [_device(unit, place) for place, unit in enumerate(units)]
    marked, notes = mark_visible(devices, visible, None)
    told = "; ".join(note.text for note in notes)
    names = tuple(unit["id"] for unit, device in zip(units, marked, strict=True) if device.locator.visible)
    if any("runtime's own order may differ" in note.text for note in notes):
        return tuple(unit["id"] for unit in units), f"all devices are watched: {told}"
    if names:
        return names, told
    shown = ", ".join(f"{name}={value}" for name, value in sorted(visible.items()))
    return (), f"no device is visible to the test ({shown[:200]})" + (f": {told}" if told else "")


def _device(unit: Mapping[str, Any], place: int) -> Device:
    return Device(
        locator=Locator(
            index=place,
            uuid=_text(unit.get("uuid")),
            pci_bus_id=_text(bus_id(unit["bus"]) if unit.get("bus") else None),
            parent_uuid=_text(unit.get("parent_uuid")),
        ),
        identity=DeviceIdentity(vendor=_text(unit["vendor"]), name=_text(unit.get("name"))),
    )


def _text(value: str | None) -> Text:
    return Reading(value=value, source=SOURCE) if value else NOT_ASKED
