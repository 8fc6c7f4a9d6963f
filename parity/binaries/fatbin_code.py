"""Knows how to get at the cubins in CUDA fatbins, those in concatenated entries of CUDA 13.2 and later included.

Unlike the inventory this has to decompress. An entry whose code cannot be had is a problem that names it: none is
passed over in silence. By hand: ``cuobjdump -res-usage FILE``, of the same toolkit or a later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.binaries.cubin_resources import cubin_kernels
from parity.binaries.elf import is_elf
from parity.binaries.fatbin import (
    ENTRY,
    ENTRY_VERSION,
    FLAG_LZ4,
    FLAG_ZSTD,
    HEADER,
    KIND_CONCATENATED,
    KIND_ELF,
    KIND_LTO,
    KIND_PTX,
    MAX_CAPABILITY,
    START,
    concatenated_rows,
    suffix_of,
)
from parity.binaries.inflate import DamagedStreamError, zstd_head
from parity.binaries.lz4 import lz4_block
from parity.model.arch import nvidia_name
from parity.model.code_objects import Code

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.binaries.gathered import Gathered

_KIND, _VERSION, _HEADER, _SIZE, _PACKED, _MINOR, _MAJOR, _NUMBER, _FLAGS, _PLAIN = 0, 1, 2, 3, 4, 6, 7, 8, 11, 13
_LEAST_CAPABILITY = 10


def read_fatbin_code(data: Buffer, start: int, end: int, into: Gathered) -> None:
    """Gather the kernels of the fatbins in ``data[start:end]``, wherever they begin."""
    at = data.find(START, start, end)
    while at >= 0:
        size = HEADER.unpack_from(data, at)[3] if at + HEADER.size <= end else 0
        first, stop = at + HEADER.size, min(end, at + HEADER.size + size)
        if first + size > end:
            into.problem("a fatbin is cut")
        _entries(data, first, stop, into)
        at = data.find(START, max(stop, first), end)


def _entries(data: Buffer, at: int, stop: int, into: Gathered) -> None:
    while at + ENTRY.size <= stop:
        fields: tuple[int, ...] = ENTRY.unpack_from(data, at)
        header, size = fields[_HEADER], fields[_SIZE]
        if fields[_VERSION] != ENTRY_VERSION or header < ENTRY.size or at + header + size > stop:
            into.problem("a fatbin has an entry that cannot be one")
            return
        if fields[_KIND] == KIND_CONCATENATED:
            _concatenated(data, at, fields, stop, into)
        elif _is_native(fields, into):
            raw = _code(data, at, fields, into)
            if raw is not None:
                _cubin(raw, fields, into)
        at += header + size
    if at < stop and data[at:stop].strip(b"\0"):
        into.problem("a fatbin ends in bytes that are no entry")


def _concatenated(data: Buffer, at: int, entry: tuple[int, ...], stop: int, into: Gathered) -> None:
    """Gather the kernels of an entry that holds several code objects in one compressed block."""
    rows, whole = concatenated_rows(data, at, stop)
    if not whole:
        into.problem("a concatenated entry has a table that does not add up")
    native = [row for row in rows if _is_native(row, into)]
    if not native:
        return
    block = _code(data, at, entry, into)
    if block is None:
        return
    for row in native:
        first, last = row[_HEADER], row[_HEADER] + row[_SIZE]
        if last > len(block):
            into.problem("a code object of a concatenated entry reaches beyond what it unpacks to")
        else:
            _cubin(block[first:last], row, into)


def _is_native(fields: tuple[int, ...], into: Gathered) -> bool:
    """Return whether an entry is SASS of an architecture; PTX is gathered, and everything else told."""
    kind, number = fields[_KIND], fields[_NUMBER]
    if kind not in (KIND_ELF, KIND_PTX, KIND_LTO):
        into.problem(f"an entry of kind {kind:#x} is not looked into")
    elif not _LEAST_CAPABILITY <= number <= MAX_CAPABILITY:
        into.problem(f"an entry of no architecture ({number}) is not looked into")
    elif kind == KIND_PTX:
        name = nvidia_name("compute", number, suffix_of(fields[_FLAGS]))
        into.add_ptx(Code(kind="ptx", arch=name, isa=f"{fields[_MAJOR]}.{fields[_MINOR]}"))
    return kind == KIND_ELF and _LEAST_CAPABILITY <= number <= MAX_CAPABILITY


def _cubin(raw: bytes, fields: tuple[int, ...], into: Gathered) -> None:
    """Gather the kernels of a cubin; the entry knows the suffix of its architecture better than the cubin does."""
    arch = nvidia_name("sm", fields[_NUMBER], suffix_of(fields[_FLAGS]))
    if not is_elf(raw):
        into.problem(f"an entry for {arch} holds no cubin")
        return
    kernels, problems = cubin_kernels(raw, 0, len(raw))
    into.add([msgspec.structs.replace(kernel, arch=arch) for kernel in kernels], problems)


def _code(data: Buffer, at: int, fields: tuple[int, ...], into: Gathered) -> bytes | None:
    """Return what an entry holds, decompressed, None with a problem when that cannot be had."""
    flags, plain, first = fields[_FLAGS], fields[_PLAIN], at + fields[_HEADER]
    raw = data[first : first + (fields[_PACKED] or fields[_SIZE])]
    if not into.spend(plain if flags & (FLAG_LZ4 | FLAG_ZSTD) else len(raw)):
        return None
    try:
        if flags & FLAG_LZ4:
            return lz4_block(raw, plain)
        told = zstd_head(raw, plain) if flags & FLAG_ZSTD else raw
    except DamagedStreamError as error:
        into.problem(f"damaged: {error}")
        return None
    if told is None:
        into.problem("compressed code, and no zstd decoder (pip install zstandard)")
    return told
