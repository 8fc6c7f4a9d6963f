"""Knows what a node tells about itself, as blocks of plain values that nodes alike share.

A fleet's nodes repeat each other: ten thousand of them hold a few dozen different blocks. So a node is taken apart
without decoding its blocks, and a block is decoded once for each form of bytes it comes in.
"""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from parity.fleet.differences import HEAD, short
from parity.fleet.plain import LEFT_OUT, installed, is_even, is_lost, plain, reasons, topology
from parity.model.absent import Reading
from parity.model.device import SLOWDOWNS, DeviceConditions, DeviceIdentity, Int, Locator, Texts
from parity.model.fingerprint import Host, Link, Origin, Stack
from parity.model.measurement import NOTED, Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_FORMS = 50_000  # of bytes that are remembered, per kind of block
_PART = ("pci_device_id", "partition", "sm_count", "cu_count")
_EMPTY, _NO_LINKS, _NO_NOTES = msgspec.Raw(b"{}"), msgspec.Raw(b"[]"), msgspec.Raw(b"[]")
_UNTOLD = msgspec.Raw(b'{"type":"absent","why":"not_asked","source":""}')


def _slim(kind: type[msgspec.Struct], *more: str) -> type[msgspec.Struct]:
    """Return a struct that takes the lasting fields of a block, then ``more``, as they stand and skips the others."""
    names = [name for name in kind.__struct_fields__ if name not in LEFT_OUT]
    fields = [(name, msgspec.Raw, msgspec.Raw(b"")) for name in (*names, *more)]
    return msgspec.defstruct(f"Slim{kind.__name__}", fields, frozen=True, kw_only=True)


_SLIM = {DeviceConditions: _slim(DeviceConditions, "throttle_reasons"), Host: _slim(Host)}
_LASTING = {DeviceConditions: -1, Host: None}  # where the lasting fields end
_SLOWDOWNS = tuple(f'"{reason}"'.encode() for reason in SLOWDOWNS)


class _RawDevice(msgspec.Struct, frozen=True, kw_only=True):
    locator: Locator
    identity: msgspec.Raw = _EMPTY
    conditions: _SLIM[DeviceConditions] = _SLIM[DeviceConditions]()  # type: ignore[valid-type]


class _RawNode(msgspec.Struct, frozen=True, kw_only=True, tag="parity.fingerprint/1", tag_field="schema"):
    origin: Origin = Origin(kind="live")
    device_count: msgspec.Raw = _UNTOLD
    devices: tuple[_RawDevice, ...] = ()
    host: msgspec.Raw = _EMPTY
    stack: msgspec.Raw = _EMPTY
    environment: msgspec.Raw = _EMPTY
    links: msgspec.Raw = _NO_LINKS
    measured: tuple[Measurement, ...] = ()
    notes: msgspec.Raw = _NO_NOTES


class _Name(msgspec.Struct, frozen=True):
    hostname: Reading[str] | msgspec.UnsetType = msgspec.UNSET


class Node(NamedTuple):
    """One node as far as telling it from others goes; its devices are numbered as they are visible.

    Attributes:
        blocks: numbers of its blocks: host, stack, environment, topology, then identity and conditions of each visible
            device.
        silence: number of the reasons for which it does not tell the rest. Nodes that tell the same are alike; the
            verdict on them may still differ with what is not told.
        hostname: empty where it is not told.
        measured: of its visible devices; one of any other device bears a number that none has.
        unmeasured: what it says of measurements that failed.
        version: of this tool that read it.
        slowed: device -> the faults that slowed it down when it was read.
    """

    blocks: tuple[int, ...]
    silence: int
    hostname: str
    captured_at: str
    measured: tuple[Measurement, ...]
    unmeasured: tuple[str, ...]
    version: str
    slowed: dict[int, tuple[str, ...]]


class Tellings:
    """Numbers the different blocks of many nodes.

    Args:
        ignore: patterns of the names of values that ``shown`` leaves out: ``NCCL_*``, ``driver``.
        judged: names of device conditions that nodes alike need not share, and a verdict rests on all the same.
    """

    def __init__(self, ignore: tuple[str, ...] = (), judged: frozenset[str] = frozenset()) -> None:
        """Know no block."""
        self.ignore = ignore
        self._judged = _values_of(judged) if judged else None
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._blocks: list[tuple[str, bytes]] = []
        self._forms: dict[str, dict[bytes, tuple[int, int]]] = {}
        self._parts: dict[int, tuple[str, ...]] = {}
        self._shown: dict[int, int] = {}
        self._decode = msgspec.json.Decoder(_RawNode).decode

    def node(self, raw: bytes | msgspec.Raw) -> Node:
        """Return what a saved fingerprint tells.

        Raises:
            msgspec.MsgspecError: it is no fingerprint.
        """
        read = self._decode(raw)
        visible = [(place, device) for place, device in enumerate(read.devices) if device.locator.visible]
        found = [
            self._struct(Host, read.host, slim=msgspec.json.decode(read.host, type=_SLIM[Host])),
            self._struct(Stack, read.stack),
            (self._number("environment", _variables(read.environment)), read.origin.kind == "live"),
            self._topology(read, tuple(device.locator.index for _, device in visible)),
        ]
        lost = _lost(raw)
        for place, device in visible:
            found.append(self._struct(DeviceIdentity, device.identity))
            number, why = self._struct(DeviceConditions, None, slim=device.conditions)
            if place in lost:
                number = self._number("DeviceConditions", {**self.block(number), "lost": True})
            found.append((number, why))
        why_not = b",".join(str(int(why)).encode() for _, why in found)
        silence = self._of_bytes("silence", why_not + (self._judged(raw) if self._judged else b""))
        reasons_of = [device.conditions.throttle_reasons for _, device in visible]  # type: ignore[attr-defined]
        return Node(
            blocks=tuple(number for number, _ in found),
            silence=silence,
            hostname=_hostname(read.host),
            captured_at=read.origin.captured_at,
            measured=_placed(read.measured, [place for place, _ in visible]),
            unmeasured=_unmeasured(read.notes),
            version=read.origin.tool_version,
            slowed={number: faults for number, told in enumerate(reasons_of) if (faults := _faults(told))},
        )

    def block(self, number: int) -> dict[str, Any]:
        """Return the values of a block: name -> plain value; what it does not tell is missing."""
        values: dict[str, Any] = msgspec.json.decode(self._blocks[number][1])
        return values

    def parts(self, node: Node) -> dict[int, tuple[str, ...]]:
        """Return what each visible device of a node is: its name, then what else makes the part."""
        return {number: self._part(block) for number, block in enumerate(node.blocks[HEAD::2])}

    def evenly_joined(self, node: Node) -> bool:
        """Return whether the same fast links join every pair of a node's devices that anything is told of."""
        return is_even(str(self.block(node.blocks[HEAD - 1]).get("links", "")))

    def _part(self, number: int) -> tuple[str, ...]:
        if number not in self._parts:
            block = self.block(number)
            memory = block.get("memory_bytes")  # what drivers, ECC and firmware leave of it differs
            size = str(installed(memory)) if isinstance(memory, int) and memory > 0 else "None"
            self._parts[number] = (str(block.get("name", "a GPU")), *(str(block.get(name)) for name in _PART), size)
        return self._parts[number]

    def numbered(self, other: Tellings, blocks: Iterable[int]) -> tuple[int, ...]:
        """Return the numbers that another collection's blocks have here."""
        return tuple(self._of_bytes(*other._blocks[number]) for number in blocks)

    def digest(self, blocks: Iterable[int]) -> str:
        """Return a short digest of blocks, the same in every run."""
        told = hashlib.sha256(b"\n".join(self._blocks[number][1] for number in blocks))
        return told.hexdigest()[:12]

    def _struct(self, kind: type[msgspec.Struct], raw: msgspec.Raw | None, *, slim: Any = None) -> tuple[int, int]:
        """Return the numbers of a block and of its silence, decoding it only in a form of bytes not seen before."""
        if slim is not None:
            form = b"\0".join(msgspec.structs.astuple(slim)[: _LASTING[kind]])
        else:
            assert raw is not None  # one of the two is given
            form = bytes(raw)
        forms = self._forms.setdefault(kind.__name__, {})
        known = forms.get(form)
        if known is None:
            source = msgspec.json.encode(_told(slim, _LASTING[kind])) if slim is not None else form
            block = msgspec.json.decode(source, type=kind)
            known = self._number(kind.__name__, plain(block)), self._number("reasons", reasons(block))
            _remember(forms, form, known)
        return known

    def _topology(self, read: _RawNode, indices: tuple[int, ...]) -> tuple[int, int]:
        form = b"\0".join((bytes(read.device_count), bytes(read.links), repr((indices, len(read.devices))).encode()))
        forms = self._forms.setdefault("topology", {})
        known = forms.get(form)
        if known is None:
            count = msgspec.json.decode(read.device_count, type=Int)
            links = msgspec.json.decode(read.links, type=tuple[Link, ...])
            told = topology(links, count, indices=indices, read=len(read.devices))
            why = {} if isinstance(count, Reading) else {"device_count": count.why}
            known = self._number("topology", told), self._number("reasons", why)
            _remember(forms, form, known)
        return known

    def shown(self, blocks: tuple[int, ...]) -> tuple[int, ...]:
        """Return the numbers of the blocks without what is ignored."""
        return tuple(map(self._without_ignored, blocks)) if self.ignore else blocks

    def _without_ignored(self, number: int) -> int:
        if number not in self._shown:
            kept = {name: value for name, value in self.block(number).items() if not self._is_ignored(name)}
            self._shown[number] = self._number(self._blocks[number][0], kept)
        return self._shown[number]

    def _number(self, kind: str, values: dict[str, Any]) -> int:
        return self._of_bytes(kind, msgspec.json.encode(values, order="deterministic"))

    def _is_ignored(self, name: str) -> bool:
        names = {name, short(name), name.removeprefix("library ")}
        return any(fnmatchcase(one, pattern) for one in names for pattern in self.ignore)

    def _of_bytes(self, kind: str, block: bytes) -> int:
        known = self._numbers.get((kind, block))
        if known is None:
            known = self._numbers[kind, block] = len(self._blocks)
            self._blocks.append((kind, block))
        return known


class _Conditions(msgspec.Struct, frozen=True):
    conditions: DeviceConditions = DeviceConditions()


class _Devices(msgspec.Struct, frozen=True):
    devices: tuple[_Conditions, ...] = ()


def _lost(raw: bytes | msgspec.Raw) -> frozenset[int]:
    """Return the positions of devices whose driver calls them lost: by any value, those that move by themselves too."""
    if b'"lost"' not in bytes(raw):
        return frozenset()
    devices = msgspec.json.decode(raw, type=_Devices).devices
    blocks = [[getattr(one.conditions, name) for name in one.conditions.__struct_fields__] for one in devices]
    return frozenset(place for place, values in enumerate(blocks) if any(map(is_lost, values)))


def _faults(raw: msgspec.Raw) -> tuple[str, ...]:
    """Return the faults among the throttle reasons of one device."""
    if not any(reason in bytes(raw) for reason in _SLOWDOWNS):
        return ()
    reasons = msgspec.json.decode(raw, type=Texts)
    return tuple(reason for reason in reasons.value if reason in SLOWDOWNS) if isinstance(reasons, Reading) else ()


def _remember(forms: dict[bytes, tuple[int, int]], form: bytes, known: tuple[int, int]) -> None:
    if len(forms) >= _MOST_FORMS:
        forms.clear()
    forms[form] = known


def _told(slim: Any, end: int | None) -> dict[str, msgspec.Raw]:
    pairs = ((name, getattr(slim, name)) for name in slim.__struct_fields__[:end])
    return {name: raw for name, raw in pairs if bytes(raw)}


def _values_of(names: frozenset[str]) -> Callable[[bytes | msgspec.Raw], bytes]:
    """Return what tells the values, as they stand, that the devices of a saved fingerprint have of some conditions."""
    fields = [(name, msgspec.Raw, msgspec.Raw(b"")) for name in sorted(names)]
    conditions = msgspec.defstruct("JudgedConditions", fields, frozen=True)
    device = msgspec.defstruct("JudgedDevice", [("conditions", conditions, conditions())], frozen=True)
    node: Any = msgspec.defstruct("Judged", [("devices", tuple[device, ...], ())])  # type: ignore[valid-type]
    decode = msgspec.json.Decoder(node).decode

    def values(raw: bytes | msgspec.Raw) -> bytes:
        told = (msgspec.structs.astuple(one.conditions) for one in decode(raw).devices)
        return b"\0".join(b"\0".join(map(bytes, one)) for one in told)

    return values


def _variables(raw: msgspec.Raw) -> dict[str, str]:
    return msgspec.json.decode(raw, type=dict[str, str])


def _placed(measured: tuple[Measurement, ...], visible: list[int]) -> tuple[Measurement, ...]:
    """Return measurements with their devices numbered as they are visible."""
    if visible == list(range(len(visible))):
        return measured
    number_of = {place: number for number, place in enumerate(visible)}

    def number(place: int) -> int:
        return number_of.get(place, len(visible) + abs(place))

    return tuple(
        msgspec.structs.replace(one, device=number(one.device), peer=None if one.peer is None else number(one.peer))
        for one in measured
    )


class _MeasureNote(msgspec.Struct, frozen=True):
    source: str = ""
    text: str = ""


def _unmeasured(raw: msgspec.Raw) -> tuple[str, ...]:
    """Return what a node notes of measurements that could not be made."""
    if f'"{NOTED}"'.encode() not in bytes(raw):
        return ()
    notes = msgspec.json.decode(raw, type=tuple[_MeasureNote, ...])
    return tuple(one.text for one in notes if one.source == NOTED)


class _Hosted(msgspec.Struct, frozen=True):
    host: msgspec.Raw = _EMPTY


def hostname_of(raw: bytes | msgspec.Raw) -> str:
    """Return the host name that a saved fingerprint tells; empty where it tells none, or is none."""
    try:
        return _hostname(msgspec.json.decode(raw, type=_Hosted).host)
    except (msgspec.MsgspecError, UnicodeError):
        return ""


def _hostname(raw: msgspec.Raw) -> str:
    try:
        told = msgspec.json.decode(raw, type=_Name).hostname
    except msgspec.ValidationError:  # absent, with its reason
        return ""
    return told.value if isinstance(told, Reading) else ""
