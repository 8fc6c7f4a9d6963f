"""Knows what toolkits, frameworks and drivers need and contain, as ``rules/stack`` states it."""

from typing import Any, TypeAlias

import msgspec

from parity.model.code_facts import CodeFacts, PtxVersion
from parity.model.kernel_library import KernelLibrary
from parity.model.spec import Source


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One sourced line of a table; ``source`` is a key of the file's ``sources``."""

    source: str


class DriverFloor(Row, frozen=True, kw_only=True):
    """The least driver on which any toolkit of a CUDA major version runs."""

    cuda_major: int
    driver: str


class FirstToolkit(Row, frozen=True, kw_only=True):
    """The first CUDA toolkit that generates code for an architecture."""

    arch: str
    cuda: str


class Toolkit(Row, frozen=True, kw_only=True):
    """One CUDA toolkit, against the one before it.

    Attributes:
        cuda: major and minor release.
        ptx_isa: the newest PTX ISA it writes.
        adds, removes: architectures, ``a`` and ``f`` targets included; the oldest toolkit adds all it has.
        driver: the driver packed with it; JIT of its PTX needs this one.
    """

    cuda: str
    ptx_isa: str
    adds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    driver: str = ""
    driver_source: str = ""


class PtxFloor(Row, frozen=True, kw_only=True):
    """The lowest PTX ISA that knows a target."""

    architecture: str
    ptx_isa: str


class DriverNeed(Row, frozen=True, kw_only=True):
    """Something that needs a newer driver than its CUDA major version does."""

    what: str
    cuda_major: int
    driver: str


class TorchBuild(Row, frozen=True, kw_only=True):
    """One official torch wheel.

    Attributes:
        versions: releases, all patch numbers spelt out.
        variant: ``cu128``.
        machine: ``x86_64`` or ``aarch64``.
        architectures: machine code inside.
        ptx: PTX inside (``compute_120``); empty: none; None: the sources disagree.
        index: whether this is the wheel of the package index.
        cudnn, nccl, triton: what the wheel's metadata pin.
    """

    versions: tuple[str, ...]
    variant: str
    machine: str
    architectures: tuple[str, ...]
    ptx: tuple[str, ...] | None = None
    index: bool = False
    cudnn: str = ""
    nccl: str = ""
    triton: str = ""
    pins_source: str = ""


class InductorGate(Row, frozen=True, kw_only=True):
    """How many SMs inductor asks for before it considers GEMM templates, from torch ``first`` to ``last``."""

    first: str
    last: str
    least_sms: int


class TritonRelease(Row, frozen=True, kw_only=True):
    """The ptxas inside a Triton wheel; ``version`` is major and minor, ``blackwell_assembler`` the second ptxas."""

    version: str
    assembler: str
    blackwell_assembler: str = ""


class JaxBuild(Row, frozen=True, kw_only=True):
    """The code of JAX's CUDA plugin from release ``first`` to ``last``; ``variant`` is ``cuda12`` or ``cuda13``."""

    first: str
    last: str
    variant: str
    architectures: tuple[str, ...]
    ptx: tuple[str, ...]


class RocmRelease(Row, frozen=True, kw_only=True):
    """What a ROCm release (major and minor) officially lists."""

    release: str
    architectures: tuple[str, ...]
    rccl: str = ""
    hipblaslt: str = ""
    rocblas: str = ""


class RocmDriver(Row, frozen=True, kw_only=True):
    """The ROCm releases that were tested with a release of the kernel driver; ``driver`` is no module version."""

    driver: str
    tested: tuple[str, ...]


class InstructionFamily(Row, frozen=True, kw_only=True):
    """Instructions that some architectures have and others lack; those of neither list are unknown."""

    name: str
    what: str
    present: tuple[str, ...]
    missing: tuple[str, ...]


class StackFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Compatibility facts of the software stack; each file of ``rules/stack`` holds some of the tables.

    Attributes:
        libraries: filled from ``rules/kernels``, one file per library.
        code: where code runs, filled from ``rules/stack/code``.
    """

    driver_floors: tuple[DriverFloor, ...] = ()
    first_toolkits: tuple[FirstToolkit, ...] = ()
    toolkits: tuple[Toolkit, ...] = ()
    ptx_floors: tuple[PtxFloor, ...] = ()
    driver_needs: tuple[DriverNeed, ...] = ()
    torch: tuple[TorchBuild, ...] = ()
    inductor_gates: tuple[InductorGate, ...] = ()
    triton: tuple[TritonRelease, ...] = ()
    jax: tuple[JaxBuild, ...] = ()
    rocm: tuple[RocmRelease, ...] = ()
    rocm_drivers: tuple[RocmDriver, ...] = ()
    instructions: tuple[InstructionFamily, ...] = ()
    libraries: tuple[KernelLibrary, ...] = ()
    code: CodeFacts = CodeFacts()
    sources: dict[str, Source] = {}

    def driver_floor(self, cuda: str) -> str | None:
        """Return the least driver for a CUDA version (``12.8``), None when the data do not know it."""
        major = cuda.partition(".")[0]
        return next((row.driver for row in self.driver_floors if str(row.cuda_major) == major), None)

    def cuda_served(self, driver: str) -> str:
        """Return the newest CUDA version that a driver was packed for or follows, empty where the data do not tell.

        >>> StackFacts().cuda_served("580.95.05")
        ''
        """
        have = _numbers(driver)
        packed = [(_numbers(row.driver), row.cuda) for row in self.toolkits if row.driver]
        if not have or not packed or have[0] > max(packed)[0][0]:
            return ""  # a branch of which the data know nothing
        return max(((need, cuda) for need, cuda in packed if need <= have), default=((), ""))[1]

    def zstd_driver(self) -> str:
        """Return the least driver that loads zstd-compressed code, empty where the data do not tell."""
        return min((row.driver for row in self.driver_needs if "zstd" in row.what), key=_numbers, default="")

    def ptx_versions(self) -> tuple[PtxVersion, ...]:
        """Return the PTX that the driver of each CUDA version compiles, oldest first."""
        return tuple(PtxVersion(cuda=row.cuda, ptx=row.ptx_isa, source=row.source) for row in self.toolkits)

    def first_cuda(self, arch: str) -> str | None:
        """Return the first CUDA version for an architecture (``sm_100``), None when the data do not know it."""
        return next((row.cuda for row in self.first_toolkits if row.arch == arch), None)


def _numbers(version: str) -> tuple[int, ...]:
    found = version.split(".")
    return tuple(int(part) for part in found) if all(part.isdigit() for part in found) else ()


Tables: TypeAlias = list[tuple[str, StackFacts]]


def tables_of(facts: StackFacts) -> dict[str, tuple[Any, ...]]:
    """Return the tables of ``rules/stack`` that a file fills: field name -> its rows."""
    names = [name for name in facts.__struct_fields__ if name not in ("sources", "libraries", "code")]
    return {name: getattr(facts, name) for name in names if getattr(facts, name)}


def joined(files: Tables) -> tuple[StackFacts, list[str]]:
    """Return the files as one, each source renamed ``file:key``, and what is wrong with them.

    Args:
        files: (file name without suffix, its content), each as it was read.
    """
    tables: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    problems: list[str] = []
    for name, facts in files:
        sources.update({f"{name}:{key}": source for key, source in facts.sources.items()})
        for field, rows in tables_of(facts).items():
            if field in tables:
                problems.append(f"rules/stack/{name}.yaml: {field}: another file has this table already")
                continue
            tables[field] = tuple(_moved(row, name, facts, problems) for row in rows)
    return StackFacts(sources=sources, **tables), problems


def _moved(row: Any, name: str, facts: StackFacts, problems: list[str]) -> Any:
    """Return a row whose sources carry the file's name."""
    changed = {}
    for field in ("source", "driver_source", "pins_source"):
        key = getattr(row, field, "")
        if key and key not in facts.sources:
            problems.append(f"rules/stack/{name}.yaml: no source {key!r}")
        if key:
            changed[field] = f"{name}:{key}"
    return msgspec.structs.replace(row, **changed)
