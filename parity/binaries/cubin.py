"""Knows cubins: which architecture a CUDA ELF file is for, with its suffix where the file tells it.

The suffix moved about: old ABI (CUDA up to 12.x, below sm_100) has a bit in the flags; the new ABI has another bit
(12.8, 12.9) or an attribute in ``.nv.compat`` (13.x) for ``a``, and nothing but the ptxas command line noted in
``.note.nv.tkinfo`` for ``f``. Without that note a cubin of sm_90 and up may be plain or ``f``: the suffix is ``?``.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from parity.binaries.elf import HEADER, MACHINE_CUDA, Elf, read_elf
from parity.binaries.fatbin import STUB_BYTES, STUB_BYTES_SM100
from parity.model.arch import nvidia_name
from parity.model.code_objects import Code

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.model.code_objects import Compression

OLD_ABI, NEW_ABI = (0x33, 7), (0x41, 8)
OLD_ARCH_SPECIFIC, NEW_ARCH_SPECIFIC = 0x800, 0x8
FIRST_SUFFIXED = 90  # the old bit is set on some cubins of sm_50 to sm_61, where it means something else
COMPAT, TOOLKIT_NOTE = ".nv.compat", ".note.nv.tkinfo"
_FORMAT_SHORT, _FORMAT_SIZED, _ACCELERATOR_TARGET = 2, 4, 9
_RECORD = struct.Struct("<BBH")
_MAX_NOTE = 64 * 1024
_ARCH_OPTION = re.compile(rb"-arch[ =]+(?:sm|compute)_(\d{2,4})([af]?)\b")


def read_cubin(
    data: Buffer, start: int, end: int, *, found: Elf | None = None, compression: Compression = "none"
) -> Code | None:
    """Return what the cubin in ``data[start:end]`` is for, None when it is no cubin or names no architecture.

    ``found``: what was read of it as an ELF file, if the caller has that.
    """
    found = found or read_elf(data, start, end)
    if found is None or found.machine != MACHINE_CUDA:
        return None
    number = capability(found.abi, found.flags)
    if number < 10:
        return None
    limit = STUB_BYTES_SM100 if number >= 100 else STUB_BYTES
    suffix = _suffix(data, found, number)
    return Code(
        kind="sass",
        arch=nvidia_name("sm", number, suffix),
        compression=compression,
        stub=compression == "none" and end - start <= limit,
    )


def capability(abi: tuple[int, int], flags: int) -> int:
    """Return the capability number (90, 103) that the header's flags name."""
    return flags & 0xFF if abi == OLD_ABI else (flags >> 8) & 0xFF


def header_code(raw: bytes, *, compression: Compression) -> Code | None:
    """Return what a cubin is for by its first 64 bytes alone; the new ABI's suffix stays unknown then."""
    if len(raw) < HEADER.size:
        return None
    return read_cubin(raw[: HEADER.size], 0, HEADER.size, compression=compression)


def _suffix(data: Buffer, found: Elf, number: int) -> str:
    if number < FIRST_SUFFIXED:
        return ""
    if found.abi == OLD_ABI:
        return "a" if found.flags & OLD_ARCH_SPECIFIC else ""
    if found.flags & NEW_ARCH_SPECIFIC:
        return "a"
    for section in found.sections:
        if section.name == COMPAT and _is_arch_specific(data[section.start : min(section.end, section.start + 4096)]):
            return "a"
    for section in found.sections:
        if section.name == TOOLKIT_NOTE:
            told = _ARCH_OPTION.search(data[section.start : min(section.end, section.start + _MAX_NOTE)])
            if told and int(told[1]) == number:
                return told[2].decode()
    return "?"


def _is_arch_specific(raw: bytes) -> bool:
    """Return whether records of (format, attribute, value) name an accelerator target; sized ones carry their data."""
    at = 0
    while at + _RECORD.size <= len(raw):
        form, attribute, value = _RECORD.unpack_from(raw, at)
        if form == _FORMAT_SHORT and attribute == _ACCELERATOR_TARGET:
            return bool(value == 1)
        at += _RECORD.size + (value if form == _FORMAT_SIZED else 0)
    return False
