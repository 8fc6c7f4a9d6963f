"""Knows what tells one group of nodes from another: their blocks held side by side, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.fleet.diff import apart, merged, ratio_of
from parity.model.difference import Difference
from parity.units import format_fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.fleet.telling import Tellings
    from parity.model.difference import Kind, Section

_MACHINE: tuple[Section, ...] = ("host", "stack", "environment", "identity")
_DEVICE: tuple[Section, ...] = ("identity", "conditions")
_FIRST = ("visible_devices", "name")  # another number or part explains the rest
HEAD = len(_MACHINE)
"""So many blocks of a node are the machine's; then come those of each device."""


def differences(tellings: Tellings, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Difference, ...]:
    """Return what differs between two nodes' blocks; equal differences of several devices are told once."""
    found = merged(list(_differences(tellings, a, b)))
    return tuple(sorted(found, key=lambda one: one.name not in _FIRST))


def _differences(tellings: Tellings, a: tuple[int, ...], b: tuple[int, ...]) -> Iterator[Difference]:
    left, right = (len(blocks) - len(_MACHINE) for blocks in (a, b))
    if left != right:
        have, there = left // len(_DEVICE), right // len(_DEVICE)
        yield _changed("identity", "machine", "visible_devices", have, there)
    for position, (one, other) in enumerate(zip(a, b, strict=False)):
        if one == other:
            continue
        section, subject = place_of(position)
        old, new = tellings.block(one), tellings.block(other)
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield _difference(section, subject, name, old, new)


def place_of(position: int) -> tuple[Section, str]:
    """Return the section and the subject of the block at one position of a node."""
    if position < len(_MACHINE):
        return _MACHINE[position], "machine"
    device, kind = divmod(position - len(_MACHINE), len(_DEVICE))
    return _DEVICE[kind], f"GPU {device}"


def short(name: str) -> str:
    """Return a value's name without the list it stands in: ``component driver`` -> ``driver``."""
    return name.removeprefix("component ").removeprefix("package ")


def _difference(section: Section, subject: str, name: str, old: dict[str, Any], new: dict[str, Any]) -> Difference:
    told = short(name)
    if name in old and name in new:
        return _changed(section, subject, told, old[name], new[name])
    kind: Kind = "only-a" if name in old else "only-b"
    if section == "environment":
        kind = "changed"  # both list what is set
    a, b = (format_fact(told, side[name]) if name in side else "" for side in (old, new))
    return Difference(section=section, subject=subject, name=told, kind=kind, a=a, b=b)


def _changed(section: Section, subject: str, name: str, a: Any, b: Any) -> Difference:
    one, other = apart(name, a, b)
    return Difference(section=section, subject=subject, name=name, kind="changed", a=one, b=other, ratio=ratio_of(a, b))
