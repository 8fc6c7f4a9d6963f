"""Knows ELF64 files, little-endian: header and section table, nothing else, and never beyond the data."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer

MAGIC = b"\x7fELF"
CLASS_64, LITTLE_ENDIAN = 2, 1
MACHINE_CUDA, MACHINE_AMDGPU = 190, 224
TYPE_RELOCATABLE = 1
SECTION_PROGBITS, SECTION_NOTE, SECTION_NOBITS = 1, 7, 8
FLAG_EXECUTABLE = 0x4
EI_OSABI, EI_ABIVERSION = 7, 8
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
MAX_SECTIONS = 100_000  # an object file with one section per function has some ten thousand
MAX_NAME = 4096  # .nv.info.KERNEL has the mangled name of a template
MAX_NAMES = 16 * 1024 * 1024  # bytes of all section names; the largest seen are some hundred thousand
_EXTENDED = 0xFFFF


class Section(NamedTuple):
    """One section: where its bytes lie in the data, already cut to it.

    Attributes:
        size: as the table states it, also of sections without bytes in the file.
        link: another section that it refers to.
    """

    name: str
    type: int
    flags: int
    start: int
    end: int
    size: int = 0
    link: int = 0


class Elf(NamedTuple):
    """What the header and the section table say.

    Attributes:
        abi: (EI_OSABI, EI_ABIVERSION).
        sections: empty when the file is wholly stripped.
        problems: what does not add up; sections may be missing then.
    """

    type: int
    machine: int
    abi: tuple[int, int]
    flags: int
    sections: tuple[Section, ...]
    problems: tuple[str, ...]


def is_elf(data: Buffer, at: int = 0) -> bool:
    """Return whether a 64-bit little-endian ELF file begins at ``at``."""
    return data[at : at + 6] == MAGIC + bytes((CLASS_64, LITTLE_ENDIAN))


def read_elf(data: Buffer, start: int, end: int) -> Elf | None:
    """Return the ELF file in ``data[start:end]``, None when it is none or its header is cut."""
    if end - start < HEADER.size or not is_elf(data, start):
        return None
    fields = HEADER.unpack_from(data, start)
    ident, kind, machine, _, _, _, offset, flags, _, _, _, entry_size, count, names_index = fields
    problems: list[str] = []
    sections = _sections(data, start, end, (offset, entry_size, count, names_index), problems)
    return Elf(kind, machine, (ident[EI_OSABI], ident[EI_ABIVERSION]), flags, tuple(sections), tuple(problems))


def _sections(
    data: Buffer, start: int, end: int, table: tuple[int, int, int, int], problems: list[str]
) -> list[Section]:
    offset, entry_size, count, names_index = table
    if not offset:
        return []
    size = end - start
    if entry_size < SECTION.size or offset + SECTION.size > size:
        problems.append(f"the section table at byte {offset} lies beyond the file or has entries of {entry_size} bytes")
        return []
    first = SECTION.unpack_from(data, start + offset)
    count = count or first[5]  # too many for the header: the first entry's size and link carry the numbers
    names_index = first[6] if names_index == _EXTENDED else names_index
    if not count:
        return []
    fitting = min(count, (size - offset) // entry_size, MAX_SECTIONS)
    if fitting < count:
        problems.append(f"{count} sections are announced, {fitting} are there")
    rows = data[start + offset : start + offset + fitting * entry_size]
    raw = [SECTION.unpack_from(rows, number * entry_size) for number in range(fitting)]
    if names_index >= fitting:
        problems.append("the section names are missing")
        return [_section("", fields, start, size, problems) for fields in raw]
    names_start, names_end = _extent(raw[names_index], size)
    if names_end - names_start < raw[names_index][5]:
        problems.append("the section names are cut")
    if names_end - names_start > MAX_NAMES:
        problems.append(f"{names_end - names_start} bytes of section names: not read to the end")
    names = data[start + names_start : start + min(names_end, names_start + MAX_NAMES)]
    return [_section(_name(names, fields[0]), fields, start, size, problems) for fields in raw]


def _section(name: str, fields: tuple[int, ...], start: int, size: int, problems: list[str]) -> Section:
    if fields[1] == SECTION_NOBITS:
        return Section(name, fields[1], fields[2], start, start, fields[5], fields[6])
    first, last = _extent(fields, size)
    if last - first < fields[5] and fields[1]:
        problems.append(f"section {name or '(unnamed)'} reaches beyond the file")
    return Section(name, fields[1], fields[2], start + first, start + last, fields[5], fields[6])


def _extent(fields: tuple[int, ...], size: int) -> tuple[int, int]:
    first = min(fields[4], size)
    return first, min(first + fields[5], size)


def _name(names: bytes, offset: int) -> str:
    stop = names.find(b"\0", offset, offset + MAX_NAME)
    return names[offset : stop if stop >= 0 else offset + MAX_NAME].decode("ascii", "replace")
