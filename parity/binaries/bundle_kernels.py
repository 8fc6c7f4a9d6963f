"""Knows how to get at the kernels of HIP bundles, plain and compressed."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from parity.binaries.amd_resources import amd_kernels
from parity.binaries.elf import is_elf
from parity.binaries.gathered import MAX_OBJECT, Gathered
from parity.binaries.hip_bundle import PACKED, PLAIN, DamagedBundleError, is_packed, table
from parity.binaries.inflate import DamagedStreamError, zlib_head, zstd_head

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer


_PACKED_HEAD = struct.Struct("<4sHH")
_HEADERS = {1: 20, 2: 24, 3: 32}


def read_bundles(data: Buffer, start: int, end: int, into: Gathered) -> None:
    """Gather the kernels of each bundle between two offsets."""
    at = start
    while at < end:
        plain, packed = data.find(PLAIN, at, end), data.find(PACKED, at, end)
        here = min((place for place in (plain, packed) if place >= 0), default=-1)
        if here < 0:
            return
        if here == plain:
            at = _bundle(data, here, end, into)
        elif is_packed(data[here : here + _PACKED_HEAD.size]):
            at = _packed_bundle(data, here, end, into)
        else:
            at = here + len(PACKED)


def _bundle(data: Buffer, at: int, end: int, into: Gathered) -> int:
    """Read a plain bundle and return where it ends."""
    try:
        entries, stop = table(data, at, end)
    except DamagedBundleError as error:
        into.problem(f"damaged bundle: {error}")
        return at + len(PLAIN)
    for entry in entries:
        first, last = at + entry.offset, at + entry.offset + entry.size
        if last > end:
            into.problem("a bundle is cut")
        elif entry.size and not entry.target.startswith("host") and is_elf(data, first):
            into.add(*amd_kernels(data, first, last))
            stop = max(stop, last)
    return max(stop, at + len(PLAIN))


def _packed_bundle(data: Buffer, at: int, end: int, into: Gathered) -> int:
    """Read a compressed bundle and return where it ends; version 1 does not say: the search goes on behind it."""
    _, version, method = _PACKED_HEAD.unpack_from(data, at)
    header = _HEADERS[version]
    if at + header > end:
        into.problem("a compressed bundle is cut")
        return end
    wide = version == 3
    total = int.from_bytes(data[at + 8 : at + (16 if wide else 12)], "little") if version > 1 else 0
    place = {1: 8, 2: 12, 3: 16}[version]
    plain = int.from_bytes(data[at + place : at + place + (8 if wide else 4)], "little")
    stop = min(end, at + total) if total >= header else end
    raw = _inflated(data[at + header : min(stop, at + header + MAX_OBJECT)], method, plain, into)
    if raw is not None and raw.startswith(PLAIN):
        _bundle(raw, 0, len(raw), into)
    return stop if total >= header else at + header


def _inflated(raw: bytes, method: int, plain: int, into: Gathered) -> bytes | None:
    if not into.spend(plain):
        return None
    try:
        told = zstd_head(raw, plain) if method else zlib_head(raw, plain)
    except DamagedStreamError as error:
        into.problem(f"damaged bundle: {error}")
        return None
    if told is None:
        into.problem("a compressed bundle, and no zstd decoder (pip install zstandard)")
    return told
