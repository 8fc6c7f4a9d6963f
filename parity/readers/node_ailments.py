"""Knows what a cluster itself says is wrong with a node: devices out of service, a kubelet that is not ready."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu")
_IS_GPU = re.compile(r"(?:nvidia\.com/(?:gpu(?:\.shared)?|mig-.*)|amd\.com/.*)")
_COUNTED = re.compile(r"(nvidia\.com/(?:gpu|mig-[0-9a-z.]+))\.count")
_SHARED = ".shared"


def out_of_service(
    labels: Mapping[str, str], capacity: Mapping[str, str], allocatable: Mapping[str, str], offered: Collection[str]
) -> Iterator[str]:
    """Yield which GPU resources a node has fewer of than its labels or its capacity say.

    A device plugin takes a device that it finds unhealthy out of what can be allocated, and leaves the capacity; after
    its restart the device is missing from both, and while it is down both are 0. The labels of GPU Feature Discovery
    still tell how many there were.

    Args:
        labels: of the node.
        capacity: resource -> quantity.
        allocatable: the same, of what pods may ask for.
        offered: resources that any node of the cluster has; of others (devices given out as resource claims) a node
            lacks none.
    """
    wanted = {name: count for name, text in capacity.items() if _IS_GPU.fullmatch(name) if (count := _count(text))}
    for name, count in _promised(labels, {*capacity, *offered}):
        if name in offered or name in capacity:
            wanted[name] = max(count, wanted.get(name, 0))
    for name, count in wanted.items():
        have = _count(allocatable.get(name, capacity.get(name, "0")))
        if have is not None and have < count:
            yield f"{have} of {count} {name} can be allocated"


def is_offered(resource: tuple[str, str]) -> bool:
    """Return whether a resource and its quantity are GPUs, or slices of some."""
    name, text = resource
    return bool(_IS_GPU.fullmatch(name)) and text != "0"


def _promised(labels: Mapping[str, str], resources: Collection[str]) -> Iterator[tuple[str, int]]:
    """Yield (resource, how many of it the labels tell of); with slices of several sizes those, and not the GPUs."""
    counted = {match[1]: number for label, text in labels.items()
               if (match := _COUNTED.fullmatch(label)) and (number := _count(text))}  # fmt: skip
    sliced = {name: count for name, count in counted.items() if name not in GPU_RESOURCES}
    for name, count in (sliced or counted).items():
        replicas = _count(labels.get(f"{name}.replicas", "")) or 1
        shared = name + _SHARED
        yield (shared if replicas > 1 and shared in resources else name), count * replicas


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
