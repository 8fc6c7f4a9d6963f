"""Knows what kernels need and whether a device can launch them, schema ``parity.resources/1``."""

from typing import Literal, TypeAlias

import msgspec

SCHEMA: Literal["parity.resources/1"] = "parity.resources/1"
ADDED_MEMORY = "shared memory that the launch adds is not in the file"
Verdict: TypeAlias = Literal["yes", "no", "unknown"]


class KernelNeeds(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one kernel of a code object needs, as the compiler noted it.

    Attributes:
        name: as the file has it, mangled.
        arch: ``sm_90a``, ``gfx942``.
        registers: per thread; on AMD vector registers per lane, with the accumulation registers of the same file.
        accumulation_registers: AMD: of these, or beside them on gfx908.
        scalar_registers: AMD.
        from_source: told by a source: registers, shared memory and stack are known only when it has been compiled.
        warps: of one block, where a source says that instead of threads.
        shared_memory_bytes: static; what a launch adds (dynamic) is not in the file.
        adds_no_shared_memory: known to take none that a launch adds.
        stack_bytes: of one thread, or private segment per lane.
        spilled_registers: AMD says it; None: not said.
        threads_exact, threads_most: of one block, as the kernel asks for or was compiled for; None: not said.
        cluster_blocks: of one cluster, as the kernel demands; 0: none.
        cluster_most: as it was compiled for; 0: not said.
        wavefront: AMD: threads of a wavefront.
        whole_workgroup_processor: AMD RDNA: workgroups run on both CUs of a pair.
        dynamic_stack: AMD: calls that the compiler could not follow; registers and stack may be more.
    """

    name: str
    arch: str
    registers: int | None = None
    accumulation_registers: int = 0
    scalar_registers: int | None = None
    shared_memory_bytes: int = 0
    adds_no_shared_memory: bool = False
    stack_bytes: int | None = None
    spilled_registers: int | None = None
    threads_exact: int | None = None
    threads_most: int | None = None
    cluster_blocks: int = 0
    cluster_most: int = 0
    wavefront: int | None = None
    whole_workgroup_processor: bool = False
    dynamic_stack: bool = False
    from_source: bool = False
    warps: int | None = None


class Launch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a kernel can be launched on one kind of device.

    Attributes:
        arch: of the device.
        code: ``yes``: this very code runs there; ``no``; ``unknown``. PTX beside it is not looked at.
        fits: its needs are within the limits, whatever it is compiled for.
        why: each limit that it breaks, or what is not known.
        threads: of one block, for which occupancy is told; None: not known.
        largest_block: threads from which on the registers or the compiler's bound forbid the launch; None: not known.
        blocks_per_sm: resident at a time; on AMD workgroups per CU.
        occupancy: resident warps over the most there can be.
        at_most: everything is told as if the launch added no shared memory, which is not known.
        bound_by: ``registers``, ``shared memory``, ``threads``, ``blocks``, ``waves``, ``scalar registers``.
    """

    arch: str
    code: Verdict
    fits: Verdict
    why: tuple[str, ...] = ()
    threads: int | None = None
    largest_block: int | None = None
    blocks_per_sm: int | None = None
    occupancy: float | None = None
    at_most: bool = False
    bound_by: tuple[str, ...] = ()


class KernelLaunch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kernel and the devices it was judged for.

    Attributes:
        flips: it can be launched on one of both devices alone.
    """

    needs: KernelNeeds
    target: Launch | None = None
    here: Launch | None = None
    flips: bool = False


class ResourcesReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``parity kernels --resources``.

    Attributes:
        dynamic_shared_memory_bytes, threads: as asked with the options, or as Triton notes beside the file; None: not
            told, and they are no property of a file.
        problems: what could not be read.
        kernels: in the order of the file.
        left_out: kernels beyond the most that is told.
    """

    schema: Literal["parity.resources/1"] = SCHEMA
    source: str
    target: str | None
    here: str | None
    dynamic_shared_memory_bytes: int | None
    threads: int | None
    kernels: tuple[KernelLaunch, ...]
    problems: tuple[str, ...]
    left_out: int = 0
    exit_status: int
