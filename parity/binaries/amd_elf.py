"""Knows AMD code objects: the target id that an ELF file for an AMD GPU names in its flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.binaries.elf import MACHINE_AMDGPU, read_elf
from parity.model.arch import AmdArch
from parity.model.code_objects import Code

if TYPE_CHECKING:
    from parity.binaries.buffer import Buffer
    from parity.model.code_objects import Compression

OSABI_HSA = 64
ABI_V3, ABI_V4 = 1, 2
_MACHINE = 0xFF
# EF_AMDGPU_MACH_*: llvm-project, llvm/include/llvm/BinaryFormat/ELF.h at 008d0233ac9b
PROCESSORS = {
    0x20: "gfx600", 0x21: "gfx601", 0x22: "gfx700", 0x23: "gfx701", 0x24: "gfx702", 0x25: "gfx703", 0x26: "gfx704",
    0x28: "gfx801", 0x29: "gfx802", 0x2A: "gfx803", 0x2B: "gfx810", 0x2C: "gfx900", 0x2D: "gfx902", 0x2E: "gfx904",
    0x2F: "gfx906", 0x30: "gfx908", 0x31: "gfx909", 0x32: "gfx90c", 0x33: "gfx1010", 0x34: "gfx1011", 0x35: "gfx1012",
    0x36: "gfx1030", 0x37: "gfx1031", 0x38: "gfx1032", 0x39: "gfx1033", 0x3A: "gfx602", 0x3B: "gfx705", 0x3C: "gfx805",
    0x3D: "gfx1035", 0x3E: "gfx1034", 0x3F: "gfx90a", 0x41: "gfx1100", 0x42: "gfx1013", 0x43: "gfx1150",
    0x44: "gfx1103", 0x45: "gfx1036", 0x46: "gfx1101", 0x47: "gfx1102", 0x48: "gfx1200", 0x4A: "gfx1151",
    0x4C: "gfx942", 0x4E: "gfx1201", 0x4F: "gfx950", 0x51: "gfx9-generic", 0x52: "gfx10-1-generic",
    0x53: "gfx10-3-generic", 0x54: "gfx11-generic", 0x55: "gfx1152", 0x58: "gfx1153", 0x59: "gfx12-generic",
    0x5F: "gfx9-4-generic",
}  # fmt: skip
_SETTINGS = {0: "", 1: "", 2: "-", 3: "+"}  # unsupported, any, off, on


def read_amd_elf(data: Buffer, start: int, end: int, *, compression: Compression = "none") -> Code | None:
    """Return what the code object in ``data[start:end]`` is for, None when it is none.

    A machine number that is not in the table gives an architecture of its number, which fits no device.
    """
    found = read_elf(data, start, end)
    if found is None or found.machine != MACHINE_AMDGPU:
        return None
    machine, (osabi, version) = found.flags & _MACHINE, found.abi
    processor = PROCESSORS.get(machine)
    if processor is None or osabi != OSABI_HSA:
        return Code(kind="other", arch=f"amd-machine-{machine:#x}", compression=compression)
    if version >= ABI_V4:
        xnack, sramecc = _SETTINGS[found.flags >> 8 & 3], _SETTINGS[found.flags >> 10 & 3]
    elif version == ABI_V3:  # one bit each, on or off; whether the processor has the feature at all is not told
        xnack, sramecc = ("+" if found.flags & bit else "" for bit in (0x100, 0x200))
    else:
        xnack = sramecc = ""
    generic = found.flags >> 24 if processor.endswith("-generic") else 0
    return Code(
        kind="amd", arch=str(AmdArch(processor, sramecc, xnack)), compression=compression, generic_version=generic
    )
