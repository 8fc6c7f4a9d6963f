"""Knows how nodes that tell the same are shown: what they are called, and which others they are held against."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from parity.fleet.differences import HEAD, differences
from parity.inputs import printable
from parity.model.fleet import NO_GPU, Group, NodeVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parity.fleet.telling import Tellings

MAX_TITLE = 200
_TITLED = ("driver", "cuda_driver", "rocm", "torch")


class Kind(NamedTuple):
    """What makes nodes one group: they tell the same, and the same is said of them.

    Attributes:
        verdict: may differ between nodes that tell the same, by what they do not tell.
    """

    blocks: tuple[int, ...]
    verdict: NodeVerdict | None


def grouped(tellings: Tellings, members: Mapping[Kind, Sequence[int]], names: Sequence[str]) -> Iterator[Group]:
    """Yield the groups, the largest first, each held against the nearest larger one.

    Args:
        tellings: that the blocks are numbered in.
        members: numbers of the nodes of each kind.
        names: of all nodes.
    """
    order = sorted(members, key=lambda kind: (-len(members[kind]), members[kind][0]))
    ids: dict[Kind, str] = {}
    seen: Counter[str] = Counter()
    larger: dict[tuple[str, ...], Kind] = {}
    for kind in order:
        digest = tellings.digest(kind.blocks)
        seen[digest] += 1
        ids[kind] = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        devices = device_names(tellings, kind.blocks)
        like = _nearest(devices, larger) if larger else None
        larger.setdefault(devices, kind)
        yield Group(
            id=ids[kind],
            title=title(tellings, kind.blocks),
            count=len(members[kind]),
            nodes=tuple(names[number] for number in members[kind]),
            like="" if like is None else ids[like],
            differences=() if like is None else differences(tellings, like.blocks, kind.blocks),
            verdict=kind.verdict,
        )


def _nearest(devices: tuple[str, ...], larger: Mapping[tuple[str, ...], Kind]) -> Kind:
    """Return the largest group with the same devices, else with the most in common, else the largest of all."""
    own = Counter(map(_whole, devices))

    def shared(other: tuple[str, ...]) -> float:
        if other == devices:
            return float("inf")
        return (own & Counter(map(_whole, other))).total() / max(len(other), len(devices), 1)

    return larger[max(larger, key=shared)]  # the first of equals is the largest


def _whole(name: str) -> str:
    """Return the name of the GPU that a MIG slice is cut from."""
    return name.partition(" MIG ")[0]


def title(tellings: Tellings, blocks: tuple[int, ...]) -> str:
    """Return ``8x NVIDIA H100 80GB HBM3, driver 570.86.15``."""
    names = Counter(device_names(tellings, blocks))
    stack = tellings.block(blocks[1])
    software = [
        f"{name.replace('_', ' ')} {stack[f'component {name}']}" for name in _TITLED if f"component {name}" in stack
    ]
    gpus = " + ".join(f"{count}x {name}" for name, count in names.items()) or NO_GPU
    return printable(", ".join([gpus, *software]))[:MAX_TITLE]


def device_names(tellings: Tellings, blocks: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of a node's visible devices."""
    return tuple(str(tellings.block(block).get("name", "a GPU")) for block in blocks[HEAD::2])


def has_gpus(blocks: tuple[int, ...]) -> bool:
    """Return whether a node has a visible device."""
    return len(blocks) > HEAD
