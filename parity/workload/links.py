"""Knows at which rate the ranks of a tensor-parallel model pass bytes on, and what of an all-reduce that makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from parity.model.absent import value_of
from parity.workload.link_domain import link_domain
from parity.workload.question import number

if TYPE_CHECKING:
    from parity.model.target import Target

# GB/s of one PCI Express lane in one direction: signalling rate x encoding (PCI-SIG; 8b/10b up to generation 2,
# 128b/130b after it, flits in generation 6).
PCIE_LANE_GBPS = {1: 0.25, 2: 0.5, 3: 0.985, 4: 1.969, 5: 3.938, 6: 7.563}


class LinkRate(NamedTuple):
    """What one rank can send.

    Attributes:
        gbps: in one direction, to all other ranks together; None: not known.
        over: ``nvlink``, ``xgmi``, ``pcie``; empty when not known.
        why: it is not known.
    """

    gbps: float | None
    over: str = ""
    why: str = ""


def all_reduce_s(message_bytes: float, ranks: int, link_gbps_one_way: float) -> float:
    """Return the least time of the bytes of an all-reduce: ``2 (n-1)/n`` of the message per rank and direction.

    So for any algorithm of sends and receives (NVIDIA/nccl-tests, doc/PERFORMANCE.md); in a switch it takes less.
    """
    return 2 * (ranks - 1) / ranks * message_bytes / (link_gbps_one_way * 1e9)


def link_rate(target: Target, ranks: int) -> LinkRate:
    """Return what one of ``ranks`` ranks can send to the others, all of them on one node or switch."""
    kind = value_of(target.fact("link_type"))
    both = number(target, "link_bandwidth_gbps")
    if kind == "none":
        return _pcie(target)
    if both is None or not isinstance(kind, str):
        return LinkRate(None, why="the catalog has no link bandwidth")
    joined = link_domain(target)
    if joined is None or ranks > joined:
        word = {"nvlink": "NVLink", "xgmi": "xGMI"}.get(kind, kind)
        why = f"{word} joins {joined} of them, and what joins {ranks} is not known"
        return LinkRate(None, why=why if joined else f"how many of them {word} joins is not known")
    share = (ranks - 1) / (joined - 1) if kind == "xgmi" else 1.0  # one link to each other device, no switch
    return LinkRate(both / 2 * share, over=kind)


def _pcie(target: Target) -> LinkRate:
    generation, width = number(target, "pcie_generation"), number(target, "pcie_width")
    lane = PCIE_LANE_GBPS.get(int(generation)) if generation else None
    if lane is None or not width:
        return LinkRate(None, why="the catalog has no link, and no PCI Express generation and width")
    return LinkRate(lane * width, over="pcie")
