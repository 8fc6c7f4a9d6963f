"""Knows what one SM or CU of an architecture holds, as the launch of a kernel meets it."""

import msgspec


class LaunchLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits of one architecture; None: not known, or the other vendor's. Registers are of 32 bits, per lane on AMD.

    Attributes:
        arch: ``sm_90``, ``gfx942``.
        warp_size: threads of a warp, or of a wavefront as compilers choose it there.
        threads_per_sm, blocks_per_sm: resident at a time.
        registers_per_thread, registers_per_block, registers_per_sm: NVIDIA.
        register_unit: registers that a warp is given at a time.
        register_partitions: parts of an SM, each with its own registers.
        shared_memory_per_block_bytes: the most that one block may have, with opting in.
        shared_memory_unit_bytes: that a block is given at a time.
        shared_memory_reserved_bytes: that the driver takes of each block, on top of its own.
        cluster_blocks: blocks of a cluster that always work; 0: no clusters.
        waves_per_simd, simds_per_cu: AMD.
        vector_registers_per_simd, vector_register_unit: AMD; per lane of a wavefront of ``warp_size``.
        scalar_registers_per_simd, scalar_register_unit, scalar_registers_reserved: AMD up to CDNA.
    """

    arch: str
    warp_size: int | None = None
    threads_per_block: int | None = None
    threads_per_sm: int | None = None
    blocks_per_sm: int | None = None
    registers_per_thread: int | None = None
    registers_per_block: int | None = None
    registers_per_sm: int | None = None
    register_unit: int | None = None
    register_partitions: int | None = None
    shared_memory_per_sm_bytes: int | None = None
    shared_memory_per_block_bytes: int | None = None
    shared_memory_unit_bytes: int | None = None
    shared_memory_reserved_bytes: int | None = None
    cluster_blocks: int | None = None
    waves_per_simd: int | None = None
    simds_per_cu: int | None = None
    vector_registers_per_simd: int | None = None
    vector_register_unit: int | None = None
    scalar_registers_per_simd: int | None = None
    scalar_register_unit: int | None = None
    scalar_registers_reserved: int | None = None
