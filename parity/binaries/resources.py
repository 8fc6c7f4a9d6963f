"""Knows how to get at the kernels of a file: cubin, fatbin, AMD code object, HIP bundle, or a library with some in it.

Unlike the inventory this has to decompress: what a kernel needs stands inside its code object.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from parity.binaries.amd_resources import amd_kernels
from parity.binaries.collect import Collector, TooMuchError
from parity.binaries.cubin_resources import cubin_kernels
from parity.binaries.elf import MACHINE_AMDGPU, MACHINE_CUDA, is_elf, read_elf
from parity.binaries.fatbin import START
from parity.binaries.fatbin_code import read_fatbin_code
from parity.binaries.gathered import MAX_OBJECT, Found, Gathered
from parity.binaries.hip_bundle import PACKED, PLAIN, DamagedBundleError, is_packed, table
from parity.binaries.inflate import DamagedStreamError, zlib_head, zstd_head
from parity.binaries.scan import is_searched, scan
from parity.errors import InputFileError

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.binaries.elf import Section

MAX_FILE = 16 * 1024**3
_PACKED_HEAD = struct.Struct("<4sHH")
_HEADERS = {1: 20, 2: 24, 3: 32}
_DEVICE_SECTIONS = (".nv_fatbin", "__nv_relfatbin", ".hip_fatbin")


def kernels_of(path: str | Path) -> Found:
    """Return what the kernels of a file need.

    Raises:
        InputFileError: the file cannot be read, or holds no code object.
    """
    where, into = str(path), Gathered()
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
    return into.found()


def _read(data: Buffer, into: Gathered) -> bool:
    """Read the file; False when it is none of the kinds."""
    size = len(data)
    if data[:8] == START:
        read_fatbin_code(data, 0, size, into)
    elif data[: len(PLAIN)] == PLAIN or is_packed(data[:8]):
        _bundles(data, 0, size, into)
    elif is_elf(data):
        return _elf(data, into)
    else:
        return False
    return True


def _elf(data: Buffer, into: Gathered) -> bool:
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
        if _holds_code(section) and section.end > max(section.start, furthest):
            read = _bundles if section.name.startswith(".hip") else read_fatbin_code
            read(data, max(section.start, furthest), section.end, into)
            furthest = section.end
    searched = [section for section in found.sections if is_searched(section) and not _holds_code(section)]
    hidden = [_hidden(data, section, into) for section in searched]
    return furthest > 0 or any(hidden)


def _holds_code(section: Section) -> bool:
    return section.name.startswith(_DEVICE_SECTIONS)


def _hidden(data: Buffer, section: Section, into: Gathered) -> bool:
    """Gather the kernels of fatbins that a library keeps in its data, and tell what else of device code is there."""
    collector = Collector()
    try:
        scan(data, section.start, section.end, collector, section=section.name)
    except TooMuchError:
        into.problem(f"{section.name} has more headers than any library: not read to the end")
    groups = collector.library("", 0).regions
    if any(group.container == "fatbin" for group in groups):
        read_fatbin_code(data, section.start, section.end, into)
    bare = sum(group.count for group in groups if group.container != "fatbin")
    if bare:
        into.problem(f"{bare} code objects that lie bare in the data of {section.name} are not looked into")
    return bool(groups)


def _bundles(data: Buffer, start: int, end: int, into: Gathered) -> None:
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
