"""Knows versions as people write them: which component a pin means, and whether a version meets it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.model.absent import Absent, Reading

if TYPE_CHECKING:
    from parity.model.fingerprint import Stack

# A pin's name -> components that answer it, best first. ``cuda`` is the CUDA the code was built with, never the newest
# that the driver could serve.
_MEANS = {
    "cuda": ("torch_cuda", "cuda_runtime", "cuda_toolkit"),
    "hip": ("torch_hip", "hip"),
    "rocm": ("rocm", "torch_hip"),
}
_FROM_BELOW = (">=", ">", "==", "~=")


def installed(stack: Stack, name: str) -> Reading[str] | Absent:
    """Return the installed version that a pin's name means: a component, else a package."""
    told: Absent | None = None
    for component in _MEANS.get(name, (name,)):
        have = stack.components.get(component)
        if isinstance(have, Reading):
            return have
        told = told or have
    package = stack.packages.get(re.sub(r"[-_.]+", "-", name).lower())
    if package is not None:
        return Reading(value=package, source=f"package: {name}")
    return told or Absent(why="not_asked", source="stack", detail=f"no source gives a version of {name}")


def reaches(version: str, floor: str) -> bool | None:
    """Return whether a dotted number is at or above another, None when it is not one.

    Driver and toolkit numbers are no Python versions, and this needs no import.

    >>> reaches("535.86.10", "580"), reaches("12.8", "12.8"), reaches("No CUDA", "12.8")
    (False, True, None)
    """
    have, need = (re.match(r"\d+(?:\.\d+)*", text.strip()) for text in (version, floor))
    if have is None or need is None:
        return None
    numbers, floors = ([int(n) for n in found.group().split(".")] for found in (have, need))
    return numbers + [0] * (len(floors) - len(numbers)) >= floors


def version_fits(version: str, specifier: str) -> bool | None:
    """Return whether a version meets a specifier, None when it cannot be compared.

    >>> version_fits("535.86.10", ">=570"), version_fits("2.9.1+cu128", "==2.9.*"), version_fits("next", ">=1")
    (False, True, None)
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    cleaned = re.match(r"v?\d+(\.\d+)*([a-z]+\d*)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9.]+)?", version.strip().lower())
    if cleaned is None:
        return None
    try:
        return SpecifierSet(specifier).contains(Version(cleaned.group()), prereleases=True)
    except (InvalidVersion, InvalidSpecifier):
        return None


def least_admitted(specifier: str) -> str:
    """Return the oldest version that a pin admits, empty without a lower bound.

    >>> least_admitted(">=570, <600"), least_admitted("==535.104.05"), least_admitted("<600")
    ('570', '535.104.05', '')
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version

    try:
        bounds = [one.version.removesuffix(".*") for one in SpecifierSet(specifier) if one.operator in _FROM_BELOW]
    except InvalidSpecifier:
        return ""
    return max(bounds, key=Version, default="")
