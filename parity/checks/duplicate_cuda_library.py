"""Knows when several versions of one CUDA or ROCm library can be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each library of which copies with different versions are loaded or loadable."""
    del wanted
    copies: dict[str, dict[str, str]] = {}
    for library in here.fingerprint.stack.libraries:
        if library.version:
            copies.setdefault(library.name, {}).setdefault(library.version, library.path)
    for name, versions in sorted(copies.items()):
        if len({_comparable(version) for version in versions}) > 1:
            told = ", ".join(sorted(versions))
            places = "; ".join(f"{version}: {path}" for version, path in sorted(versions.items()))
            yield Mismatch(
                subject=name, here=told, wanted="one version", message=f"{len(versions)} versions can be loaded: {places}"
            )


def _comparable(version: str) -> tuple[str, ...]:
    """Return the first two parts: a file name often carries fewer than the package."""
    return tuple(version.split(".")[:2])
