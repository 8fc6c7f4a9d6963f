"""Knows what the shipped catalog takes a device for; devices that read alike are held against it once.

The GPUs of a node, and the nodes of a fleet, mostly read alike, and each reading is held against every part there is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from parity.catalog import store
from parity.catalog.identify import identify
from parity.model.device import Device, Locator

if TYPE_CHECKING:
    from parity.model.device import DeviceIdentity
    from parity.model.identified import Identified

_KINDS = 1024  # different readings that are remembered: more than a fleet has


def identified(device: Device) -> Identified:
    """Return which catalog parts a device is, as ``identify`` says of it and the shipped catalog."""
    return msgspec.structs.replace(_by_identity(device.identity), device=device)


@lru_cache(maxsize=_KINDS)
def _by_identity(identity: DeviceIdentity) -> Identified:
    """Hold a device that reads so against the catalog; where it sits and what it does say nothing about its part."""
    return identify(Device(locator=Locator(index=0), identity=identity), store.index())
