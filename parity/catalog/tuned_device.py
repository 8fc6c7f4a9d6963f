"""Knows under which name a program looks for a device's tuned table, and which names no device has.

vLLM 0.33.0 writes ``_`` for each run of white space and ``/`` (``utils/platform_utils.py``), takes the name from its
own table by PCI id on ROCm (``platforms/rocm.py``, read from the installed package), and calls every H200 NVIDIA_H200
for fused MoE (``fused_moe/fused_moe.py``). SGLang 0.5.23 writes ``_`` for each space of what torch prints
(``moe_runner/triton_utils/fused_moe_triton_config.py``, ``kernels/ops/gemm/fp8_kernel.py``). AITER 0.1.7 looks rows
up by CU count (``jit/utils/chip_info.py``), newer ones by gfx target too, and its Triton files by a word per gfx target
(``ops/triton/utils/_triton/arch_info.py``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.catalog.names import folded, is_generic
from parity.inputs import near_names, printable
from parity.model.tuned import TunedDevice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.catalog.compiled import IndexEntry
    from parity.model.tuned import TunedEntry

_VLLM_H200 = "NVIDIA_H200"


def file_name(printed: str, program: str) -> str:
    """Return a device name as a program writes it into file names.

    >>> file_name("NVIDIA H100 80GB HBM3", "vllm"), file_name("AMD Instinct MI250X/MI250", "vllm")
    ('NVIDIA_H100_80GB_HBM3', 'AMD_Instinct_MI250X_MI250')
    """
    return printed.replace(" ", "_") if program == "sglang" else re.sub(r"[\s/]+", "_", printed)


def as_device(entry: IndexEntry) -> TunedDevice:
    """Return a part of the catalog as tables are looked up for it."""
    return TunedDevice(
        label=entry.id,
        vendor=entry.vendor,
        names=entry.reported_names,
        pci_ids=tuple(pci.id for pci in entry.pci_ids),
        arch=entry.arch,
        cu_count=entry.units if entry.vendor == "amd" else None,
    )


def looked_up_as(device: TunedDevice, program: str, family: str, pci_names: Mapping[str, str]) -> set[str]:
    """Return the names a program may ask for on a device; a part that prints several names has several.

    Args:
        device: the device.
        program: ``vllm``, ``sglang``, or empty when the tables are for anyone.
        family: of the table.
        pci_names: AMD PCI device id (``74a1``) -> name, of the installed program.
    """
    names = {file_name(name, program) for name in device.names}
    if program == "vllm" and device.vendor == "amd":
        ids = [pci.rpartition(":")[2] for pci in device.pci_ids]
        mapped = {file_name(pci_names[one], program) for one in ids if one in pci_names}
        # An id that is not in the program's table prints its market name.
        names = mapped | (names if len(mapped) == 0 or any(one not in pci_names for one in ids) else set())
    if program == "vllm" and family == "fused-moe":
        names = {_VLLM_H200 if "H200" in name.split("_") else name for name in names}
    return names


def known_names(index: Sequence[IndexEntry], program: str, family: str, pci_names: Mapping[str, str]) -> dict[str, str]:
    """Return every name of the catalog's parts as the program asks for it -> the part's id."""
    known = {file_name(name, program): "" for name in pci_names.values()} if program == "vllm" else {}
    for entry in index:
        known |= dict.fromkeys(sorted(looked_up_as(as_device(entry), program, family, pci_names)), entry.id)
    return known


def wrong_name(
    entry: TunedEntry, program: str, known: Mapping[str, str], index: Sequence[IndexEntry]
) -> tuple[bool, str] | None:
    """Return (whether no device can have this name, why it is odd), None for a name of the catalog.

    Args:
        entry: keyed by device name.
        program: whose table it is.
        known: of ``known_names``, for the entry's family.
        index: the catalog's index.
    """
    name = entry.name or ""
    if entry.misspelled:
        return True, entry.misspelled
    if name in known:
        return None
    if not name:
        return True, "no device name"
    if " " in name:
        return True, "programs write _ for a space"
    if program == "vllm" and entry.family == "fused-moe" and "H200" in name.split("_"):
        return True, f"vllm asks for {_VLLM_H200} on every H200"
    if is_generic(name):
        return False, "printed for any AMD part that the driver's table does not know"
    text = folded(name)
    for part in index:
        if text in part.folded_names or text in (part.id, *part.aliases):
            asked = sorted(one for one, part_id in known.items() if part_id == part.id)
            if asked:
                return True, f"{part.id} is asked for as {' or '.join(asked[:2])}"
    close = near_names(name, list(known), count=2)
    return False, "not in the catalog" + (f" (close: {printable(close)})" if close else "")


def fits(entry: TunedEntry, device: TunedDevice, asked: set[str], arch_names: Mapping[str, str]) -> bool | None:
    """Return whether a program uses the entry on the device; None: it cannot be told.

    Args:
        entry: one tuned shape.
        device: the device, with gfx target and CU count on AMD.
        asked: of ``looked_up_as``, for the entry's program and family.
        arch_names: gfx target -> the program's word.
    """
    if entry.name is not None:
        if entry.misspelled or not entry.name:
            return False
        return entry.name in asked if asked else None
    if device.vendor != "amd":
        return False
    if entry.arch_name:
        return arch_names.get(device.arch) == entry.arch_name if arch_names else None
    if entry.gfx and not device.arch:
        return None
    if entry.gfx and entry.gfx.partition(":")[0] != device.arch.partition(":")[0]:
        return False
    if entry.cu_count is None:
        return True
    return None if device.cu_count is None else entry.cu_count == device.cu_count
