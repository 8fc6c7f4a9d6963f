"""Knows when several versions of one CUDA or ROCm library can be loaded."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.fingerprint import Library
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each library of which copies with different versions are loaded or loadable."""
    del wanted
    yield from of_libraries(here.fingerprint.stack.libraries)


def of_libraries(libraries: Iterable[Library]) -> Iterator[Mismatch]:
    """Yield a mismatch for each library with copies of different versions, or loaded from several places."""
    copies: dict[str, dict[str, str]] = {}
    loaded: dict[str, bool] = {}
    places_of: dict[str, dict[str, set[str]]] = {}
    for library in libraries:
        folder, _, file = library.path.rpartition("/")
        places_of.setdefault(library.name, {}).setdefault(file, set()).add(folder)
        loaded[library.name] = loaded.get(library.name, True) and library.found == "loaded"
        if library.version:
            copies.setdefault(library.name, {}).setdefault(library.version, library.path)
    for name, versions in sorted(copies.items()):
        if any(_differ(one, other) for one, other in itertools.combinations(versions, 2)):
            told = ", ".join(sorted(versions))
            places = "; ".join(f"{version}: {path}" for version, path in sorted(versions.items()))
            message = f"{len(versions)} versions {'are' if loaded[name] else 'can be'} loaded: {places}"
            yield Mismatch(subject=name, here=told, wanted="one version", message=message)
    yield from _loaded_twice({name: files for name, files in places_of.items() if loaded[name]}, copies)


def _loaded_twice(places: dict[str, dict[str, set[str]]], copies: dict[str, dict[str, str]]) -> Iterator[Mismatch]:
    """Yield a mismatch for each library of which one process holds copies that their versions do not tell apart."""
    for name, files in sorted(places.items()):
        if any(_differ(one, other) for one, other in itertools.combinations(copies.get(name, {}), 2)):
            continue
        for file, folders in sorted(files.items()):
            if len(folders) > 1:
                told = "; ".join(f"{folder}/{file}" for folder in sorted(folders))
                message = f"{len(folders)} copies are loaded: {told}"
                yield Mismatch(subject=name, here=f"{len(folders)} copies", wanted="one copy", message=message)


def _differ(one: str, other: str) -> bool:
    """Return whether major or minor differ, as far as both are told: a file name often carries less than a package."""
    return any(a != b for a, b in zip(one.split(".")[:2], other.split(".")[:2], strict=False))
