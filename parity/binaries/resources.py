"""Knows how to get at the kernels of a file: cubin, fatbin, AMD code object, HIP bundle, or a library with some in it.

Unlike the inventory this has to decompress: what a kernel needs stands inside its code object.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from parity.binaries.amd_resources import amd_kernels
from parity.binaries.bundle_kernels import read_bundles
from parity.binaries.collect import Collector, TooMuchError
from parity.binaries.cubin_resources import cubin_kernels
from parity.binaries.elf import MACHINE_AMDGPU, MACHINE_CUDA, is_elf, read_elf
from parity.binaries.fatbin import START
from parity.binaries.fatbin_code import read_fatbin_code
from parity.binaries.gathered import Found, Gathered
from parity.binaries.hip_bundle import PLAIN, is_packed
from parity.binaries.scan import is_searched, scan
from parity.errors import InputFileError
from parity.inputs import opened

if TYPE_CHECKING:
    from pathlib import Path

    from parity.binaries.buffer import Buffer
    from parity.binaries.elf import Section

MAX_FILE = 16 * 1024**3
_DEVICE_SECTIONS = (".nv_fatbin", "__nv_relfatbin", ".hip_fatbin")


def kernels_of(path: str | Path) -> Found:
    """Return what the kernels of a file need.

    Raises:
        InputFileError: the file cannot be read, or holds no code object.
    """
    where, into = str(path), Gathered()
    try:
        with opened(path) as stream:
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
        read_bundles(data, 0, size, into)
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
            read = read_bundles if section.name.startswith(".hip") else read_fatbin_code
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
