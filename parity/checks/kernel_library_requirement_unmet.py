"""Knows when an installed kernel library states a requirement that its environment does not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.libraries import library_range
from parity.checks.installed_libraries import kernel_packages
from parity.checks.versions import installed, version_fits
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each stated requirement that the installed version is outside of."""
    del wanted
    stack = here.fingerprint.stack
    for found in kernel_packages(here):
        known = library_range(found.library, found.version)
        for name, need in (known.requires if known else {}).items():
            have = installed(stack, name)
            if isinstance(have, Absent):
                yield have
            elif version_fits(have.value, need) is False:
                yield Mismatch(
                    subject=found.package,
                    here=f"{name} {have.value}",
                    wanted=f"{name} {need}",
                    message=f"{found.library.name} {found.version} asks for {name} {need}; {have.value} is installed",
                )
