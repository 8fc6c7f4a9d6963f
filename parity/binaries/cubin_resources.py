"""Knows what the kernels of a cubin need: registers, stack, static shared memory, block and cluster bounds.

ptxas notes them as records of (format, attribute, size or value) in ``.nv.info`` (per symbol: registers, stack) and in
``.nv.info.KERNEL`` (bounds), and reserves static shared memory as ``.nv.shared.KERNEL``. From sm_90 on that section
begins with the KiB that the driver reserves of each block: a kernel with 5000 bytes has a section of 6024, and none has
no section. Where a source declares memory that launches add (``extern __shared__``), all its kernels have the section;
so only a kernel without one is known to take none (seen of ptxas 13.0 and Triton's, sm_80, sm_90a, sm_120). By hand:
``cuobjdump -res-usage FILE`` prints the section, ``ptxas -v`` what the kernel itself has.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING

from parity.binaries.cubin import read_cubin
from parity.binaries.elf import MACHINE_CUDA, read_elf
from parity.model.kernel_resources import KernelNeeds

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.binaries.elf import Elf, Section

RECORD = struct.Struct("<BBH")
SIZED = 4  # format of records that carry data; the others carry one value of two bytes
REGISTERS, FRAME, LEAST_STACK = 0x2F, 0x11, 0x12
BLOCK_MOST, BLOCK_EXACT, CLUSTER, CLUSTER_MOST = 0x05, 0x10, 0x3D, 0x3F
INFO, SHARED, RESERVED = ".nv.info", ".nv.shared.", ".nv.shared.reserved."
RESERVED_BYTES = 1024
SYMBOL = struct.Struct("<IBBHQQ")
SECTION_SYMBOLS = 2
FUNCTION, ENTRY = 2, 0x10  # of a symbol's type and of its other bits
MAX_SYMBOLS, MAX_INFO, MAX_NAME = 200_000, 16 * 1024 * 1024, 4096
MAX_KERNELS = 20_000


def cubin_kernels(data: Buffer, start: int, end: int) -> tuple[list[KernelNeeds], list[str]]:
    """Return (the kernels of the cubin in ``data[start:end]``, what does not add up)."""
    found, code = read_elf(data, start, end), read_cubin(data, start, end)
    if found is None or found.machine != MACHINE_CUDA or code is None:
        return [], ["no cubin, or one that names no architecture"]
    problems = list(found.problems)
    names = _entries(data, found, problems)
    per_symbol: dict[int, dict[int, int]] = {}
    bounds: dict[str, dict[int, tuple[int, ...]]] = {}
    for section in found.sections:
        if section.name == INFO:
            for attribute, words in _records(data, section, problems):
                if attribute in (REGISTERS, FRAME, LEAST_STACK) and len(words) >= 2:
                    per_symbol.setdefault(words[0], {})[attribute] = words[1]
        elif section.name.startswith(f"{INFO}."):
            bounds[section.name[len(INFO) + 1 :]] = dict(_records(data, section, problems))
    shared = _shared(found)
    kernels = [
        _kernel(name, code.arch, per_symbol.get(index, {}), bounds.get(name, {}), shared.get(name))
        for index, name in list(names.items())[:MAX_KERNELS]
    ]
    if len(names) > MAX_KERNELS:
        problems.append(f"{len(names) - MAX_KERNELS} kernels more than are read of one cubin")
    return kernels, problems


def _kernel(
    name: str, arch: str, counts: dict[int, int], bounds: dict[int, tuple[int, ...]], shared: int | None
) -> KernelNeeds:
    return KernelNeeds(
        name=name,
        arch=arch,
        registers=counts.get(REGISTERS),
        shared_memory_bytes=shared or 0,
        adds_no_shared_memory=shared is None,
        stack_bytes=counts.get(LEAST_STACK, counts.get(FRAME)),
        threads_exact=_block(bounds.get(BLOCK_EXACT)),
        threads_most=_block(bounds.get(BLOCK_MOST)),
        cluster_blocks=_block(bounds.get(CLUSTER)) or 0,
        cluster_most=(bounds.get(CLUSTER_MOST) or (0,))[0],
    )


def _block(sizes: tuple[int, ...] | None) -> int | None:
    """Return the product of three lengths, none of which is 0."""
    return prod(sizes[:3]) if sizes and len(sizes) >= 3 and all(sizes[:3]) else None


def _shared(found: Elf) -> dict[str, int]:
    reserved = any(section.name.startswith(RESERVED) for section in found.sections)
    sizes = {
        section.name[len(SHARED) :]: section.size
        for section in found.sections
        if section.name.startswith(SHARED) and not section.name.startswith(RESERVED)
    }
    return {name: max(0, size - RESERVED_BYTES) for name, size in sizes.items()} if reserved else sizes


def _records(data: Buffer, section: Section, problems: list[str]) -> list[tuple[int, tuple[int, ...]]]:
    """Return (attribute, its words) of each record that carries words; a cut record ends the reading."""
    raw = data[section.start : min(section.end, section.start + MAX_INFO)]
    at, told = 0, []
    while at + RECORD.size <= len(raw):
        form, attribute, size = RECORD.unpack_from(raw, at)
        at += RECORD.size
        if form != SIZED:
            continue
        if at + size > len(raw):
            problems.append(f"{section.name}: a record is cut")
            break
        if size % 4 == 0 and size <= 16:
            told.append((attribute, struct.unpack_from(f"<{size // 4}I", raw, at)))
        at += size
    return told


def _entries(data: Buffer, found: Elf, problems: list[str]) -> dict[int, str]:
    """Return the index in the symbol table -> name, of each kernel."""
    table = next((section for section in found.sections if section.type == SECTION_SYMBOLS), None)
    if table is None:
        problems.append("no symbol table: the kernels cannot be told")
        return {}
    texts = found.sections[table.link] if table.link < len(found.sections) else None
    if texts is None:
        problems.append("the symbols have no names")
        return {}
    count = (table.end - table.start) // SYMBOL.size
    if count > MAX_SYMBOLS:
        problems.append(f"{count} symbols: not all are read")
    told = {}
    for index in range(min(count, MAX_SYMBOLS)):
        name, kind, other, *_ = SYMBOL.unpack_from(data, table.start + index * SYMBOL.size)
        if kind & 0xF == FUNCTION and other & ENTRY:
            told[index] = _text(data, texts, name)
    return told


def _text(data: Buffer, texts: Section, offset: int) -> str:
    at = min(texts.start + offset, texts.end)
    raw = data[at : min(at + MAX_NAME, texts.end)]
    return raw.partition(b"\0")[0].decode("utf-8", "replace")
