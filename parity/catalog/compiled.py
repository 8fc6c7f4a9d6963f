"""Knows the compiled catalog: one JSON value per line, each decoded when a question needs it.

The first line says how long each of the others is, so that what is not asked for is not even looked through: two thirds
of the file are parts, of which a question asks for one or two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from parity.model.spec import PartitionSpec, PciId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT = 12
FOLDERS = ("architectures", "devices", "checks", "environment", "stack", "kernels", "lint", "lint_data", "models")
CODE_FOLDER = "stack/code"


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What identification needs to know of one part."""

    id: str
    name: str
    vendor: str
    family: str
    arch: str
    aliases: tuple[str, ...] = ()
    reported_names: tuple[str, ...] = ()
    folded_names: tuple[str, ...] = ()  # as names are compared
    pci_ids: tuple[PciId, ...] = ()
    units: int | None = None  # SMs or CUs
    memory_bytes: int | None = None
    memory_bus_width_bits: int | None = None
    memory_clock_mhz: int | None = None
    power_default_w: tuple[float, ...] = ()  # the preferred value and the disputed ones
    partitions: tuple[PartitionSpec, ...] = ()
    modified_memory_bytes: tuple[int, ...] = ()


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled catalog.

    Attributes:
        signature: of the files it was compiled from; empty for one that is shipped.
        aliases: alias -> id of the part it means.
        index: what identification needs to know of every part.
        devices: id -> the part, in the index's order.
        models: cards of rules about models.
        limits: of architectures, for judging kernels.
        architectures: what parts of one architecture share, for an overlay's parts.
        lint: rule cards and facts of the linter.
    """

    signature: str
    aliases: dict[str, str]
    index: msgspec.Raw
    devices: dict[str, msgspec.Raw]
    cards: msgspec.Raw
    environment: msgspec.Raw
    stack: msgspec.Raw
    models: msgspec.Raw
    limits: msgspec.Raw
    architectures: msgspec.Raw
    lint: msgspec.Raw


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line; sizes are in bytes without the line's end, in the order of the lines."""

    format: int
    signature: str
    aliases: dict[str, str]
    parts: dict[str, int]
    devices: dict[str, int]


def aliases_of(index: Iterable[IndexEntry]) -> dict[str, str]:
    """Return alias -> id of the first part that has it."""
    found: dict[str, str] = {}
    for entry in index:
        for alias in entry.aliases:
            found.setdefault(alias, entry.id)
    return found


def written(
    *, signature: str, aliases: Mapping[str, str], parts: Mapping[str, Any], devices: Mapping[str, Any]
) -> bytes:
    """Return a compiled catalog as the bytes that ``read`` takes.

    Args:
        signature: of the files it is compiled from.
        aliases: alias -> id.
        parts: the fields of ``Compiled`` that are decoded as one.
        devices: id -> part.
    """
    lines = {name: msgspec.json.encode(value) for name, value in parts.items()}
    each = {name: msgspec.json.encode(value) for name, value in devices.items()}
    header = _Header(
        format=FORMAT,
        signature=signature,
        aliases=dict(aliases),
        parts={name: len(line) for name, line in lines.items()},
        devices={name: len(line) for name, line in each.items()},
    )
    return b"\n".join((msgspec.json.encode(header), *lines.values(), *each.values(), b""))


def read(raw: bytes) -> Compiled | None:
    """Return the compiled catalog in ``raw``, None when it is of another format, cut short, or none at all."""
    end = raw.find(b"\n")
    try:
        header = msgspec.json.decode(raw[: max(end, 0)], type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    lengths = [*header.parts.values(), *header.devices.values()]
    if header.format != FORMAT or len(raw) != end + 1 + sum(lengths) + len(lengths):
        return None
    place, view = end + 1, memoryview(raw)
    slices = []
    for length in lengths:
        slices.append(msgspec.Raw(view[place : place + length]))
        place += length + 1
    parts = dict(zip(header.parts, slices, strict=False))
    devices = dict(zip(header.devices, slices[len(parts) :], strict=True))
    return Compiled(signature=header.signature, aliases=header.aliases, devices=devices, **parts)
