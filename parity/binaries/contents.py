"""Knows which reader a file's content asks for: host ELF, cubin, fatbin, bundle, archive, PTX; names decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from parity.binaries import archive, kpack
from parity.binaries.amd_elf import read_amd_elf
from parity.binaries.buffer import expect_all
from parity.binaries.collect import TooMuchError
from parity.binaries.cubin import read_cubin
from parity.binaries.elf import (
    MACHINE_AMDGPU,
    MACHINE_CUDA,
    MAGIC,
    TYPE_RELOCATABLE,
    Elf,
    is_elf,
    read_elf,
)
from parity.binaries.fatbin import read_fatbins, says_fatbin
from parity.binaries.hip_bundle import PACKED, PLAIN, is_packed, read_bundles, says_bundle
from parity.binaries.ptx import LOOKED_AT, read_ptx
from parity.binaries.scan import is_searched, scan

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.binaries.collect import Collector
    from parity.binaries.elf import Section
    from parity.model.code_objects import Place

HEAD_BYTES = 4096
MAX_ARCHIVE_DEPTH = 4
PTX_SUFFIX = ".ptx"
_FOREIGN = (b".nv_fatbin", b"__nv_relfatbin", b".hip_fatbin")
# LLVM's own offload container; only object files have it, and it is not read here
_OTHER_CONTAINER = ".llvm.offloading"


def is_of_interest(head: bytes, name: str) -> bool:
    """Return whether a file that begins with ``head`` may hold device code."""
    return (
        head.startswith((MAGIC, archive.MAGIC, archive.THIN_MAGIC))
        or says_fatbin(head)
        or says_bundle(head)
        or name.endswith(PTX_SUFFIX)
        or (head.startswith(b"MZ") and b".nv_fatb" in head)
    )


def is_loose(head: bytes, name: str) -> bool:
    """Return whether the file is device code itself, one of many in its folder, and no library of the host."""
    machine = int.from_bytes(head[18:20], "little") if is_elf(head) else 0
    return (
        says_fatbin(head) or says_bundle(head) or machine in (MACHINE_CUDA, MACHINE_AMDGPU) or name.endswith(PTX_SUFFIX)
    )


class Reading:
    """One file being read.

    Attributes:
        scan: search data sections for hidden code.
        path: of the file on disk, None inside a wheel; kpack archives are found beside it.
    """

    def __init__(self, data: Buffer, into: Collector, *, scan: bool, path: str | None) -> None:
        """Hold what every step needs."""
        self.data = data
        self.into = into
        self.scan = scan
        self.path = path

    def read(self, name: str) -> None:
        """Read the whole file into the collector; damage and excess become problems."""
        try:
            self.part(name, 0, len(self.data), depth=0)
        except TooMuchError:
            self.into.problem(
                "more headers or kinds of regions than any library has: not read to the end", weight="damaged"
            )

    def part(self, name: str, start: int, end: int, *, depth: int) -> None:
        """Read what lies in ``data[start:end]``: the file, or a member of an archive."""
        data, into = self.data, self.into
        head = data[start : min(end, start + HEAD_BYTES)]
        if is_elf(head):
            self._elf(start, end)
        elif head.startswith(archive.MAGIC):
            self._archive(start, end, depth)
        elif head.startswith(archive.THIN_MAGIC):
            into.problem("a thin archive: its members are other files, give those", weight="skipped")
        elif says_fatbin(head):
            read_fatbins(data, start, end, into, section="file", place="main")
        elif says_bundle(head):
            read_bundles(data, start, end, into, section="file", place="main")
        elif head.startswith(MAGIC) and any(data.find(word, start, end) >= 0 for word in _FOREIGN):
            into.problem("a 32-bit or big-endian library: not read", weight="skipped")
        elif head.startswith(b"MZ") and b".nv_fatb" in head:
            into.problem("a Windows library: not read", weight="skipped")
        elif name.endswith(PTX_SUFFIX):
            self._ptx(start, end)

    def _ptx(self, start: int, end: int) -> None:
        code = read_ptx(self.data[start : min(end, start + LOOKED_AT)])
        if code is None:
            self.into.problem("no .version and .target in the first 64 KiB: not PTX, or cut", weight="damaged")
        else:
            self.into.region("file", "main", "ptx", [(code, end - start)], at=start)

    def _archive(self, start: int, end: int, depth: int) -> None:
        self.into.linkable = True
        if depth >= MAX_ARCHIVE_DEPTH:
            self.into.problem(f"archives inside archives, more than {MAX_ARCHIVE_DEPTH} deep", weight="damaged")
            return
        try:
            for member in archive.members(self.data, start, end):
                self.into.step()
                self.part(member.name, member.start, member.end, depth=depth + 1)
        except archive.DamagedArchiveError as error:
            self.into.problem(f"damaged archive: {error}", weight="damaged")

    def _elf(self, start: int, end: int) -> None:
        data, into = self.data, self.into
        found = read_elf(data, start, end)
        if found is None:
            into.problem("an ELF file cut inside its header", weight="damaged")
            return
        into.step(len(found.sections))
        for text in found.problems:
            into.problem(text, weight="damaged")
        if found.machine in (MACHINE_CUDA, MACHINE_AMDGPU):
            self._code_object(found, start, end)
            return
        if found.type == TYPE_RELOCATABLE:
            into.linkable = True
        if found.sections:
            self._sections(found)
        elif not found.problems:  # a table that was cut off is damage, and what a search would find is a part of it
            self._stripped(start, end)

    def _code_object(self, found: Elf, start: int, end: int) -> None:
        if found.machine == MACHINE_CUDA:
            code, container = read_cubin(self.data, start, end, found=found), "cubin"
        else:
            code, container = read_amd_elf(self.data, start, end), "code-object"
        if code is None:
            self.into.problem(f"a {container} that names no architecture", weight="damaged")
        else:
            self.into.region("file", "main", container, [(code, end - start)], at=start)

    def _sections(self, found: Elf) -> None:
        """Read the sections that hold device code, each byte once: sections of a hostile file may overlap."""
        searched: list[Section] = []
        furthest = 0
        kept_apart = any(section.name == kpack.SECTION for section in found.sections)  # what was there is in an archive
        for section in sorted(found.sections, key=lambda one: (one.start, -one.end)):
            if section.start == section.end:
                continue
            reader = _reader_of(section.name)
            if reader is None:
                if is_searched(section):
                    searched.append(section)
                elif section.name == kpack.SECTION:
                    kpack.follow(self.data[section.start : section.end], self.path, self.into)
                elif section.name == _OTHER_CONTAINER:
                    self.into.problem(f"{_OTHER_CONTAINER}: LLVM's offload container is not read", weight="skipped")
                continue
            if section.start < furthest:
                self.into.problem(f"{section.name} overlaps another section of device code", weight="damaged")
            first = max(section.start, furthest)
            furthest = max(furthest, section.end)
            if first >= section.end:
                continue
            told = self.into.told
            if reader == "bundles":
                read_bundles(self.data, first, section.end, self.into, section=section.name, place="main")
            else:
                read_fatbins(self.data, first, section.end, self.into, section=section.name, place=reader)
            if self.into.told == told and not (reader == "bundles" and kept_apart):
                size = section.end - first
                self.into.problem(f"{section.name}: {size} bytes, and no device code in them", weight="damaged")
        self._search(searched)

    def _search(self, sections: list[Section]) -> None:
        if not self.scan:
            if sections:
                size = sum(section.end - section.start for section in sections)
                self.into.problem(f"{size} bytes of data not searched for hidden code (--no-scan)", weight="unsearched")
            return
        furthest = 0
        for section in sections:
            first = max(section.start, furthest)
            furthest = max(furthest, section.end)
            if first < section.end:
                expect_all(self.data, first, section.end)
                scan(self.data, first, section.end, self.into, section=section.name)

    def _stripped(self, start: int, end: int) -> None:
        """Search a file without section headers: where its device code lies is not told, but it begins as ever."""
        if not self.scan:
            self.into.problem("no section headers: not searched (--no-scan)", weight="skipped")
            return
        expect_all(self.data, start, end)
        scan(self.data, start, end, self.into, section="(no section headers)")
        at = self.data.find(PLAIN, start, end)
        if at >= 0 or _first_packed(self.data, start, end) >= 0:
            self.into.problem("no section headers, and offload bundles of HIP: not read", weight="skipped")


def _first_packed(data: Buffer, start: int, end: int) -> int:
    at = data.find(PACKED, start, end)
    while at >= 0 and not is_packed(data[at : at + 8]):
        at = data.find(PACKED, at + 1, end)
    return at


def _reader_of(name: str) -> Place | Literal["bundles"] | None:
    """Return how a section is read: as fatbins of a place, as ``bundles``, or not at all."""
    if "nv_relfatbin" in name:
        return "relocatable"
    if "nv_fatbin" in name:
        return "main"
    return "bundles" if name.startswith(".hip_fatbin") else None
