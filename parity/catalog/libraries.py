"""Knows how to ask what a version of a kernel library does on an architecture, as ``rules/kernels`` states it.

Every answer about a version that the data do not name is unknown, never "unsupported": the data end, software does not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

from parity.model.kernel_library import KernelLibrary, LibraryRange, Recipe, Support
from parity.model.spec import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.version import Version


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


def library_named(libraries: Iterable[KernelLibrary], name: str) -> KernelLibrary | None:
    """Return a kernel library by its id or by the name of a distribution."""
    return next((item for item in libraries if name == item.id or name in item.packages), None)


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
    return range_support(item, library_range(item, version), arch, cuda=cuda)


def range_support(
    item: KernelLibrary, known: LibraryRange | None, arch: str, *, cuda: str | None = None
) -> LibraryAnswer:
    """Return what the versions of one of a library's ranges do on an architecture; as ``library_support``."""
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
