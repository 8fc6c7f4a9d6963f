"""Knows CUDA fatbins: regions of entries (SASS, PTX, LTO-IR), read from their headers alone.

Layout, little-endian, observed on CUDA 11.0 to 13.5: a 16-byte header (magic, version, header size, size of all
entries) and entries of at least 64 bytes, each naming kind, compute capability and flags before its payload. Nothing
has to be decompressed: also the concatenated entries of CUDA 13.2 and later keep their table of sub-headers
uncompressed. By hand: ``cuobjdump -ptx FILE`` prints every entry with its suffix; ``cuobjdump --list-elf`` loses the
``f``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from parity.model.arch import nvidia_name
from parity.model.code_objects import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.binaries.buffer import Buffer
    from parity.binaries.collect import Collector
    from parity.model.code_objects import CodeKind, Compression, Place

MAGIC = 0xBA55ED50
OLD_MAGIC = 0x1EE55A01
START = bytes.fromhex("50ed55ba01001000")  # magic, version 1, header size 16: how every fatbin begins
HEADER = struct.Struct("<IHHQ")
# kind, version, header size, payload size (padded to 8), compressed size, extension offset, minor, major, capability,
# ident offset, ident length, flags, zero, uncompressed size
ENTRY = struct.Struct("<HHIQIIHHIIIQQQ")
ENTRY_VERSION = 0x0101
_EXTENSION = struct.Struct("<II")

KIND_PTX, KIND_ELF, KIND_LTO, KIND_TILE, KIND_CONCATENATED = 1, 2, 8, 0x80, 0x100
FLAG_LZ4, FLAG_ZSTD, FLAG_ARCH_SPECIFIC, FLAG_FAMILY = 0x2000, 0x8000, 0x100000, 0x200000
_TOLD_FLAGS = FLAG_LZ4 | FLAG_ZSTD | FLAG_ARCH_SPECIFIC | FLAG_FAMILY

# A translation unit without kernels leaves a cubin of 624 to 1592 bytes (2228 for sm_100 and up); the smallest kernel
# seen makes 2344 (sm_75) or 2856 (sm_90). The PTX of such a unit is a header and no more.
STUB_BYTES, STUB_BYTES_SM100, STUB_PTX_BYTES = 1700, 2300, 1024
MAX_CAPABILITY = 9999
MAX_CONCATENATED = 4096


def read_fatbins(data: Buffer, start: int, end: int, into: Collector, *, section: str, place: Place) -> None:
    """Read the fatbins that lie back to back in ``data[start:end]``, as in ``.nv_fatbin``.

    Zero padding between them is skipped; anything else is a problem, after which the next fatbin is searched.
    """
    at = start
    while at + HEADER.size <= end:
        into.step()
        magic = int.from_bytes(data[at : at + 4], "little")
        if magic == MAGIC:
            stop = read_fatbin(data, at, end, into, section=section, place=place)
            at = start + _aligned(stop - start)  # an object file in an archive is aligned to itself alone
            continue
        if magic == OLD_MAGIC:
            into.problem(f"{section}: a fatbin of an older layout at byte {at}", weight="damaged")
        following = data.find(START, at, end)
        gap = data[at : min(end if following < 0 else following, at + 4096)]
        if gap.strip(b"\0"):
            into.problem(f"{section}: {len(gap)} or more bytes at {at} are no fatbin", weight="damaged")
        if following < 0:
            return
        at = following


def _aligned(at: int) -> int:
    return (at + 7) & ~7


def read_fatbin(data: Buffer, at: int, end: int, into: Collector, *, section: str, place: Place) -> int:
    """Read one fatbin at ``at`` and return where it ends, at most ``end``.

    A size beyond ``end`` is cut and told; an entry that cannot be one ends the reading of this fatbin.
    """
    fields: tuple[int, int, int, int] = HEADER.unpack_from(data, at)
    _, version, header_size, size = fields
    if version != 1 or header_size < HEADER.size:
        into.problem(
            f"{section}: fatbin at byte {at} has version {version}, header size {header_size}", weight="damaged"
        )
    stop = at + max(header_size, HEADER.size) + size
    if stop > end:
        into.problem(f"{section}: fatbin at byte {at} is {stop - end} bytes longer than its section", weight="damaged")
        stop = end
    found: list[tuple[Code, int, int]] = []
    for kind, header, offset in _entries(data, at + max(header_size, HEADER.size), stop, into, section):
        if kind == KIND_CONCATENATED:
            found.extend(_concatenated(data, header, offset, stop, into, section))
        else:
            found.append(_code(header))
    if found:
        into.region(section, place, "fatbin", _without_stub_ptx(found), at=at)
    return max(stop, at + HEADER.size)


def _entries(
    data: Buffer, at: int, stop: int, into: Collector, section: str
) -> Iterator[tuple[int, tuple[int, ...], int]]:
    while at + ENTRY.size <= stop:
        into.step()
        header = ENTRY.unpack_from(data, at)
        if header[2] < ENTRY.size or header[1] != ENTRY_VERSION:
            into.problem(f"{section}: entry at byte {at} has version {header[1]:#06x}, header size {header[2]}")
            return
        following = at + header[2] + header[3]
        if following > stop:
            into.problem(f"{section}: entry at byte {at} reaches {following - stop} bytes too far", weight="damaged")
            return
        yield header[0], header, at
        at = following
    if at < stop and data[at:stop].strip(b"\0"):
        into.problem(f"{section}: {stop - at} bytes at {at} are no entry", weight="damaged")


def _concatenated(
    data: Buffer, header: tuple[int, ...], at: int, stop: int, into: Collector, section: str
) -> list[tuple[Code, int, int]]:
    """Return the code objects of an entry that holds several in one compressed block, from its table.

    The table follows (count, its own bytes with these two numbers). A row is an entry header whose header size is the
    offset in the decompressed block; one with an extension is followed by it, and by at least one zero byte to a
    multiple of eight.
    """
    table = at + header[5]
    room = min(stop, at + header[2])
    compression = header[11] & (FLAG_LZ4 | FLAG_ZSTD)
    found: list[tuple[Code, int, int]] = []
    if header[5] >= ENTRY.size and table + _EXTENSION.size <= room:
        count, size = _EXTENSION.unpack_from(data, table)
        end, row = table + size, table + _EXTENSION.size
        while row + ENTRY.size <= min(end, room) and len(found) < min(count, MAX_CONCATENATED):
            into.step()
            fields: tuple[int, ...] = ENTRY.unpack_from(data, row)
            if fields[1] != ENTRY_VERSION:
                break
            code, _, raw = _code((*fields[:11], fields[11] | compression, *fields[12:]))
            found.append((code, header[3] // count, raw))
            row += _row_bytes(data, row, fields[5], min(end, room))
        if found and len(found) == count and row == end <= room:
            return found
    into.problem(f"{section}: concatenated entry at byte {at} has a table that does not add up", weight="damaged")
    return found


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
_known: dict[tuple[int, ...], Code] = {}


def _code(header: tuple[int, ...]) -> tuple[Code, int, int]:
    """Return (what an entry is, its stored bytes, its uncompressed bytes)."""
    kind, size, compressed, minor, major, number, flags = (header[n] for n in (0, 3, 4, 6, 7, 8, 11))
    raw = header[13] or size
    stub = kind == KIND_ELF and raw <= (STUB_BYTES_SM100 if number >= 100 else STUB_BYTES)
    key = (kind, number, flags & _TOLD_FLAGS, stub, *((major, minor) if kind == KIND_PTX else ()))
    code = _known.get(key)
    if code is None:
        code = _new_code(kind, number, flags, stub=stub, isa=f"{major}.{minor}" if kind == KIND_PTX else "")
        if len(_known) < 4096:
            _known[key] = code
    return code, compressed or size, raw


def _new_code(kind: int, number: int, flags: int, *, stub: bool, isa: str) -> Code:
    compression: Compression = "zstd" if flags & FLAG_ZSTD else "lz4" if flags & FLAG_LZ4 else "none"
    known = _NAMES.get(kind)
    suffix = {0: "", FLAG_ARCH_SPECIFIC: "a", FLAG_FAMILY: "f"}.get(flags & (FLAG_ARCH_SPECIFIC | FLAG_FAMILY), "?")
    if known is None:
        name = "tile-ir" if kind == KIND_TILE else f"kind{kind}"
        return Code(kind="other", arch=f"{name}_{min(number, MAX_CAPABILITY)}{suffix}", compression=compression)
    if not 10 <= number <= MAX_CAPABILITY:
        return Code(kind="other", arch=f"{known[1]} of no architecture", compression=compression)
    return Code(kind=known[0], arch=nvidia_name(known[1], number, suffix), isa=isa, compression=compression, stub=stub)


def _without_stub_ptx(found: list[tuple[Code, int, int]]) -> list[tuple[Code, int]]:
    """Return the codes with small PTX beside nothing but stub cubins marked as a stub too: it has no kernels either."""
    native = [code for code, _, _ in found if code.kind == "sass"]
    if not native or not all(code.stub for code in native):
        return [(code, size) for code, size, _ in found]
    return [
        (_as_stub(code) if code.kind == "ptx" and raw <= STUB_PTX_BYTES else code, size) for code, size, raw in found
    ]


def _as_stub(code: Code) -> Code:
    return Code(kind=code.kind, arch=code.arch, isa=code.isa, compression=code.compression, stub=True)
