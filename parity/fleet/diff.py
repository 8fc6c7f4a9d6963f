"""Knows what differs between two machines: changed, or told by one side only; the two are never mixed up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from parity.fleet.moving import VOLATILE, moves
from parity.fleet.plain import flat, libraries, topology
from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.difference import Difference, Kind, Section
from parity.units import format_fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.model.device import Device
    from parity.model.fingerprint import Fingerprint

# Differences in these are drift; conditions and host state change by the minute.
_DEVICE = "GPU "
GATED: tuple[Section, ...] = ("identity", "stack", "environment")
UNREAD = frozenset({"failed", "timed_out", "lost", "no_permission"})
"""Reasons for which a value is not told though the machine has it."""


class MachineDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Two machines compared; what ``--format json`` prints.

    Attributes:
        drifted: whether anything in the gated sections changed.
        undecided: whether something there is told by one side, and the other could not read it.
    """

    schema: str = "parity.diff/1"
    a: str
    b: str
    drifted: bool
    undecided: bool = False
    differences: tuple[Difference, ...]


def compare(a: Fingerprint, b: Fingerprint, *, names: tuple[str, str]) -> MachineDiff:
    """Return what differs between two machines.

    Devices are paired by position among the visible ones; equal differences of several devices are told once.
    """
    found = [*_devices(a, b), *_links(a, b), *_stack(a, b), *_environment(a, b)]
    found += _block("host", "machine", a.host, b.host)
    told = tuple(merged(found))
    drifted = any(item.kind == "changed" and item.section in GATED for item in told)
    undecided = any(item.why in UNREAD and item.section in GATED for item in told)
    return MachineDiff(a=names[0], b=names[1], drifted=drifted, undecided=undecided, differences=told)


def _devices(a: Fingerprint, b: Fingerprint) -> Iterator[Difference]:
    left, right = a.visible_devices, b.visible_devices
    if len(left) != len(right):
        yield Difference(
            section="identity",
            subject="machine",
            name="visible_devices",
            kind="changed" if left and right else "only-a" if left else "only-b",
            a=str(len(left)) if left else "",
            b=str(len(right)) if right else "",
            ratio=round(len(right) / len(left), 4) if left and right else None,
        )
    for position, (one, other) in enumerate(zip(left, right, strict=False)):
        yield from _device(f"GPU {position}", one, other)


def _links(a: Fingerprint, b: Fingerprint) -> Iterator[Difference]:
    """Yield how the visible devices are joined, where that differs."""
    one, other = (
        topology(side.links, NOT_ASKED, indices=[device.locator.index for device in side.visible_devices], read=0).get(
            "links"
        )
        for side in (a, b)
    )
    yield from _plain("identity", "links", one, other, told=False)


def _device(subject: str, a: Device, b: Device) -> Iterator[Difference]:
    yield from _block("identity", subject, a.identity, b.identity)
    yield from _block("conditions", subject, a.conditions, b.conditions)


def _block(section: Section, subject: str, a: msgspec.Struct, b: msgspec.Struct) -> Iterator[Difference]:
    for name in a.__struct_fields__:
        one, other = getattr(a, name), getattr(b, name)
        if name not in VOLATILE and not moves(name, one) and not moves(name, other):
            yield from _value(section, subject, name, one, other)


def _stack(a: Fingerprint, b: Fingerprint) -> Iterator[Difference]:
    unknown = Absent(why="not_asked", source="")
    for name in sorted({*a.stack.components, *b.stack.components}):
        one, other = a.stack.components.get(name, unknown), b.stack.components.get(name, unknown)
        yield from _value("stack", "machine", name, one, other)
    for name in sorted({*a.stack.packages, *b.stack.packages}):
        have, there = a.stack.packages.get(name), b.stack.packages.get(name)
        yield from _plain("stack", name, have, there, told=bool(a.stack.packages and b.stack.packages))
    mine, theirs = libraries(a.stack), libraries(b.stack)
    for name in sorted({*mine, *theirs}):
        yield from _plain("stack", name, mine.get(name), theirs.get(name), told=bool(mine and theirs))


def _environment(a: Fingerprint, b: Fingerprint) -> Iterator[Difference]:
    live = a.origin.kind == b.origin.kind == "live"
    for name in sorted({*a.environment, *b.environment}):
        yield from _plain("environment", name, a.environment.get(name), b.environment.get(name), told=live)


def _plain(section: Section, name: str, a: str | None, b: str | None, *, told: bool) -> Iterator[Difference]:
    """Yield a difference of two optional texts; when both sides list such things, a missing one is a change."""
    if a == b:
        return
    kind: Kind = "changed"
    if not told and a is None:
        kind = "only-b"
    elif not told and b is None:
        kind = "only-a"
    yield Difference(section=section, subject="machine", name=name, kind=kind, a=a or "", b=b or "")


def _value(section: Section, subject: str, name: str, a: object, b: object) -> Iterator[Difference]:
    if isinstance(b, Reading) and not isinstance(a, Reading):
        text = flat_text(name, b.value)
        yield Difference(section=section, subject=subject, name=name, kind="only-b", a="", b=text, why=_why(a))
    elif isinstance(a, Reading) and not isinstance(b, Reading):
        text = flat_text(name, a.value)
        yield Difference(section=section, subject=subject, name=name, kind="only-a", a=text, b="", why=_why(b))
    elif not isinstance(a, Reading) or not isinstance(b, Reading):
        return
    elif a.value != b.value:
        one, other = apart(name, a.value, b.value)
        yield Difference(
            section=section,
            subject=subject,
            name=name,
            kind="changed",
            a=one,
            b=other,
            ratio=ratio_of(a.value, b.value),
        )


def _why(value: object) -> str:
    return value.why if isinstance(value, Absent) else ""


def apart(name: str, a: object, b: object) -> tuple[str, str]:
    """Return two different values as texts that differ: with all their digits where their usual forms are one.

    >>> apart("power_limit_w", 700.0, 500.0), apart("power_limit_w", 700.0, 700.0001)
    (('700 W', '500 W'), ('700.0', '700.0001'))
    """
    one, other = flat_text(name, a), flat_text(name, b)
    return (one, other) if one != other else (str(a), str(b))


def ratio_of(a: Any, b: Any) -> float | None:
    """Return b / a where both are numbers and a is not zero."""
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (a, b))
    return round(b / a, 4) if numbers and a else None


def flat_text(name: str, value: object) -> str:
    """Return a value of a fingerprint as it is printed."""
    return format_fact(name, flat(value))


def merged(found: list[Difference]) -> Iterator[Difference]:
    """Yield equal differences of several devices once, in order of first appearance."""
    groups: dict[tuple[object, ...], list[Difference]] = {}
    for item in found:
        of_device = item.subject.startswith(_DEVICE)
        groups.setdefault((of_device, item.section, item.name, item.kind, item.a, item.b, item.why), []).append(item)
    for group in groups.values():
        first = group[0]
        if first.subject.startswith(_DEVICE):
            first = msgspec.structs.replace(first, subject=_together([item.subject for item in group]))
        yield first  # a machine's component and package of one name that changed alike are told once


def _together(subjects: list[str]) -> str:
    if len(set(subjects)) == 1:
        return subjects[0]
    return devices_together(int(subject.removeprefix(_DEVICE)) for subject in subjects)


def devices_together(numbers: Iterable[int]) -> str:
    """Return the devices of one machine in few words.

    >>> devices_together([0, 1, 2, 5]), devices_together([3])
    ('GPU 0-2, 5', 'GPU 3')
    """
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    told = [str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans]
    return "GPU " + ", ".join(told)
