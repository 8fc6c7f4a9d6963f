"""Knows offload bundles of HIP: a table of target ids before the code objects, plain or compressed as a whole (CCOB).

A section such as ``.hip_fatbin`` holds bundles one after another. The size in the header of a compressed bundle
(versions 2 and 3) is the only way to its end: its payload may contain the magic of the next. Version 1 has no such
size.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from parity.binaries.amd_elf import read_amd_elf
from parity.binaries.inflate import DamagedStreamError, zlib_head, zstd_head
from parity.model.arch import AmdArch, parse_arch
from parity.model.code_objects import Code

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.binaries.collect import Collector
    from parity.model.code_objects import Compression, Place

PLAIN, PACKED = b"__CLANG_OFFLOAD_BUNDLE__", b"CCOB"
_COUNT = struct.Struct("<Q")
_ENTRY = struct.Struct("<QQQ")
_PACKED_HEAD = struct.Struct("<4sHH")
_STRETCH = 4096
_METHODS: dict[int, Compression] = {0: "zlib", 1: "zstd"}
_HEADERS = {1: (20, 0), 2: (24, 4), 3: (32, 8)}  # version -> (header bytes, bytes of its total size)
MAX_ENTRIES, MAX_ID = 4096, 512
TABLE_BYTES = 64 * 1024  # decompressed; the table of a bundle for 20 targets takes 2 KiB
INPUT_BYTES = 512 * 1024  # compressed; the first zstd block is at most 128 KiB


class Entry(NamedTuple):
    """One row of a bundle's table."""

    offset: int
    size: int
    target: str


class DamagedBundleError(Exception):
    """The table of a bundle cannot be read."""


def read_bundles(data: Buffer, start: int, end: int, into: Collector, *, section: str, place: Place) -> None:
    """Read the bundles in ``data[start:end]``, one after another with padding between."""
    at = start
    while at < end:
        into.step()
        head = data[at : min(at + len(PLAIN), end)]
        if head == PLAIN:
            at = read_plain(data, at, end, into, section=section, place=place)
        elif head[:4] == PACKED:
            at = read_packed(data, at, end, into, section=section, place=place)
        else:
            following = _next(data, at, end)
            gap = data[at : min(following, at + 4096)]
            if gap.strip(b"\0"):
                into.problem(f"{section}: bytes at {at} are no bundle", weight="damaged")
            at = following


def _next(data: Buffer, at: int, end: int) -> int:
    """Return where the next bundle begins, ``end`` when there is none.

    It looks a little at a time: a search to the end for each of many bundles would never come to one.
    """
    while at < end:
        stop = min(end, at + _STRETCH + len(PLAIN))
        plain, packed = data.find(PLAIN, at, stop), data.find(PACKED, at, stop)
        while packed >= 0 and not is_packed(data[packed : packed + _PACKED_HEAD.size]):
            packed = data.find(PACKED, packed + 1, stop)
        found = [place for place in (plain, packed) if place >= 0]
        if found:
            return min(found)
        at += _STRETCH
    return end


def says_bundle(head: bytes) -> bool:
    """Return whether a file that begins so says it is a bundle, plain or compressed, of whatever version."""
    packed = head.startswith(PACKED) and len(head) >= _PACKED_HEAD.size and head[5] == head[7] == 0
    return packed or head.startswith(PLAIN)


def is_packed(head: bytes) -> bool:
    """Return whether these bytes begin a compressed bundle of a version known here, not just four letters of data."""
    if len(head) < _PACKED_HEAD.size:
        return False
    magic, version, method = _PACKED_HEAD.unpack_from(head)
    return bool(magic == PACKED and version in _HEADERS and method in _METHODS)


def read_plain(data: Buffer, at: int, end: int, into: Collector, *, section: str, place: Place) -> int:
    """Read one plain bundle and return where it ends, at most ``end``; damage is told."""
    try:
        entries, stop = table(data, at, end)
    except DamagedBundleError as error:
        into.problem(f"{section}: bundle at byte {at}: {error}", weight="damaged")
        return at + len(PLAIN)
    found = []
    for entry in entries:
        first, last = at + entry.offset, at + entry.offset + entry.size
        stop = max(stop, min(last, end))
        if last > end:
            into.problem(
                f"{section}: bundle at byte {at}: {entry.target[:80]} reaches beyond the section", weight="damaged"
            )
            continue
        code = target_code(entry.target)
        if code is None or not entry.size:
            continue
        inner = read_amd_elf(data, first, last)
        if code.kind == "amd" and inner is not None and inner.generic_version:
            code = Code(kind="amd", arch=code.arch, generic_version=inner.generic_version)
        found.append((code, entry.size))
    into.step(len(entries))
    if found:
        into.region(section, place, "bundle", found, at=at)
    return max(stop, at + len(PLAIN))


def table(data: Buffer, at: int, end: int) -> tuple[list[Entry], int]:
    """Return (the rows of a plain bundle's table, where the table ends).

    Raises:
        DamagedBundleError: the table is cut or cannot be one.
    """
    at += len(PLAIN)
    if at + _COUNT.size > end:
        raise DamagedBundleError("cut before its table")
    (count,) = _COUNT.unpack_from(data, at)
    at += _COUNT.size
    if count > MAX_ENTRIES:
        raise DamagedBundleError(f"a table of {count} rows")
    entries = []
    for _ in range(count):
        if at + _ENTRY.size > end:
            raise DamagedBundleError("its table is cut")
        offset, size, length = _ENTRY.unpack_from(data, at)
        at += _ENTRY.size
        if length > MAX_ID or at + length > end:
            raise DamagedBundleError(f"a target id of {length} bytes")
        entries.append(Entry(offset, size, data[at : at + length].decode("utf-8", "replace")))
        at += length
    return entries, at


def target_code(target: str, *, compression: Compression = "none") -> Code | None:
    """Return what a bundle entry is for: ``hipv4-amdgcn-amd-amdhsa--gfx942:xnack-``; None for the host's.

    >>> target_code("hipv4-amdgcn-amd-amdhsa--gfx942:sramecc+:xnack-").arch
    'gfx942:sramecc+:xnack-'
    >>> target_code("host-x86_64-unknown-linux--") is None
    True
    """
    kind, _, rest = target.partition("-")
    if kind == "host":
        return None
    found = parse_arch(rest.rpartition("amdhsa")[2].lstrip("-"))
    if kind in ("hip", "hipv4", "openmp") and isinstance(found, AmdArch):
        return Code(kind="amd", arch=str(found), compression=compression)
    return Code(kind="other", arch=_plain(target), compression=compression)


def _plain(target: str) -> str:
    text = "".join(one if one.isalnum() or one in "-_.:+" else "?" for one in target[:80])
    return text or "unnamed target"


def read_packed(data: Buffer, at: int, end: int, into: Collector, *, section: str, place: Place) -> int:
    """Read one compressed bundle and return where it ends, at most ``end``; damage is told."""
    where = f"{section}: compressed bundle at byte {at}"
    if at + 32 > end:
        into.problem(f"{where} is cut", weight="damaged")
        return end
    _, version, method = _PACKED_HEAD.unpack_from(data, at)
    if version not in _HEADERS or method not in _METHODS:
        into.problem(f"{where} has version {version}, method {method}", weight="damaged")
        return min(_next(data, at + 4, end), end)
    header, width = _HEADERS[version]
    total = int.from_bytes(data[at + 8 : at + 8 + width], "little")
    stop = at + total if width else min(_next(data, at + 4, end), end)
    if width and total < header:
        into.problem(f"{where} says it is {total} bytes long", weight="damaged")
        return min(_next(data, at + 4, end), end)
    if stop > end:
        into.problem(f"{where} is {stop - end} bytes longer than its section", weight="damaged")
        stop = end
    compression = _METHODS[method]
    try:
        found = _packed_codes(data[at + header : min(stop, at + header + INPUT_BYTES)], compression)
    except (DamagedBundleError, DamagedStreamError) as error:
        into.problem(f"{where}: {error}", weight="damaged")
        return stop
    if found is None:
        into.problem(f"{where}: targets unknown, no zstd decoder (pip install zstandard)", weight="skipped")
    elif found:
        into.region(section, place, "bundle", found, at=at)
    return stop


def _packed_codes(raw: bytes, compression: Compression) -> list[tuple[Code, int]] | None:
    head = zlib_head(raw, TABLE_BYTES) if compression == "zlib" else zstd_head(raw, TABLE_BYTES)
    if head is None:
        return None
    if not head.startswith(PLAIN):
        raise DamagedBundleError("holds no bundle")
    entries, _ = table(head, 0, len(head))
    codes = ((target_code(entry.target, compression=compression), entry.size) for entry in entries)
    return [(code, size) for code, size in codes if code is not None and size]
