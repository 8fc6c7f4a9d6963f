"""Knows how to find device code that a library keeps in its data for itself, where no listing tool looks.

cuFFT from version 12 on, cuBLASLt, cuDNN, cuSPARSELt and others hand fatbins and cubins to the driver themselves;
cuBLASLt keeps cubins as zstd frames. The data sections are searched for the first bytes of each, and every hit is
verified.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.binaries.amd_elf import read_amd_elf
from parity.binaries.cubin import header_code, read_cubin
from parity.binaries.elf import HEADER as ELF_HEADER
from parity.binaries.elf import (
    MACHINE_AMDGPU,
    MACHINE_CUDA,
    SECTION,
    read_elf,
)
from parity.binaries.fatbin import ENTRY, ENTRY_VERSION, HEADER, START, FatbinReader
from parity.binaries.inflate import ZSTD_MAGIC, DamagedStreamError, zstd_decoder, zstd_head

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.binaries.collect import Collector
    from parity.binaries.elf import Section

MIN_SECTION_BYTES = 64 * 1024
_ELF_START = bytes.fromhex("7f454c46020101")
# re finds a literal in a mapped file about twice as fast as mmap.find does
_FATBIN, _ELF, _FRAME = (re.compile(re.escape(literal)) for literal in (START, _ELF_START, ZSTD_MAGIC))
_FRAME_INPUT = 140 * 1024  # one zstd block is at most 128 KiB, compressed or not
MAX_FRAMES = 5000
_SKIPPED = (".eh_frame", ".gcc_except_table", ".debug", ".zdebug", ".comment", ".symtab", ".strtab")


def is_searched(section: Section) -> bool:
    """Return whether a section may hide device code: data, and large enough for a kernel worth hiding."""
    return (
        section.type == 1  # SHT_PROGBITS
        and not section.flags & 0x4  # SHF_EXECINSTR
        and section.end - section.start >= MIN_SECTION_BYTES
        and not section.name.startswith(_SKIPPED)
    )


def scan(data: Buffer, start: int, end: int, into: Collector, *, section: str) -> None:
    """Search ``data[start:end]`` for fatbins, then what lies between them for code objects and zstd frames of them."""
    for first, last in _fatbins(data, start, end, into, section):
        for gap_start, gap_end in _code_objects(data, first, last, into, section):
            _frames(data, gap_start, gap_end, into, section)


def _find(literal: re.Pattern[bytes], data: Buffer, start: int, end: int) -> int:
    """Return where the literal begins, -1 when it is not there."""
    found = literal.search(data, start, end)
    return -1 if found is None else found.start()


def _fatbins(data: Buffer, start: int, end: int, into: Collector, section: str) -> list[tuple[int, int]]:
    """Read the fatbins and return the gaps between them."""
    reader = FatbinReader(data, into, section=section, place="hidden")
    gaps, at, gap = [], start, start
    try:
        while True:
            at = _find(_FATBIN, data, at, end)
            if at < 0:
                gaps.append((gap, end))
                return gaps
            into.step()
            if not _is_fatbin(data, at, end):
                at += len(START)
                continue
            gaps.append((gap, at))
            gap = at = reader.read(at, end)
    finally:
        reader.flush()


def _is_fatbin(data: Buffer, at: int, end: int) -> bool:
    if at + HEADER.size + ENTRY.size > end:
        return False
    _, _, header_size, size = HEADER.unpack_from(data, at)
    header = ENTRY.unpack_from(data, at + header_size)
    return bool(size >= ENTRY.size and header[1] == ENTRY_VERSION and header[2] >= ENTRY.size)


def _code_objects(data: Buffer, start: int, end: int, into: Collector, section: str) -> list[tuple[int, int]]:
    """Read cubins and AMD code objects that lie bare in the data, and return the gaps between them."""
    gaps, at, gap = [], start, start
    while end - start >= ELF_HEADER.size:
        at = _find(_ELF, data, at, end)
        if at < 0:
            break
        machine = int.from_bytes(data[at + 18 : at + 20], "little")
        if machine not in (MACHINE_CUDA, MACHINE_AMDGPU):
            at += len(_ELF_START)
            continue
        stop = _extent(data, at, end, into)
        code = (read_cubin if machine == MACHINE_CUDA else read_amd_elf)(data, at, stop)
        if code is None:
            at += len(_ELF_START)
            continue
        container = "cubin" if machine == MACHINE_CUDA else "code-object"
        into.region(section, "hidden", container, [(code, stop - at)], at=at)
        gaps.append((gap, at))
        gap = at = stop
    gaps.append((gap, end))
    return gaps


def _extent(data: Buffer, at: int, end: int, into: Collector) -> int:
    """Return where a code object in the data ends: the furthest of its header table and sections."""
    found = read_elf(data, at, end)
    into.step(1 + len(found.sections) if found else 1)
    if found is None or not found.sections:
        return min(at + ELF_HEADER.size, end)
    fields: tuple[int, ...] = ELF_HEADER.unpack_from(data, at)[1:]
    table = at + fields[5] + len(found.sections) * max(fields[10], SECTION.size)
    return max(at + ELF_HEADER.size, min(end, max(table, *(section.end for section in found.sections))))


def _frames(data: Buffer, start: int, end: int, into: Collector, section: str) -> None:
    """Read zstd frames whose first bytes are a code object's header; all others are somebody's data."""
    if end - start < ELF_HEADER.size:
        return
    at = _find(_FRAME, data, start, end)
    tried = 0
    while at >= 0:
        if zstd_decoder() is None:
            into.problem(
                f"{section}: zstd data not looked into, no decoder (pip install zstandard)", weight="unsearched"
            )
            return
        tried += 1
        if tried > MAX_FRAMES:
            into.problem(f"{section}: more than {MAX_FRAMES} zstd frames", weight="damaged")
            return
        into.step()
        _frame(data[at : min(end, at + _FRAME_INPUT)], into, section, at)
        at = _find(_FRAME, data, at + len(ZSTD_MAGIC), end)


def _frame(raw: bytes, into: Collector, section: str, at: int) -> None:
    try:
        head = zstd_head(raw, ELF_HEADER.size)
    except DamagedStreamError:
        return
    if head is None or not head.startswith(_ELF_START):
        return
    code = header_code(head, compression="zstd") or read_amd_elf(head, 0, len(head), compression="zstd")
    if code is not None:
        # the frame's length is not known without decompressing it: no bytes are counted
        into.region(section, "hidden", "cubin" if code.kind == "sass" else "code-object", [(code, 0)], at=at)
