"""Knows CUDA fatbins: regions of entries (SASS, PTX, LTO-IR), read from their headers alone.

Layout, little-endian, observed on CUDA 11.0 to 13.5: a 16-byte header (magic, version, header size, size of all
entries) and entries of at least 64 bytes, each naming kind, compute capability and flags before its payload. Nothing
has to be decompressed: also the concatenated entries of CUDA 13.2 and later keep their table of sub-headers
uncompressed. By hand: ``cuobjdump -ptx FILE`` prints every entry with its suffix; ``cuobjdump --list-elf`` loses the
``f``.
"""

from __future__ import annotations

import operator
import struct
from typing import TYPE_CHECKING, TypeAlias

from parity.model.arch import nvidia_name
from parity.model.code_objects import Code

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.binaries.collect import Collector
    from parity.model.code_objects import CodeKind, Compression, Place

MAGIC = 0xBA55ED50
OLD_MAGIC = 0x1EE55A01
_MAGIC_BYTES, _OLD_MAGIC_BYTES = MAGIC.to_bytes(4, "little"), OLD_MAGIC.to_bytes(4, "little")
START = bytes.fromhex("50ed55ba01001000")  # magic, version 1, header size 16: how every fatbin begins
HEADER = struct.Struct("<IHHQ")
# kind, version, header size, payload size (padded to 8), compressed size, extension offset, minor, major, capability,
# ident offset, ident length, flags, zero, uncompressed size
ENTRY = struct.Struct("<HHIQIIHHIIIQQQ")
ENTRY_VERSION = 0x0101
_HEADER_BYTES, _ENTRY_BYTES = HEADER.size, ENTRY.size
_EXTENSION = struct.Struct("<II")

KIND_PTX, KIND_ELF, KIND_LTO, KIND_TILE, KIND_CONCATENATED = 1, 2, 8, 0x80, 0x100
FLAG_LZ4, FLAG_ZSTD, FLAG_ARCH_SPECIFIC, FLAG_FAMILY = 0x2000, 0x8000, 0x100000, 0x200000
_TOLD_FLAGS = FLAG_LZ4 | FLAG_ZSTD | FLAG_ARCH_SPECIFIC | FLAG_FAMILY

# A translation unit without kernels leaves a cubin of 624 to 1592 bytes (2228 for sm_100 and up); the smallest kernel
# seen makes 2344 (sm_75) or 2856 (sm_90). The PTX of such a unit is a header and no more.
STUB_BYTES, STUB_BYTES_SM100, STUB_PTX_BYTES = 1700, 2300, 1024
MAX_CAPABILITY = 9999
MAX_CONCATENATED = 4096
MAX_SHAPES = 4096  # held before they are handed on


Key: TypeAlias = tuple[int, int, int, bool, int]  # kind, capability, flags that tell, small, PTX version


def says_fatbin(head: bytes) -> bool:
    """Return whether a file that begins so says it is a fatbin, of whatever version."""
    return head.startswith((_MAGIC_BYTES, _OLD_MAGIC_BYTES))


def read_fatbins(data: Buffer, start: int, end: int, into: Collector, *, section: str, place: Place) -> None:
    """Read the fatbins that lie back to back in ``data[start:end]``, as in ``.nv_fatbin``.

    Zero padding between them is skipped; anything else is a problem, after which the next fatbin is searched.
    """
    reader = FatbinReader(data, into, section=section, place=place)
    at = start
    try:
        if 0 < end - start < HEADER.size:
            into.problem(f"{section}: cut inside the header of a fatbin", weight="damaged")
        while at + HEADER.size <= end:
            magic = data[at : at + 4]
            if magic == _MAGIC_BYTES:
                stop = reader.read(at, end)
                at = start + (stop - start + 7 & ~7)  # an object file in an archive is aligned to itself alone
                continue
            if magic == _OLD_MAGIC_BYTES:
                into.problem(f"{section}: a fatbin of an older layout at byte {at}", weight="damaged")
            following = data.find(START, at, end)
            gap = data[at : min(end if following < 0 else following, at + 4096)]
            if gap.strip(b"\0"):
                into.problem(f"{section}: {len(gap)} or more bytes at {at} are no fatbin", weight="damaged")
            if following < 0:
                return
            at = following
    finally:
        reader.flush()


def _aligned(at: int) -> int:
    return (at + 7) & ~7


class FatbinReader:
    """Reads the fatbins of one section; ``flush`` hands what was found to the collector.

    A large library has tens of thousands of fatbins of a few dozen shapes, so each shape is translated once.
    """

    def __init__(self, data: Buffer, into: Collector, *, section: str, place: Place) -> None:
        """Start with nothing found."""
        self.data = data
        self.into = into
        self.section = section
        self.place = place
        self._shapes: dict[tuple[Key, ...], tuple[list[int], list[int]]] = {}  # -> [count, first], bytes per entry

    def read(self, at: int, end: int) -> int:
        """Read one fatbin at ``at`` and return where it ends, at most ``end``.

        A size beyond ``end`` is cut and told; an entry that cannot be one ends the reading of this fatbin.
        """
        version: int
        header_size: int
        size: int
        _, version, header_size, size = HEADER.unpack_from(self.data, at)
        if version != 1 or header_size < _HEADER_BYTES:
            self._damage(f"fatbin at byte {at} has version {version}, header size {header_size}")
            header_size = max(header_size, _HEADER_BYTES)
        first = at + header_size
        stop = first + size
        if stop > end:
            self._damage(f"fatbin at byte {at} is {stop - end} bytes longer than its section")
            stop = end
        keys: list[Key] = []
        sizes: list[int] = []
        try:
            self._entries(first, stop, keys, sizes)
        finally:
            if keys:
                self._count(tuple(keys), sizes, at)
        return max(stop, at + _HEADER_BYTES)

    def _entries(self, at: int, stop: int, keys: list[Key], sizes: list[int]) -> None:
        """Add the entries in ``data[at:stop]``. This loop is what a run spends its time in."""
        data, unpack, least, told = self.data, ENTRY.unpack_from, _ENTRY_BYTES, _TOLD_FLAGS
        last = stop - least
        self.into.step()
        while at <= last:
            kind, version, header_size, size, packed, _, minor, major, number, _, _, flags, _, raw = unpack(data, at)
            following = at + header_size + size
            if header_size < least or version != ENTRY_VERSION:
                self._damage(f"entry at byte {at} has version {version:#06x}, header size {header_size}")
                return
            if following > stop:
                self._damage(f"entry at byte {at} reaches {following - stop} bytes too far")
                return
            if kind == KIND_PTX:
                keys.append((kind, number, flags & told, (raw or size) <= STUB_PTX_BYTES, major << 16 | minor))
                sizes.append(packed or size)
            elif kind == KIND_CONCATENATED:
                self._concatenated(at, stop, keys, sizes)
            else:
                limit = STUB_BYTES_SM100 if number >= 100 else STUB_BYTES
                keys.append((kind, number, flags & told, (raw or size) <= limit, 0))
                sizes.append(packed or size)
            at = following
            if not len(keys) & 1023:
                self.into.step(1024)
        if at < stop and data[at:stop].strip(b"\0"):
            self._damage(f"{stop - at} bytes at {at} are no entry")

    def _concatenated(self, at: int, stop: int, keys: list[Key], sizes: list[int]) -> None:
        """Add the code objects of an entry that holds several in one compressed block, from its table."""
        header: tuple[int, ...] = ENTRY.unpack_from(self.data, at)
        rows, whole = concatenated_rows(self.data, at, stop)
        for fields in rows:
            keys.append(_row_key(fields, header[11]))
            sizes.append(header[3] // len(rows))
        if not whole:
            self._damage(f"concatenated entry at byte {at} has a table that does not add up")

    def _damage(self, what: str) -> None:
        self.into.problem(f"{self.section}: {what}", weight="damaged")

    def _count(self, shape: tuple[Key, ...], sizes: list[int], at: int) -> None:
        held = self._shapes.get(shape)
        if held is None:
            if len(self._shapes) >= MAX_SHAPES:
                self.flush()
            self._shapes[shape] = [1, at], sizes
            return
        held[0][0] += 1
        held[1][:] = map(operator.add, held[1], sizes)

    def flush(self) -> None:
        """Hand everything found to the collector and start anew."""
        shapes, self._shapes = self._shapes, {}
        for shape, ((count, first), sizes) in shapes.items():
            codes = _codes(shape)
            self.into.region(self.section, self.place, "fatbin", zip(codes, sizes, strict=True), at=first, count=count)


def concatenated_rows(data: Buffer, at: int, stop: int) -> tuple[list[tuple[int, ...]], bool]:
    """Return the rows of the table of the concatenated entry at ``at``, and whether they are all that it promises.

    The table follows (count, its own bytes with these two numbers). A row has the fields of an entry header, but its
    header size is where the code object begins in the decompressed block, and its payload size is how many bytes of
    that are its own; one with an extension is followed by it, and by at least one zero byte to a multiple of eight.
    """
    header: tuple[int, ...] = ENTRY.unpack_from(data, at)
    table, room = at + header[5], min(stop, at + header[2])
    rows: list[tuple[int, ...]] = []
    if header[5] < ENTRY.size or table + _EXTENSION.size > room:
        return rows, False
    count, size = _EXTENSION.unpack_from(data, table)
    end, row = table + size, table + _EXTENSION.size
    while row + ENTRY.size <= min(end, room) and len(rows) < min(count, MAX_CONCATENATED):
        fields: tuple[int, ...] = ENTRY.unpack_from(data, row)
        if fields[1] != ENTRY_VERSION:
            break
        rows.append(fields)
        row += _row_bytes(data, row, fields[5], min(end, room))
    return rows, bool(rows) and len(rows) == count and row == end <= room


def _row_key(fields: tuple[int, ...], flags: int) -> Key:
    told = (fields[11] & _TOLD_FLAGS) | (flags & (FLAG_LZ4 | FLAG_ZSTD))
    kind, number, raw = fields[0], fields[8], fields[3]
    if kind == KIND_PTX:
        return kind, number, told, raw <= STUB_PTX_BYTES, fields[7] << 16 | fields[6]
    return kind, number, told, raw <= (STUB_BYTES_SM100 if number >= 100 else STUB_BYTES), 0


def _row_bytes(data: Buffer, row: int, extension: int, end: int) -> int:
    if not extension or row + extension + _EXTENSION.size > end:
        return ENTRY.size
    offset, length = _EXTENSION.unpack_from(data, row + extension)
    size: int = _aligned(offset + length + 1)
    return max(size, ENTRY.size)


_NAMES: dict[int, tuple[CodeKind, str]] = {
    KIND_PTX: ("ptx", "compute"),
    KIND_ELF: ("sass", "sm"),
    KIND_LTO: ("lto", "lto"),
}


def _codes(shape: tuple[Key, ...]) -> list[Code]:
    """Return what the entries of a fatbin are.

    Small SASS is a stub. Small PTX is one only beside nothing but stub SASS: a kernel's PTX may be as short.
    """
    native = [small for kind, _, _, small, _ in shape if kind == KIND_ELF]
    empty = bool(native) and all(native)
    return [
        _new_code(
            kind,
            number,
            flags,
            stub=small and (kind == KIND_ELF or (kind == KIND_PTX and empty)),
            isa=f"{version >> 16}.{version & 0xFFFF}" if kind == KIND_PTX else "",
        )
        for kind, number, flags, small, version in shape
    ]


def suffix_of(flags: int) -> str:
    """Return the suffix of the architecture that an entry's flags tell; ``?`` when they tell both."""
    return {0: "", FLAG_ARCH_SPECIFIC: "a", FLAG_FAMILY: "f"}.get(flags & (FLAG_ARCH_SPECIFIC | FLAG_FAMILY), "?")


def _new_code(kind: int, number: int, flags: int, *, stub: bool, isa: str) -> Code:
    compression: Compression = "zstd" if flags & FLAG_ZSTD else "lz4" if flags & FLAG_LZ4 else "none"
    known = _NAMES.get(kind)
    suffix = suffix_of(flags)
    if known is None:
        name = "tile-ir" if kind == KIND_TILE else f"kind{kind}"
        return Code(kind="other", arch=f"{name}_{min(number, MAX_CAPABILITY)}{suffix}", compression=compression)
    if not 10 <= number <= MAX_CAPABILITY:
        return Code(kind="other", arch=f"{known[1]} of no architecture", compression=compression)
    return Code(kind=known[0], arch=nvidia_name(known[1], number, suffix), isa=isa, compression=compression, stub=stub)
