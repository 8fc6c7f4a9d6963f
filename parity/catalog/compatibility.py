"""Knows how to ask the stack data: what a wheel or a toolkit has for an architecture.

Every answer about a version that the data do not name is unknown, never "unsupported": the data end, software does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from parity.catalog.code_runs import runs
from parity.catalog.libraries import parsed, within
from parity.model.code_objects import Code
from parity.model.coverage import RunsOn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.model.code_facts import CodeFacts
    from parity.model.stack_facts import JaxBuild, RocmDriver, RocmRelease, StackFacts, TorchBuild, TritonRelease

Coverage: TypeAlias = Literal["native", "jit", "none", "unknown"]
_NAME = re.compile(r"(?:sm|compute)_(\d+)(\d)([af]?)")


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
        ptx: PTX (``compute_80``); None: nobody knows whether there is some of the newest architecture, or none.
        target: ``sm_89``.
        facts: exceptions to the rules, from the catalog.

    >>> from parity.model.code_facts import CodeFacts
    >>> coverage(["sm_80", "sm_86"], [], "sm_89", CodeFacts()), coverage(["sm_80"], [], "sm_90", CodeFacts())
    ('native', 'none')
    >>> coverage(["sm_80"], ["compute_80"], "sm_90", CodeFacts()), coverage(["sm_80"], None, "sm_90", CodeFacts())
    ('jit', 'unknown')
    >>> coverage(["sm_80", "sm_90"], None, "sm_75", CodeFacts())
    'none'
    """
    architectures = tuple(architectures)
    if capability(target) is None:
        return "unknown"
    device = RunsOn(arch=target)
    ways = {runs(Code(kind="sass", arch=arch), device, facts).way for arch in architectures if capability(arch)}
    if ways & {"exact", "compatible"}:
        return "native"
    if "unknown" in ways:
        return "unknown"
    if ptx is None:
        newest = max((one for arch in architectures if (one := capability(arch))), default=(0, 0))
        return "unknown" if (capability(target) or newest) >= newest else "none"
    compiled = any(runs(Code(kind="ptx", arch=arch), device, facts).way == "jit" for arch in ptx if capability(arch))
    return "jit" if compiled else "none"


def generates(facts: StackFacts, cuda: str, arch: str) -> bool:
    """Return whether a toolkit generates machine code that runs on a target, its own or of an older minor version.

    CUDA 12.8 knows no sm_103, and its sm_100 code runs there.
    """
    have = parsed(cuda)
    known = [(row.arch, parsed(row.cuda)) for row in facts.first_toolkits]
    older = [name for name, first in known if have is not None and first is not None and first <= have]
    return coverage(older, [], arch, facts.code) == "native"


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
