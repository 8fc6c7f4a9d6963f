"""Knows how to ask the stack data: what a wheel, a toolkit or a kernel library has for an architecture.

Every answer about a version that the data do not name is unknown, never "unsupported": the data end, software does not.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from parity.catalog.code_runs import runs
from parity.model.code_objects import Code
from parity.model.coverage import RunsOn
from parity.model.kernel_library import KernelLibrary, LibraryRange, Recipe, Support
from parity.model.spec import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.version import Version

    from parity.model.code_facts import CodeFacts
    from parity.model.stack_facts import JaxBuild, RocmDriver, RocmRelease, StackFacts, TorchBuild, TritonRelease

Coverage: TypeAlias = Literal["native", "jit", "none", "unknown"]
_NAME = re.compile(r"(?:sm|compute)_(\d+)(\d)([af]?)")


class LibraryAnswer(msgspec.Struct, frozen=True):
    """What a version of a library does on an architecture.

    Attributes:
        support: one of the three, or ``unknown``.
        kernel: what runs, in words; empty when not told.
        note: why.
        source: None when unknown.
    """

    support: Support | Literal["unknown"]
    kernel: str = ""
    note: str = ""
    source: Source | None = None


UNKNOWN = LibraryAnswer("unknown")


def capability(arch: str) -> tuple[int, int] | None:
    """Return the compute capability of ``sm_90`` or ``compute_120a``, None of another name.

    >>> capability("sm_90"), capability("compute_120a"), capability("gfx942")
    ((9, 0), (12, 0), None)
    """
    match = _NAME.fullmatch(arch)
    return (int(match[1]), int(match[2])) if match else None


def coverage(architectures: Iterable[str], ptx: Iterable[str] | None, target: str, facts: CodeFacts) -> Coverage:
    """Return what code for NVIDIA architectures, told by their names alone, is on a target.

    Args:
        architectures: machine code (``sm_80``, ``sm_90a``).
        ptx: PTX (``compute_80``); None: nobody knows.
        target: ``sm_89``.
        facts: exceptions to the rules, from the catalog.

    >>> from parity.model.code_facts import CodeFacts
    >>> coverage(["sm_80", "sm_86"], [], "sm_89", CodeFacts()), coverage(["sm_80"], [], "sm_90", CodeFacts())
    ('native', 'none')
    >>> coverage(["sm_80"], ["compute_80"], "sm_90", CodeFacts()), coverage(["sm_80"], None, "sm_90", CodeFacts())
    ('jit', 'unknown')
    """
    if capability(target) is None:
        return "unknown"
    device = RunsOn(arch=target)
    ways = {runs(Code(kind="sass", arch=arch), device, facts).way for arch in architectures if capability(arch)}
    if ways & {"exact", "compatible"}:
        return "native"
    if ptx is None or "unknown" in ways:
        return "unknown"
    compiled = any(runs(Code(kind="ptx", arch=arch), device, facts).way == "jit" for arch in ptx if capability(arch))
    return "jit" if compiled else "none"


def torch_builds(facts: StackFacts, version: str, variant: str, machine: str | None) -> list[TorchBuild]:
    """Return the official wheels that a torch may be: one, several when the machine is not told, none when unknown.

    Args:
        facts: the stack data.
        version: as torch says it: ``2.9.0+cu128``, ``2.9.0``; another local part means a vendor's own build.
        variant: ``cu128``, for a version without one.
        machine: ``x86_64``, None when not told.
    """
    release, _, local = version.partition("+")
    variant = local or variant
    return [
        row
        for row in facts.torch
        if release in row.versions and row.variant == variant and machine in (None, row.machine)
    ]


def inductor_gate(facts: StackFacts, version: str) -> int | None:
    """Return the least SMs for inductor's GEMM templates in a torch version, None when the data do not know it."""
    return next((row.least_sms for row in facts.inductor_gates if within(version, row.first, row.last)), None)


def jax_build(facts: StackFacts, version: str, variant: str) -> JaxBuild | None:
    """Return the code of JAX's CUDA plugin of a version; ``variant`` is ``cuda12`` or ``cuda13``."""
    rows = (row for row in facts.jax if row.variant == variant)
    return next((row for row in rows if within(version, row.first, row.last)), None)


def triton_release(facts: StackFacts, version: str) -> TritonRelease | None:
    """Return the assemblers of a Triton version (``3.6.0+git123``), None when the data do not know it."""
    match = re.match(r"\d+\.\d+", version)
    return next((row for row in facts.triton if match and row.version == match.group()), None)


def rocm_release(facts: StackFacts, version: str) -> RocmRelease | None:
    """Return what a ROCm version (``6.3.1``) officially lists, None when the data do not know it."""
    return next((row for row in facts.rocm if version == row.release or version.startswith(f"{row.release}.")), None)


def rocm_driver(facts: StackFacts, version: str) -> RocmDriver | None:
    """Return the ROCm releases tested with a driver release (``30.30.2``).

    Kernel modules have versions of their own (6.10.5) that look like releases; only numbers from 30 on are surely
    releases.
    """
    rows = (row for row in facts.rocm_drivers if int(row.driver.partition(".")[0]) >= 30)
    return next((row for row in rows if version == row.driver or version.startswith(f"{row.driver}.")), None)


def toolkit_targets(facts: StackFacts, cuda: str) -> tuple[str, ...] | None:
    """Return all that a CUDA toolkit (``12.8``, ``12.8.93``) generates code for, None when the data do not know it."""
    wanted = re.match(r"\d+\.\d+", cuda)
    targets: dict[str, None] = {}
    for toolkit in facts.toolkits:
        targets.update(dict.fromkeys(toolkit.adds))
        for gone in toolkit.removes:
            targets.pop(gone, None)
        if wanted and toolkit.cuda == wanted.group():
            return tuple(targets)
    return None


def first_toolkit(facts: StackFacts, target: str) -> str | None:
    """Return the first CUDA that generates code for a target (``sm_103a``), None when the data do not know one."""
    return next((toolkit.cuda for toolkit in facts.toolkits if target in toolkit.adds), None)


def library(facts: StackFacts, name: str) -> KernelLibrary | None:
    """Return a kernel library by its id or by the name of a distribution."""
    return next((item for item in facts.libraries if name == item.id or name in item.packages), None)


def library_range(item: KernelLibrary, version: str) -> LibraryRange | None:
    """Return the range that a version falls into, None when it is outside all of them."""
    return next((known for known in item.ranges if within(version, known.first, known.last)), None)


def library_support(item: KernelLibrary, version: str, arch: str, *, cuda: str | None = None) -> LibraryAnswer:
    """Return what a version of a library does on an architecture.

    Args:
        item: the library.
        version: the installed one; outside the known ranges the answer is ``unknown``.
        arch: ``sm_90`` or ``gfx942``.
        cuda: the CUDA it was built with, None where nobody knows; rows that need a newer one say what older builds do.
    """
    known = library_range(item, version)
    row = next((row for row in known.rows if arch in row.architectures), None) if known else None
    if row is None:
        return UNKNOWN
    source = item.sources[row.source]
    why = f"only builds with CUDA {row.cuda} or newer have code for it" if row.cuda else ""
    if cuda and row.cuda and _too_old(cuda, row.cuda):
        return LibraryAnswer(row.before, row.before_kernel, why, source)
    told = "; ".join(text for text in (row.note, why if cuda is None else "") if text)
    return LibraryAnswer(row.support, row.kernel, told, source)


def recipes(item: KernelLibrary, version: str, arch: str) -> dict[str, bool]:
    """Return number format -> whether a version of a library computes it on an architecture; no unknown ones."""
    known = library_range(item, version)
    told: dict[str, bool] = {}
    for recipe in known.recipes if known else ():
        answer = _recipe_on(recipe, arch)
        if answer is not None:
            told[recipe.name] = answer
    return told


def _recipe_on(recipe: Recipe, arch: str) -> bool | None:
    if arch in recipe.supported:
        return True
    return False if arch in recipe.unsupported else None


def within(version: str, first: str, last: str) -> bool:
    """Return whether a version is from ``first`` to ``last``, local parts aside."""
    have, least, most = (parsed(text) for text in (version, first, last))
    return have is not None and least is not None and most is not None and least <= have <= most


@lru_cache(maxsize=1024)
def parsed(version: str) -> Version | None:
    """Return a version without its local part, None when it is none."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version.strip().partition("+")[0])
    except InvalidVersion:
        return None


def _too_old(cuda: str, least: str) -> bool:
    have, need = parsed(cuda), parsed(least)
    return have is not None and need is not None and have < need
