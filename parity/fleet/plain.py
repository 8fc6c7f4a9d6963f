"""Knows what of a node is compared with its like: what lasts, as plain values; and why the rest is not told."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from parity.fleet.moving import VOLATILE, moves
from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.fingerprint import Host, Stack
from parity.model.partition import Partition
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.model.fingerprint import Fingerprint, Link

# Counters of one board's life: two boards never share them, and nobody set them. Errors that were not corrected are
# none of them: healthy boards share their absence.
_WEAR = frozenset(
    {"ecc_corrected", "remapped_rows_corrected", "remapped_rows_uncorrected", "retired_pages", "memory_reserved_bytes"}
)
FAST_LINKS = ("nvlink", "xgmi")
_SET_BY_TRAINING = frozenset({"pcie_width_now"})  # does not move with load on a server: a narrowed slot is told
LEFT_OUT = (VOLATILE | _WEAR) - _SET_BY_TRAINING
"""Fields that make no node odd, in whatever block."""


def plain(block: msgspec.Struct) -> dict[str, Any]:
    """Return the values that a block tells, without sources and reasons."""
    if isinstance(block, Stack):
        told = {f"component {name}": one.value for name, one in block.components.items() if isinstance(one, Reading)}
        packages = {f"package {name}": version for name, version in block.packages.items()}
        return {**told, **packages, **libraries(block)}
    values = {name: flat(one.value) for name, one in _lasting(block) if isinstance(one, Reading)}
    if isinstance(block, Host) and "memory_bytes" in values:
        values["memory_bytes"] = installed(values["memory_bytes"])
    return values


def reasons(block: msgspec.Struct) -> dict[str, str]:
    """Return why a block does not tell its other values; what nobody asked for needs no reason."""
    pairs = block.components.items() if isinstance(block, Stack) else _lasting(block)
    return {name: one.why for name, one in pairs if isinstance(one, Absent) and one.why != "not_asked"}


def _lasting(block: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for name in block.__struct_fields__:
        value = getattr(block, name)
        if name not in LEFT_OUT and not moves(name, value):
            yield name, value


def libraries(stack: Stack) -> dict[str, str]:
    """Return the libraries found on disk and in processes: ``library NAME`` -> version, path and how it was found."""
    copies: dict[str, list[str]] = {}
    for one in stack.libraries:
        copies.setdefault(f"library {one.name}", []).append(f"{one.version} {one.path} ({one.found})".strip())
    return {name: "; ".join(sorted(told)) for name, told in copies.items()}


def topology(
    links: Sequence[Link], count: Reading[int] | Absent, *, indices: Sequence[int], read: int
) -> dict[str, Any]:
    """Return how a machine's visible devices are joined, and how many the driver counts where that is another number.

    Args:
        links: of all devices.
        count: of the driver.
        indices: of the visible devices, in their order.
        read: how many devices could be read.

    >>> from parity.model.fingerprint import Link
    >>> pair = Link(a=0, b=1, kind="nvlink", path="NV18")
    >>> topology([pair], NOT_ASKED, indices=(0, 1), read=2)
    {'links': 'nvlink NV18: 1 pair'}
    """
    place = {index: position for position, index in enumerate(indices)}
    joined = {(place[link.a], place[link.b]): _word(link) for link in links if link.a in place and link.b in place}
    told: dict[str, Any] = {"links": _joined(joined)} if joined else {}
    if isinstance(count, Reading) and count.value != read:
        told["device_count"] = count.value
    return told


def is_even(links: str) -> bool:
    """Return whether what is told of a machine's links is one kind of fast link alone.

    >>> is_even("nvlink NV18: 28 pairs"), is_even("nvlink NV18: 27 pairs; system SYS: 0-3"), is_even("pcie PIX: 1 pair")
    (True, False, False)
    """
    return links.startswith(FAST_LINKS) and ";" not in links


def _word(link: Link) -> str:
    return (
        f"{link.kind} {link.path}" if link.path else link.kind if link.count is None else f"{link.kind} x{link.count}"
    )


def _joined(joined: dict[tuple[int, int], str]) -> str:
    """Return ``nvlink NV18: 26 pairs; system SYS: 0-3, 2-5``: the rarer ones by name."""
    counts = Counter(joined.values())
    (most, number), *rare = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [f"{most}: {plural(number, 'pair')}"]
    for word, _ in rare:
        pairs = sorted(pair for pair, told in joined.items() if told == word)
        parts.append(f"{word}: " + ", ".join(f"{a}-{b}" for a, b in pairs))
    return "; ".join(parts)


def installed(count: int) -> int:
    """Return the memory that a machine was built with, by what its kernel has left, in bytes.

    Firmware and kernel keep one to three percent, another amount on each machine; sizes that are built are a few
    powers of two together. So it is the next multiple of a sixteenth of the power of two below.

    >>> installed(2_163_000_000_000) == installed(2_163_000_004_096) == 2048 * 1024**3
    True
    """
    step = max(1 << max(count.bit_length() - 5, 0), 1)
    return -(-count // step) * step


def flat(value: Any) -> Any:
    """Return a value of a fingerprint as text, number or truth."""
    if isinstance(value, Partition):
        return " ".join(part for part in (value.kind, value.profile, value.memory_mode) if part)
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def lasting(fingerprint: Fingerprint, *, judged: frozenset[str] = frozenset()) -> Fingerprint:
    """Return a fingerprint without what nodes alike do not share: load, clocks, wear, what was measured and noted.

    What is left is told by a node's blocks and its silence, so that the verdict on one holds for its like.

    Args:
        fingerprint: of a node.
        judged: conditions that are left in all the same, since a target asks for them.
    """
    devices = []
    for device in fingerprint.devices:
        conditions = device.conditions
        moving = {
            name: NOT_ASKED
            for name in conditions.__struct_fields__
            if name in LEFT_OUT - judged and not is_lost(getattr(conditions, name))
        }
        devices.append(msgspec.structs.replace(device, conditions=msgspec.structs.replace(conditions, **moving)))
    return msgspec.structs.replace(fingerprint, devices=tuple(devices), measured=(), notes=())


def is_lost(observed: object) -> bool:
    """Return whether the driver called the device lost when it was asked for a value."""
    return isinstance(observed, Absent) and observed.why == "lost"
