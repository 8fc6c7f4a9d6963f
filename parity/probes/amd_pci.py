"""Knows a device's PCI ids, from DRM device files, the PCI list or KFD. By hand: ``lspci -nn -d 1002:``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Reading
from parity.probes.fields import convert_one, first, hex_id, positive, take

if TYPE_CHECKING:
    from parity.model.device import Text
    from parity.probes.amd_gpus import Gpu
    from parity.probes.supervise import Survey

_VENDOR = "0x1002"


def pci_id(survey: Survey, gpu: Gpu, vendor: str, device: str) -> Text:
    """Return ``1002:74a1`` from two files: ``vendor`` and ``device``, or the subsystem's."""
    known = {"vendor": _VENDOR, **pci_device(survey, gpu.bdf)}
    for name in (vendor, device):
        raw = survey.values.get(f"drm:{gpu.bdf}:{name}")
        if isinstance(raw, str):
            known[name] = raw
    pair = [hex_id(known.get(name)) for name in (vendor, device)]
    if None not in pair:
        return Reading(value=":".join(str(part) for part in pair), source=f"pci:{device}")
    if device == "device" and "device_id" in gpu.properties:
        return convert_one(gpu.properties["device_id"], "kfd:properties.device_id", _from_kfd)
    return take(survey, f"drm:{gpu.bdf}:{device}", hex_id)


def pci_revision(survey: Survey, gpu: Gpu) -> Text:
    """Return ``c8``: boards of one device id differ by revision alone."""
    listed = pci_device(survey, gpu.bdf).get("revision")
    from_list: Text = convert_one(listed, "pci:revision", _byte) if listed else NOT_ASKED
    return first(take(survey, f"drm:{gpu.bdf}:revision", _byte), from_list)


def pci_device(survey: Survey, bdf: str) -> dict[str, Any]:
    """Return the PCI list's entry of a bus id, empty when there is none."""
    listed = survey.values.get("pci:devices")
    if isinstance(listed, list):
        for device in listed:
            if isinstance(device, dict) and device.get("bdf") == bdf and bdf:
                return device
    return {}


def _from_kfd(raw: Any) -> str | None:
    number = positive(raw)
    return f"1002:{number:04x}" if number and number < 1 << 16 else None


def _byte(raw: Any) -> str | None:
    number = int(raw, 16)
    return f"{number:02x}" if 0 <= number < 1 << 8 else None
