"""Knows how to get at the kernels of a file: cubin, fatbin, AMD code object, HIP bundle, or a library with some in it.

Unlike the inventory this has to decompress: what a kernel needs stands inside its code object.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from parity.binaries.amd_resources import amd_kernels
from parity.binaries.cubin_resources import cubin_kernels
from parity.binaries.elf import MACHINE_AMDGPU, MACHINE_CUDA, is_elf, read_elf
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
from parity.binaries.hip_bundle import PACKED, PLAIN, DamagedBundleError, is_packed, table
from parity.binaries.inflate import DamagedStreamError, zlib_head, zstd_head
from parity.binaries.lz4 import lz4_block
from parity.errors import InputFileError
from parity.model.arch import nvidia_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.binaries.buffer import Buffer
    from parity.model.kernel_resources import KernelNeeds

MAX_OBJECT = 256 * 1024 * 1024  # one code object, decompressed
MAX_TOTAL = 2 * 1024**3
MAX_FILE = 16 * 1024**3
MAX_KERNELS = 50_000
_PACKED_HEAD = struct.Struct("<4sHH")
_HEADERS = {1: 20, 2: 24, 3: 32}
_DEVICE_SECTIONS = (".nv_fatbin", "__nv_relfatbin", ".hip_fatbin")


class Found(NamedTuple):
    """The kernels of a file.

    Attributes:
        problems: what could not be read, each once.
        left_out: kernels beyond the most that is read.
    """

    kernels: tuple[KernelNeeds, ...]
    problems: tuple[str, ...]
    left_out: int


class _Gathered:
    """Kernels found so far, and how much was decompressed for them."""

    def __init__(self) -> None:
        self.kernels: list[KernelNeeds] = []
        self.problems: dict[str, None] = {}
        self.left_out = 0
        self.spent = 0

    def add(self, kernels: list[KernelNeeds], problems: list[str]) -> None:
        room = MAX_KERNELS - len(self.kernels)
        self.kernels += kernels[:room]
        self.left_out += max(0, len(kernels) - room)
        self.problems |= dict.fromkeys(problems)

    def spend(self, size: int) -> bool:
        """Return whether so many bytes may still be decompressed."""
        if size > MAX_OBJECT or self.spent + size > MAX_TOTAL:
            self.problems["more code than is decompressed for one question: not read to the end"] = None
            return False
        self.spent += size
        return True


def kernels_of(path: str | Path) -> Found:
    """Return what the kernels of a file need.

    Raises:
        InputFileError: the file cannot be read, or holds no code object.
    """
    where, into = str(path), _Gathered()
    try:
        with Path(path).open("rb") as stream:
            size = stream.seek(0, 2)
            if not 64 <= size <= MAX_FILE:
                raise InputFileError(f"a file of {size} bytes", where=where, mend="give a cubin, fatbin or code object")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                known = _read(data, into)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise InputFileError(f"cannot be read: {what}", where=where, mend="check the path") from error
    if not known:
        raise InputFileError(
            "no cubin, fatbin, AMD code object, HIP bundle, or library with one of them",
            where=where,
            mend="for Triton kernels, give the .cubin or .hsaco in its cache folder",
        )
    return Found(tuple(into.kernels), tuple(into.problems), into.left_out)


def _read(data: Buffer, into: _Gathered) -> bool:
    """Read the file; False when it is none of the kinds."""
    size = len(data)
    if data[:8] == START:
        _fatbins(data, 0, size, into)
    elif data[: len(PLAIN)] == PLAIN or is_packed(data[:8]):
        _bundles(data, 0, size, into)
    elif is_elf(data):
        return _elf(data, into)
    else:
        return False
    return True


def _elf(data: Buffer, into: _Gathered) -> bool:
    found = read_elf(data, 0, len(data))
    if found is None:
        return False
    if found.machine == MACHINE_CUDA:
        into.add(*cubin_kernels(data, 0, len(data)))
        return True
    if found.machine == MACHINE_AMDGPU:
        into.add(*amd_kernels(data, 0, len(data)))
        return True
    furthest = 0
    for section in sorted(found.sections, key=lambda one: one.start):
        if section.name.startswith(_DEVICE_SECTIONS) and section.end > max(section.start, furthest):
            read = _bundles if section.name.startswith(".hip") else _fatbins
            read(data, max(section.start, furthest), section.end, into)
            furthest = section.end
    return furthest > 0


def _fatbins(data: Buffer, start: int, end: int, into: _Gathered) -> None:
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


def _native(data: Buffer, at: int, stop: int, into: _Gathered) -> Iterator[tuple[bytes, str]]:
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


def _unpacked(raw: bytes, flags: int, plain: int, into: _Gathered) -> bytes | None:
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


def _bundles(data: Buffer, start: int, end: int, into: _Gathered) -> None:
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


def _bundle(data: Buffer, at: int, end: int, into: _Gathered) -> int:
    """Read a plain bundle and return where it ends."""
    try:
        entries, stop = table(data, at, end)
    except DamagedBundleError as error:
        into.problems[f"damaged bundle: {error}"] = None
        return at + len(PLAIN)
    for entry in entries:
        first, last = at + entry.offset, at + entry.offset + entry.size
        if last > end:
            into.problems["a bundle is cut"] = None
        elif entry.size and not entry.target.startswith("host") and is_elf(data, first):
            into.add(*amd_kernels(data, first, last))
            stop = max(stop, last)
    return max(stop, at + len(PLAIN))


def _packed_bundle(data: Buffer, at: int, end: int, into: _Gathered) -> int:
    """Read a compressed bundle and return where it ends; version 1 does not say: the search goes on behind it."""
    _, version, method = _PACKED_HEAD.unpack_from(data, at)
    header = _HEADERS[version]
    if at + header > end:
        into.problems["a compressed bundle is cut"] = None
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


def _inflated(raw: bytes, method: int, plain: int, into: _Gathered) -> bytes | None:
    if not into.spend(plain):
        return None
    try:
        told = zstd_head(raw, plain) if method else zlib_head(raw, plain)
    except DamagedStreamError as error:
        into.problems[f"damaged bundle: {error}"] = None
        return None
    if told is None:
        into.problems["a compressed bundle, and no zstd decoder (pip install zstandard)"] = None
    return told
