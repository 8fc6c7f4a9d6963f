"""Knows which backend a kernel's name tells, from the data that ship beside it. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Backend(NamedTuple):
    """One backend: the word tests use, its name, and texts inside the names of its kernels."""

    id: str
    name: str
    patterns: tuple[str, ...]


@cache
def backends() -> tuple[Backend, ...]:
    """Return the known backends, the more particular ones first."""
    read = json.loads(Path(__file__).with_name("kernel_names.json").read_text(encoding="utf-8"))
    return tuple(Backend(item["id"], item["name"], tuple(item["patterns"])) for item in read["backends"])


def fits(kernel: str, pattern: str) -> bool:
    """Return whether a pattern is inside a kernel's name; ``*`` stands for anything.

    >>> fits("void flash::flash_fwd_kernel<T>(P)", "flash_fwd_kernel"), fits("a_sm90_b", "sm*b"), fits("a", "b")
    (True, True, False)
    """
    return fnmatchcase(kernel, "*" + pattern.replace("[", "[[]").replace("?", "[?]") + "*")


def backend_of(kernel: str) -> Backend | None:
    """Return the backend that a kernel's name tells, None when it tells none."""
    return next((one for one in backends() if any(fits(kernel, pattern) for pattern in one.patterns)), None)


def is_of(kernel: str, wanted: str) -> bool:
    """Return whether a kernel is what a test asks for: a backend's word (``flash-attn-3``), or a pattern."""
    if any(one.id == wanted for one in backends()):
        found = backend_of(kernel)
        return found is not None and found.id == wanted
    return fits(kernel, wanted)


def misspelt(wanted: str) -> str:
    """Return what is wrong with a word that is neither a backend nor can be inside a kernel's name; else nothing.

    Names of kernels are identifiers and C++ templates: they hold no ``word-word``.
    """
    known = [one.id for one in backends()]
    if wanted in known or "*" in wanted or "-" not in wanted:
        return "" if wanted.strip() else "an empty pattern fits every kernel"
    return f"no backend is called {wanted!r}; there are {', '.join(known)}"
