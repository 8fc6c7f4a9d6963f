"""Knows when an installed kernel library runs other kernels on the target than here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.libraries import recipes
from parity.checks.installed_libraries import answer, architectures_here, kernel_packages
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.installed_libraries import InstalledLibrary
    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each library that runs on both, but with other kernels or other number formats."""
    target = wanted.spec.arch
    for found in kernel_packages(here):
        for arch in architectures_here(here):
            told = _kernels(here, found, arch, target) or _formats(found, arch, target)
            if arch != target and told:
                yield Mismatch(
                    subject=found.package,
                    here=told[0],
                    wanted=told[1],
                    message=f"{found.library.name} {found.version}: {told[0]} on {arch}, {told[1]} on {target}",
                )


def _kernels(here: Machine, found: InstalledLibrary, arch: str, target: str) -> tuple[str, str] | None:
    """Return what runs here and there when both are known and differ."""
    one, other = answer(here, found, arch), answer(here, found, target)
    runs = one.support in ("supported", "different-kernel") and other.support in ("supported", "different-kernel")
    if not runs or not one.kernel or not other.kernel or one.kernel == other.kernel:
        return None
    return one.kernel, other.kernel


def _formats(found: InstalledLibrary, arch: str, target: str) -> tuple[str, str] | None:
    """Return the number formats that only one of the two computes."""
    one, other = (recipes(found.library, found.version, name) for name in (arch, target))
    differ = [name for name in one if name in other and one[name] != other[name]]
    return (_listed(one, differ), _listed(other, differ)) if differ else None


def _listed(told: dict[str, bool], names: list[str]) -> str:
    """Return ``fp8, no mxfp8``."""
    return ", ".join(name if told[name] else f"no {name}" for name in names)
