"""Knows when a framework reaches the target only through PTX that the driver compiles."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

from parity.catalog.compatibility import coverage, jax_build
from parity.checks.installed_libraries import official_torch
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.checks.subject import Machine
    from parity.model.stack_facts import JaxBuild, TorchBuild
    from parity.model.target import Target

    # Name, version, and the wheels it may be.
    Code: TypeAlias = tuple[str, str, Sequence[TorchBuild | JaxBuild]]


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each of torch and JAX that has PTX but no machine code for the target."""
    if wanted.spec.vendor != "nvidia":
        return
    for name, version, builds in itertools.chain(_torch(here), _jax(here)):
        if not builds and name != "torch":  # the rule on torch's wheel asks that of torch
            detail = f"which code {name} {version} has is not in the data"
            yield Absent(why="not_asked", source=f"package: {name}", detail=detail)
        covered = {coverage(build.architectures, build.ptx, wanted.spec.arch, here.facts.code) for build in builds}
        if covered == {"jit"}:
            ptx = ", ".join(builds[0].ptx or ())
            yield Mismatch(
                subject=name,
                here=f"PTX of {ptx}",
                wanted=f"code for {wanted.spec.arch}",
                message=f"{name} {version} has no machine code for {wanted.spec.arch}; the driver compiles {ptx}",
            )


def _torch(here: Machine) -> Iterator[Code]:
    found = official_torch(here)
    if not isinstance(found, Absent):
        yield "torch", found.version, found.builds


def _jax(here: Machine) -> Iterator[Code]:
    """Yield each installed CUDA plugin of JAX with its code."""
    for package, version in sorted(here.fingerprint.stack.packages.items()):
        for variant in ("cuda12", "cuda13"):
            if package == f"jax-{variant}-plugin":
                build = jax_build(here.facts, version, variant)
                yield package, version, (build,) if build else ()
