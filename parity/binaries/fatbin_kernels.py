"""Knows how to get at the kernels of CUDA fatbins, which have to be decompressed for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.binaries.cubin_resources import cubin_kernels
from parity.binaries.fatbin import (
    ENTRY,
    ENTRY_VERSION,
    FLAG_ARCH_SPECIFIC,
    FLAG_FAMILY,
    FLAG_LZ4,
    FLAG_ZSTD,
    HEADER,
    KIND_CONCATENATED,
    KIND_ELF,
    MAX_CAPABILITY,
    START,
)
from parity.binaries.inflate import DamagedStreamError, zstd_head
from parity.binaries.lz4 import lz4_block
from parity.model.arch import nvidia_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.binaries.buffer import Buffer
    from parity.binaries.gathered import Gathered
    from parity.model.kernel_resources import KernelNeeds


def read_fatbins(data: Buffer, start: int, end: int, into: Gathered) -> None:
    """Gather the kernels of each fatbin between two offsets."""
    at = data.find(START, start, end)
    while at >= 0:
        size = HEADER.unpack_from(data, at)[3] if at + HEADER.size <= end else 0
        stop = min(end, at + HEADER.size + size)
        if at + HEADER.size + size > end:
            into.problems["a fatbin is cut"] = None
        for raw, arch in _native(data, at + HEADER.size, stop, into):
            kernels, problems = cubin_kernels(raw, 0, len(raw))
            into.add([_renamed(kernel, arch) for kernel in kernels], problems)
        at = data.find(START, max(stop, at + HEADER.size), end)


def _renamed(kernel: KernelNeeds, arch: str) -> KernelNeeds:
    """Return the kernel with the architecture of the fatbin's entry, which knows the suffix better than the cubin."""
    return msgspec.structs.replace(kernel, arch=arch)


def _native(data: Buffer, at: int, stop: int, into: Gathered) -> Iterator[tuple[bytes, str]]:
    """Yield (cubin, architecture) of the entries of one fatbin."""
    while at + ENTRY.size <= stop:
        fields = ENTRY.unpack_from(data, at)
        kind, version, header, size, packed, flags, plain = *fields[:5], fields[11], fields[13]
        if version != ENTRY_VERSION or header < ENTRY.size or at + header + size > stop:
            into.problems["a fatbin has an entry that cannot be one"] = None
            return
        if kind == KIND_CONCATENATED:
            into.problems["code in a concatenated entry (CUDA 13.2 and later) is not looked into"] = None
        elif kind == KIND_ELF and 10 <= fields[8] <= MAX_CAPABILITY:
            first = at + header
            raw = _unpacked(data[first : first + (packed or size)], flags, plain, into)
            suffix = {FLAG_ARCH_SPECIFIC: "a", FLAG_FAMILY: "f"}.get(flags & (FLAG_ARCH_SPECIFIC | FLAG_FAMILY), "")
            if raw is not None:
                yield raw, nvidia_name("sm", fields[8], suffix)
        at += header + size


def _unpacked(raw: bytes, flags: int, plain: int, into: Gathered) -> bytes | None:
    if not into.spend(plain if flags & (FLAG_LZ4 | FLAG_ZSTD) else len(raw)):
        return None
    try:
        if flags & FLAG_LZ4:
            return lz4_block(raw, plain)
        told = zstd_head(raw, plain) if flags & FLAG_ZSTD else raw
    except DamagedStreamError as error:
        into.problems[f"damaged: {error}"] = None
        return None
    if told is None:
        into.problems["compressed code, and no zstd decoder (pip install zstandard)"] = None
    return told
