"""Knows whether a device can launch a kernel, and how many blocks of it one SM or CU holds at a time.

The arithmetic is that of the vendors: NVIDIA's ``cuda_occupancy.h`` (warps, registers per partition, shared memory,
blocks) with all of the memory given to shared memory, and LLVM's AMDGPU back end (vector and scalar registers, LDS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.kernel_resources import ADDED_MEMORY, Launch
from parity.units import format_bytes

if TYPE_CHECKING:
    from parity.model.kernel_resources import KernelNeeds, Verdict
    from parity.model.limits import LaunchLimits


def launch(
    needs: KernelNeeds,
    limits: LaunchLimits,
    *,
    code: Verdict,
    threads: int | None = None,
    dynamic_bytes: int | None = None,
) -> Launch:
    """Return whether a device of these limits can launch the kernel.

    Args:
        needs: of the kernel.
        limits: of the device's architecture.
        code: whether the code itself runs there.
        threads: of one block; None: as the kernel says, if it does.
        dynamic_bytes: shared memory that the launch adds; None: not told, and so unknown unless the file excludes it.
    """
    given = _product(needs.warps, limits.warp_size)
    block = threads or needs.threads_exact or given or needs.threads_most
    shared = needs.shared_memory_bytes + (dynamic_bytes or 0)
    open_ = dynamic_bytes is None and not needs.adds_no_shared_memory and not needs.from_source
    broken, unknown = _general(needs, limits, block, shared, asked=threads)
    if limits.arch.startswith("gfx"):
        blocks, warps, bound, largest = _amd(needs, limits, block, shared)
        most = _product(limits.waves_per_simd, _simds(needs, limits))
    else:
        blocks, warps, bound, largest = _nvidia(needs, limits, block, shared)
        most = _quotient(limits.threads_per_sm, limits.warp_size)
        broken += _clusters(needs, limits, unknown)
    if needs.from_source:
        unknown.append("registers and shared memory are known only when it has been compiled")
        broken += _warps(needs.warps)
    elif needs.registers is None:
        unknown.append("the file does not say how many registers it takes")
    if open_:
        unknown.append(_added(limits, shared))
    if needs.dynamic_stack:
        unknown.append("calls that the compiler could not follow: registers and stack may be more")
    if blocks == 0 and not broken:
        broken.append(f"one block of {block} threads does not fit: {', '.join(bound)}")
    whole = blocks is not None and most and not broken
    return Launch(
        arch=limits.arch,
        code=code,
        fits="no" if broken else "unknown" if unknown else "yes",
        why=(*broken, *unknown),
        threads=block,
        largest_block=largest,
        blocks_per_sm=None if blocks is None else 0 if broken else blocks,
        occupancy=blocks * warps / most if whole and blocks and most else None,
        at_most=open_ and not broken,
        bound_by=tuple(bound) if not broken else (),
    )


def _warps(count: int | None) -> list[str]:
    """Return what Triton asks of the warps of a block: a power of two."""
    wrong = count is not None and (count < 1 or count & (count - 1))
    return [f"{count} warps, Triton takes powers of two"] if wrong else []


def _added(limits: LaunchLimits, shared: int) -> str:
    room = limits.shared_memory_per_block_bytes
    left = "" if room is None else f", and up to {max(0, room - shared)} bytes are left for it"
    return f"{ADDED_MEMORY}{left} (--dynamic-shared N, 0 for none)"


def _general(
    needs: KernelNeeds, limits: LaunchLimits, block: int | None, shared: int, *, asked: int | None
) -> tuple[list[str], list[str]]:
    """Return (limits that are broken, what is not known)."""
    broken: list[str] = []
    unknown: list[str] = []
    room = limits.shared_memory_per_block_bytes
    if room is None:
        unknown.append(f"shared memory of a block on {limits.arch}")
    elif shared > room:
        broken.append(f"{shared} bytes of shared memory, a block may have {room} ({format_bytes(room)})")
    if limits.threads_per_block is None:
        unknown.append(f"threads of a block on {limits.arch}")
    elif block is not None and block > limits.threads_per_block:
        broken.append(f"{block} threads, a block may have {limits.threads_per_block}")
    for told, words in ((needs.threads_exact, "asks for exactly"), (needs.threads_most, "was compiled for at most")):
        wrong = told is not None and asked is not None and (asked > told or (asked < told and "exactly" in words))
        if wrong:
            broken.append(f"{asked} threads, the kernel {words} {told}")
    if needs.wavefront is not None and limits.warp_size is not None and needs.wavefront < limits.warp_size:
        broken.append(f"wavefronts of {needs.wavefront}, {limits.arch} has {limits.warp_size}")
    return broken, unknown


def _clusters(needs: KernelNeeds, limits: LaunchLimits, unknown: list[str]) -> list[str]:
    wanted, most = needs.cluster_blocks, limits.cluster_blocks
    if wanted <= 1:
        return []
    if most is None:
        unknown.append(f"clusters on {limits.arch}")
    elif most == 0:
        return [f"clusters of {wanted} blocks, {limits.arch} has no clusters"]
    elif wanted > most:
        unknown.append(f"clusters of {wanted} blocks: more than {most} work on some parts only")
    return []


def _nvidia(
    needs: KernelNeeds, limits: LaunchLimits, block: int | None, shared: int
) -> tuple[int | None, int, list[str], int | None]:
    """Return (blocks per SM, warps per block, what binds, largest block that the registers admit)."""
    warp, unit, parts = limits.warp_size, limits.register_unit, limits.register_partitions
    if not (warp and unit and parts and limits.registers_per_sm and limits.registers_per_block):
        return None, 0, [], None
    if needs.registers is None:
        return None, 0, [], None
    per_warp = _up(needs.registers * warp, unit)
    too_many = limits.registers_per_thread is not None and needs.registers > limits.registers_per_thread
    # The hardware's check assumes that warps are dealt to all partitions at a time.
    largest = limits.registers_per_block // per_warp // parts * parts * warp if per_warp else limits.threads_per_block
    largest = min(largest or 0, limits.threads_per_block or 0, needs.threads_most or limits.threads_per_block or 0)
    if too_many:
        largest = 0
    if block is None or not (limits.threads_per_sm and limits.blocks_per_sm and limits.shared_memory_per_sm_bytes):
        return None, 0, [], largest
    warps = -(-block // warp)
    by = {"threads": limits.threads_per_sm // warp // warps, "blocks": limits.blocks_per_sm}
    if per_warp:
        allowed = not too_many and per_warp * _up(warps, parts) <= limits.registers_per_block
        each = limits.registers_per_sm // parts // per_warp * parts
        by["registers"] = each // warps if allowed else 0
    taken = _up(shared + (limits.shared_memory_reserved_bytes or 0), limits.shared_memory_unit_bytes or 1)
    if taken:
        by["shared memory"] = limits.shared_memory_per_sm_bytes // taken
    least = min(by.values())
    return least, warps, [name for name, count in by.items() if count == least], largest


def _amd(
    needs: KernelNeeds, limits: LaunchLimits, block: int | None, shared: int
) -> tuple[int | None, int, list[str], int | None]:
    """Return (workgroups per CU, waves per workgroup, what binds, largest workgroup)."""
    largest = min(needs.threads_most or 0, limits.threads_per_block or 0) or limits.threads_per_block
    waves = waves_per_simd(needs, limits)
    simds, wave = _simds(needs, limits), needs.wavefront or limits.warp_size
    if block is None or waves is None or simds is None or wave is None:
        return None, 0, [], largest
    per_group = -(-block // wave)
    most, why = waves
    by = {why: most * simds // per_group}
    room = limits.shared_memory_per_sm_bytes
    if shared:
        if room is None:
            return None, per_group, [], largest
        by["shared memory"] = room * (2 if needs.whole_workgroup_processor else 1) // shared
    least = min(by.values())
    return least, per_group, [name for name, count in by.items() if count == least], largest


def waves_per_simd(needs: KernelNeeds, limits: LaunchLimits) -> tuple[int, str] | None:
    """Return (waves that one SIMD holds by its registers, what binds); None when something is not known."""
    most, room, unit = limits.waves_per_simd, limits.vector_registers_per_simd, limits.vector_register_unit
    if most is None or room is None or unit is None or needs.registers is None or not limits.warp_size:
        return None
    share = (needs.wavefront or limits.warp_size) // limits.warp_size or 1  # a wave of 64 takes two registers of 32
    taken = max(needs.registers, needs.accumulation_registers)
    by = {"waves": most, "registers": room // share // _up(max(taken, 1), unit // share)}
    if limits.scalar_registers_per_simd and limits.scalar_register_unit and needs.scalar_registers is not None:
        scalar = _up(needs.scalar_registers + (limits.scalar_registers_reserved or 0), limits.scalar_register_unit)
        by["scalar registers"] = limits.scalar_registers_per_simd // scalar if scalar else most
    least = min(by.values())
    return least, next(name for name, count in by.items() if count == least)


def _simds(needs: KernelNeeds, limits: LaunchLimits) -> int | None:
    return _product(limits.simds_per_cu, 2 if needs.whole_workgroup_processor else 1)


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _product(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left * right


def _quotient(left: int | None, right: int | None) -> int | None:
    return None if left is None or not right else left // right
