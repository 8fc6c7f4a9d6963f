"""Knows how many devices of a kind one fast link joins at most, as its maker builds them into boards and racks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Reading, value_of

if TYPE_CHECKING:
    from parity.model.target import Target

_CARDS: tuple[object, ...] = ("pcie", "nvl")  # their NVLink is a bridge from card to card, not a switch
BRIDGED = 2
# NVIDIA AI Enterprise 8.0, vGPU, "NVIDIA NVSwitch", platform support: HGX A100, H100, H800, H200, B200 and B300 have
# baseboards of 8; systems of several such boards on one switch are not usual.
_BOARD, _MODULES = 8, ("sxm4", "sxm5", "sxm6")
# mlcommons/inference_results_v6.1, closed/Crusoe/systems: GB200-NVL72; of GB300 NVL72 likewise.
_RACKS = {"gb200-186gb": 72, "gb300-279gb": 72}


def link_domain(target: Target) -> int | None:
    """Return how many devices one NVLink switch, bridge or xGMI mesh joins; None: no such link, or not known."""
    kind, form = value_of(target.fact("link_type")), value_of(target.fact("form_factor"))
    if kind == "xgmi":
        peers = target.fact("link_count")
        return int(peers.value) + 1 if isinstance(peers, Reading) else None
    if kind != "nvlink":
        return None
    if form in _CARDS:
        return BRIDGED
    return _BOARD if form in _MODULES else _RACKS.get(target.spec.id)
