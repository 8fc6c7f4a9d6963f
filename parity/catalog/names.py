"""Knows how the names that drivers, labels and people use for one part are compared: whole, never by prefix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Printed for any part the driver or its id table does not know: they say nothing about which part it is.
GENERIC_NAMES = frozenset({"", "radeon graphics", "graphics device", "graphics", "radeon", "none", "n/a", "unknown"})
_PREFIXES = ("nvidia ", "amd ", "tesla ")


def folded(name: str) -> str:
    """Return a name in the form in which names are compared: lower case, single spaces, no maker.

    Kubernetes labels write dashes for spaces; drivers before R470 left out the maker's name.

    >>> folded("NVIDIA-H100-80GB-HBM3") == folded("NVIDIA H100 80GB HBM3")
    True
    >>> folded("NVIDIA H20") == folded("NVIDIA H200")
    False
    """
    text = re.sub(r"[\s_\-/()\[\]]+", " ", name).strip().lower()
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return text


def is_generic(name: str) -> bool:
    """Return whether the name is one that says nothing about the part.

    >>> is_generic("AMD Radeon Graphics"), is_generic("NVIDIA Graphics Device"), is_generic("NVIDIA H20")
    (True, True, False)
    """
    return folded(name) in GENERIC_NAMES or set(name.strip()) <= set("xX*? ")


def matching(name: str, known: Iterable[tuple[str, Sequence[str]]]) -> set[str]:
    """Return the keys of which one folded name is the printed one; a name cut by a table (``...``) matches as a prefix.

    Args:
        name: as printed.
        known: (key, folded names) of each part.

    >>> parts = [("super", [folded("NVIDIA GeForce RTX 2080 SUPER")]), ("plain", [folded("NVIDIA GeForce RTX 2080")])]
    >>> matching("NVIDIA GeForce RTX 2080", parts), matching("NVIDIA GeForce RTX 2080 ...", parts)
    ({'plain'}, {'super'})
    """
    if name.rstrip().endswith("..."):
        # nvidia-smi cuts only what does not fit, so something must follow the visible part.
        start = folded(name.rstrip().removesuffix("..."))
        return {key for key, names in known if any(one.startswith(start) and one != start for one in names)}
    wanted = folded(name)
    return {key for key, names in known if wanted in names}
