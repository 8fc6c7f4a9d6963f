"""Knows how to decompress one LZ4 block, within bounds: the format is small, and no decoder ships with Python."""

from __future__ import annotations

from parity.binaries.inflate import DamagedStreamError

_LEAST_MATCH, _LONG = 4, 15


def lz4_block(raw: bytes, limit: int) -> bytes:
    """Return the decompressed block, at most ``limit`` bytes.

    Raises:
        DamagedStreamError: the data are no LZ4 block.

    >>> lz4_block(bytes([0x35, 97, 98, 99, 3, 0, 0x10, 33]), 64)
    b'abcabcabcabc!'
    """
    told = bytearray()
    at, end = 0, len(raw)
    while at < end and len(told) < limit:
        token = raw[at]
        count, at = _length(raw, at + 1, token >> 4)
        if at + count > end:
            raise DamagedStreamError("a run of literals is cut")
        told += raw[at : at + count]
        at += count
        if at >= end:
            break
        if at + 2 > end:
            raise DamagedStreamError("an offset is cut")
        back = raw[at] | raw[at + 1] << 8
        count, at = _length(raw, at + 2, token & 0xF)
        if not 0 < back <= len(told):
            raise DamagedStreamError("an offset before the beginning")
        _repeat(told, back, min(count + _LEAST_MATCH, limit - len(told)))
    return bytes(told[:limit])


def _length(raw: bytes, at: int, count: int) -> tuple[int, int]:
    if count < _LONG:
        return count, at
    while at < len(raw):
        more = raw[at]
        at, count = at + 1, count + more
        if more != 255:
            return count, at
    raise DamagedStreamError("a length is cut")


def _repeat(told: bytearray, back: int, count: int) -> None:
    """Append ``count`` bytes from ``back`` bytes ago, which may reach into what is being appended."""
    if count <= 0:
        return
    piece = told[-back:] if back >= count else told[-back:] * (count // back + 1)
    told += piece[:count]
