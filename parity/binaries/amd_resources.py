"""Knows what the kernels of an AMD code object need, from its metadata note: registers, LDS, private memory, bounds.

The note (name ``AMDGPU``, type 32, code object version 3 and up) holds MessagePack with ``amdhsa.kernels``. On gfx90a
and later vector and accumulation registers share one file and ``.vgpr_count`` counts both.

By hand: ``llvm-readelf --notes``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import msgspec

from parity.binaries.amd_elf import read_amd_elf
from parity.binaries.elf import MACHINE_AMDGPU, SECTION_NOTE, read_elf
from parity.model.kernel_resources import KernelNeeds

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.binaries.elf import Section

NOTE = struct.Struct("<III")
OWNER, METADATA = b"AMDGPU\0", 32
MAX_NOTE, MAX_KERNELS = 64 * 1024 * 1024, 20_000
MAX_COUNT = 2**31


def amd_kernels(data: Buffer, start: int, end: int) -> tuple[list[KernelNeeds], list[str]]:
    """Return (the kernels of the code object in ``data[start:end]``, what does not add up)."""
    found, code = read_elf(data, start, end), read_amd_elf(data, start, end)
    if found is None or found.machine != MACHINE_AMDGPU or code is None:
        return [], ["no AMD code object"]
    problems = list(found.problems)
    raw = None
    for section in found.sections:
        if section.type == SECTION_NOTE and raw is None:
            raw = _metadata(data, section)
    if raw is None:
        return [], [*problems, "no metadata note of code object version 3 or later: the kernels cannot be told"]
    try:
        told = msgspec.msgpack.decode(raw)
        listed = told.get("amdhsa.kernels") if isinstance(told, dict) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, TypeError) as error:
        return [], [*problems, f"the metadata note is no MessagePack: {str(error)[:80]}"]
    if not isinstance(listed, list):
        return [], [*problems, "the metadata note lists no kernels"]
    kernels = [_kernel(item, code.arch, problems) for item in listed[:MAX_KERNELS] if isinstance(item, dict)]
    if len(listed) > MAX_KERNELS:
        problems.append(f"{len(listed) - MAX_KERNELS} kernels more than are read of one code object")
    return kernels, problems


def _metadata(data: Buffer, section: Section) -> bytes | None:
    at = section.start
    while at + NOTE.size <= section.end:
        name, size, kind = NOTE.unpack_from(data, at)
        at += NOTE.size
        owner, body = at, at + (name + 3) // 4 * 4
        if body + size > section.end:
            return None
        if kind == METADATA and data[owner : owner + name] == OWNER and size <= MAX_NOTE:
            return data[body : body + size]
        at = body + (size + 3) // 4 * 4
    return None


def _kernel(item: dict[Any, Any], arch: str, problems: list[str]) -> KernelNeeds:
    def count(key: str) -> int | None:
        value = item.get(key)
        if value is None:
            return None
        if type(value) is int and 0 <= value < MAX_COUNT:
            return value
        problems.append(f"{key} is no count")
        return None

    name = item.get(".name")
    exact = item.get(".reqd_workgroup_size")
    threads = None
    if isinstance(exact, list) and len(exact) == 3 and all(type(one) is int and 0 < one < 2**16 for one in exact):
        threads = exact[0] * exact[1] * exact[2]
    spills = [value for key in (".vgpr_spill_count", ".sgpr_spill_count") if (value := count(key)) is not None]
    return KernelNeeds(
        name=name[:4096] if isinstance(name, str) else "(unnamed)",
        arch=arch,
        registers=count(".vgpr_count"),
        accumulation_registers=count(".agpr_count") or 0,
        scalar_registers=count(".sgpr_count"),
        shared_memory_bytes=count(".group_segment_fixed_size") or 0,
        stack_bytes=count(".private_segment_fixed_size"),
        spilled_registers=sum(spills) if spills else None,
        threads_exact=threads,
        threads_most=count(".max_flat_workgroup_size"),
        wavefront=count(".wavefront_size"),
        whole_workgroup_processor=item.get(".workgroup_processor_mode") in (1, True),
        dynamic_stack=item.get(".uses_dynamic_stack") is True,
    )
