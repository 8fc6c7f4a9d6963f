"""Knows when a process has loaded another CUDA library than the one its packages brought."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.fingerprint import Library
    from parity.model.target import Target

_WATCHED = re.compile(r"lib(cudart|cublas|cublasLt|cudnn|nccl)$")
_PACKAGE_FOLDER = re.compile(r"/(site|dist)-packages/")


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each watched library loaded from outside the packages while a package has its own copy.

    Copies of another major version are another library: only the same major version, or an untold one, counts.
    """
    del wanted
    yield from of_libraries(here.fingerprint.stack.libraries)


def of_libraries(libraries: Sequence[Library]) -> Iterator[Mismatch]:
    """Yield a mismatch for each watched library loaded from outside the packages, as :func:`check` does."""
    for loaded in libraries:
        if loaded.found != "loaded" or not _WATCHED.match(loaded.name) or _PACKAGE_FOLDER.search(loaded.path):
            continue
        packaged = next((copy for copy in libraries if copy.found == "package" and _same(copy, loaded)), None)
        if packaged is not None:
            yield Mismatch(
                subject=loaded.name,
                here=loaded.path,
                wanted=packaged.path,
                message=f"{loaded.path} {loaded.version} is loaded, the package has {packaged.path} {packaged.version}",
            )


def _same(copy: Library, loaded: Library) -> bool:
    majors = [library.version.partition(".")[0] for library in (copy, loaded)]
    return copy.name == loaded.name and (majors[0] == majors[1] or not all(majors))
