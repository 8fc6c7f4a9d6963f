"""Devices that read alike are held against the catalog once, and each is told as if it had been alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.catalog import identified as module
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.catalog.identified import identified
from parity.catalog.identify import identify
from parity.model.absent import Reading

if TYPE_CHECKING:
    import pytest

    from parity.model.device import Device


def eight(part: str) -> tuple[Device, ...]:
    return as_fingerprint(store.device_spec(part), count=8).devices


def test_each_device_is_told_as_if_it_were_alone() -> None:
    for part in ("h100-sxm5-80gb", "mi300x", "rtx-4090"):
        for device in eight(part):
            assert identified(device) == identify(device, store.index())


def test_equal_readings_are_weighed_once_and_different_ones_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Device] = []

    def counting(device: Device, index: tuple[store.IndexEntry, ...]) -> object:
        asked.append(device)
        return identify(device, index)

    monkeypatch.setattr(module, "identify", counting)
    module._by_identity.cache_clear()
    devices = eight("h100-sxm5-80gb")
    renamed = msgspec.structs.replace(devices[3].identity, name=Reading(value="NVIDIA H100 PCIe", source="synthetic"))
    other = msgspec.structs.replace(devices[3], identity=renamed)
    found = [identified(device) for device in (*devices, other, *devices)]
    assert len(asked) == 2
    assert [one.device for one in found] == [*devices, other, *devices]
    assert found[0].identity == "h100-sxm5-80gb"
    assert found[8].identity != "h100-sxm5-80gb" or found[8].contradictions
    module._by_identity.cache_clear()
