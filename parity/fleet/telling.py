"""Knows what a node tells about itself, as blocks of plain values that nodes alike share.

A fleet's nodes repeat each other: ten thousand of them hold a few dozen different blocks. So a node is taken apart
without decoding its blocks, and a block is decoded once for each form of bytes it comes in.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from parity.fleet.diff import VOLATILE
from parity.model.absent import NOT_ASKED, Reading
from parity.model.device import DeviceConditions, DeviceIdentity, Locator, Partition
from parity.model.fingerprint import Host, Origin, Stack
from parity.model.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.model.fingerprint import Fingerprint

# Counters of one board's life: two boards never share them, and nobody set them.
_WEAR = frozenset(
    {
        "ecc_corrected", "ecc_uncorrected", "remapped_rows_corrected", "remapped_rows_uncorrected", "retired_pages",
        "memory_reserved_bytes",
    }
)  # fmt: skip
_SET_BY_TRAINING = frozenset({"pcie_width_now"})  # does not move with load on a server: a narrowed slot is told
_LEFT_OUT = (VOLATILE | _WEAR) - _SET_BY_TRAINING
_MOST_FORMS = 50_000  # of bytes that are remembered, per kind of block
_EMPTY = msgspec.Raw(b"{}")


def _slim(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return a struct that takes the lasting fields of a block as they stand and skips the others."""
    names = [name for name in kind.__struct_fields__ if name not in _LEFT_OUT]
    fields = [(name, msgspec.Raw, msgspec.Raw(b"")) for name in names]
    return msgspec.defstruct(f"Slim{kind.__name__}", fields, frozen=True, kw_only=True)


_SLIM = {kind: _slim(kind) for kind in (DeviceConditions, Host)}


class _RawDevice(msgspec.Struct, frozen=True, kw_only=True):
    locator: Locator
    identity: msgspec.Raw = _EMPTY
    conditions: _SLIM[DeviceConditions] = _SLIM[DeviceConditions]()  # type: ignore[valid-type]


class _RawNode(msgspec.Struct, frozen=True, kw_only=True, tag="parity.fingerprint/1", tag_field="schema"):
    origin: Origin = Origin(kind="live")
    devices: tuple[_RawDevice, ...] = ()
    host: msgspec.Raw = _EMPTY
    stack: msgspec.Raw = _EMPTY
    environment: msgspec.Raw = _EMPTY
    measured: tuple[Measurement, ...] = ()


class _Name(msgspec.Struct, frozen=True):
    hostname: Reading[str] | msgspec.UnsetType = msgspec.UNSET


class Node(NamedTuple):
    """One node as far as telling it from others goes.

    Attributes:
        blocks: numbers of its blocks: host, stack, environment, then identity and conditions of each visible device.
        hostname: empty where it is not told.
    """

    blocks: tuple[int, ...]
    hostname: str
    captured_at: str
    measured: tuple[Measurement, ...]


class Tellings:
    """Numbers the different blocks of many nodes."""

    def __init__(self) -> None:
        """Know no block."""
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._blocks: list[tuple[str, bytes]] = []
        self._forms: dict[str, dict[bytes, int]] = {}
        self._decode = msgspec.json.Decoder(_RawNode).decode

    def node(self, raw: bytes | msgspec.Raw) -> Node:
        """Return what a saved fingerprint tells.

        Raises:
            msgspec.MsgspecError: it is no fingerprint.
        """
        read = self._decode(raw)
        live = read.origin.kind == "live"
        blocks = [
            self._struct(Host, read.host, slim=msgspec.json.decode(read.host, type=_SLIM[Host])),
            self._struct(Stack, read.stack),
            self._number("environment", _plain_variables(read.environment, live=live)),
        ]
        for device in read.devices:
            if device.locator.visible:
                blocks.append(self._struct(DeviceIdentity, device.identity))
                blocks.append(self._struct(DeviceConditions, None, slim=device.conditions))
        return Node(tuple(blocks), _hostname(read.host), read.origin.captured_at, read.measured)

    def block(self, number: int) -> dict[str, Any]:
        """Return the values of a block: name -> plain value; what it does not tell is missing."""
        values: dict[str, Any] = msgspec.json.decode(self._blocks[number][1])
        return values

    def numbered(self, other: Tellings, blocks: Iterable[int]) -> tuple[int, ...]:
        """Return the numbers that another collection's blocks have here."""
        return tuple(self._of_bytes(*other._blocks[number]) for number in blocks)

    def digest(self, blocks: Iterable[int]) -> str:
        """Return a short digest of blocks, the same in every run."""
        told = hashlib.sha256(b"\n".join(self._blocks[number][1] for number in blocks))
        return told.hexdigest()[:12]

    def _struct(self, kind: type[msgspec.Struct], raw: msgspec.Raw | None, *, slim: Any = None) -> int:
        """Return the number of a block, decoding it only in a form of bytes not seen before."""
        if slim is not None:
            form = b"\0".join(bytes(getattr(slim, name)) for name in slim.__struct_fields__)
        else:
            assert raw is not None  # one of the two is given
            form = bytes(raw)
        forms = self._forms.setdefault(kind.__name__, {})
        number = forms.get(form)
        if number is None:
            source = msgspec.json.encode(_told(slim)) if slim is not None else form
            number = self._number(kind.__name__, _plain(msgspec.json.decode(source, type=kind)))
            if len(forms) >= _MOST_FORMS:
                forms.clear()
            forms[form] = number
        return number

    def _number(self, kind: str, values: dict[str, Any]) -> int:
        return self._of_bytes(kind, msgspec.json.encode(values, order="deterministic"))

    def _of_bytes(self, kind: str, block: bytes) -> int:
        known = self._numbers.get((kind, block))
        if known is None:
            known = self._numbers[kind, block] = len(self._blocks)
            self._blocks.append((kind, block))
        return known


def lasting(fingerprint: Fingerprint) -> Fingerprint:
    """Return a fingerprint without what moves by itself: clocks in use, load, other processes."""
    devices = []
    for device in fingerprint.devices:
        moving = {name: NOT_ASKED for name in DeviceConditions.__struct_fields__ if name in _LEFT_OUT - _WEAR}
        conditions = msgspec.structs.replace(device.conditions, **moving)
        devices.append(msgspec.structs.replace(device, conditions=conditions))
    return msgspec.structs.replace(fingerprint, devices=tuple(devices))


def _told(slim: Any) -> dict[str, msgspec.Raw]:
    pairs = ((name, getattr(slim, name)) for name in slim.__struct_fields__)
    return {name: raw for name, raw in pairs if bytes(raw)}


def _plain(block: msgspec.Struct) -> dict[str, Any]:
    """Return the values that a block tells, without sources and reasons."""
    if isinstance(block, Stack):
        told = {f"component {name}": one.value for name, one in block.components.items() if isinstance(one, Reading)}
        return {**told, **{f"package {name}": version for name, version in block.packages.items()}}
    values = ((name, getattr(block, name)) for name in block.__struct_fields__ if name not in _LEFT_OUT)
    return {name: _flat(one.value) for name, one in values if isinstance(one, Reading)}


def _flat(value: Any) -> Any:
    if isinstance(value, Partition):
        return " ".join(part for part in (value.kind, value.profile, value.memory_mode) if part)
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain_variables(raw: msgspec.Raw, *, live: bool) -> dict[str, Any]:
    variables = msgspec.json.decode(raw, type=dict[str, str])
    return variables if live else {}


def _hostname(raw: msgspec.Raw) -> str:
    try:
        told = msgspec.json.decode(raw, type=_Name).hostname
    except msgspec.ValidationError:  # absent, with its reason
        return ""
    return told.value if isinstance(told, Reading) else ""
