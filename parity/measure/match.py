"""Knows which device of the measuring process is which of the fingerprint: by uuid, else by bus id, never by order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.measure.plan import Place


def ordinals(places: Sequence[Place], seen: Sequence[Mapping[str, Any]]) -> tuple[dict[int, int], dict[int, str]]:
    """Return position -> ordinal of the devices that were found, and position -> why not of the others.

    Args:
        places: what is to be measured.
        seen: ``ordinal``, ``uuid`` and ``bus_id`` as the measuring process tells them; CUDA's order is not NVML's.
    """
    found: dict[int, int] = {}
    missing: dict[int, str] = {}
    for place in places:
        by_uuid = [one for one in seen if place.uuid and _digits(place.uuid) == _digits(str(one.get("uuid", "")))]
        by_bus = [one for one in seen if place.bus_id and place.bus_id == one.get("bus_id")]
        matches = by_uuid or ([] if place.is_slice else by_bus)
        if len(matches) == 1:
            found[place.position] = int(matches[0]["ordinal"])
        elif not matches and place.is_slice and by_bus:
            missing[place.position] = (
                "slices of one GPU share its bus id, and nothing else tells this one from the others"
            )
        elif not matches:
            missing[place.position] = "the measuring process does not see this device"
        else:
            missing[place.position] = "the measuring process sees several devices with this id"
    return found, missing


def _digits(uuid: str) -> str:
    """Return a uuid's digits: NVML writes ``GPU-`` or ``MIG-`` before them.

    >>> _digits("GPU-5A1D0000-0000-4000-8000-000000000001")
    '5a1d0000000040008000000000000001'
    """
    return uuid.lower().removeprefix("gpu-").removeprefix("mig-").replace("-", "")
