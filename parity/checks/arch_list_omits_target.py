"""Knows when the list of architectures that extensions are compiled for leaves the target out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.catalog.compatibility import coverage
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.code_facts import CodeFacts
    from parity.model.target import Target

_NVIDIA = re.compile(r"(\d+)\.(\d)([af]?)(\+ptx)?")
_AMD = re.compile(r"(gfx[0-9a-f]+)(:[a-z0-9+-]+)*")


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the variable that torch's extension builder reads covers no code for the target.

    Names (``Hopper``, ``native``) are not resolved here; with one of them the question is left open.
    """
    name = "TORCH_CUDA_ARCH_LIST" if wanted.spec.vendor == "nvidia" else "PYTORCH_ROCM_ARCH"
    value = here.fingerprint.environment.get(name, "").strip()
    if not value:
        return
    words = [word for word in re.split(r"[\s;,]+", value.lower()) if word]
    covered = (
        _nvidia(words, wanted.spec.arch, here.facts.code)
        if wanted.spec.vendor == "nvidia"
        else _amd(words, wanted.spec.arch)
    )
    if covered is None:
        yield Absent(why="not_asked", source=name, detail=f"{name}={value} is no plain list of architectures")
    elif not covered:
        yield Mismatch(
            subject=name,
            here=value,
            wanted=wanted.spec.arch,
            message=f"{name}={value}: extensions compiled here have no code for {wanted.spec.arch}",
        )


def _nvidia(words: list[str], arch: str, facts: CodeFacts) -> bool | None:
    """Return whether the listed code, or PTX, reaches an architecture; None when a word is no architecture."""
    matches = [_NVIDIA.fullmatch(word) for word in words]
    code = [f"sm_{match[1]}{match[2]}{match[3]}" for match in matches if match]
    ptx = [f"compute_{match[1]}{match[2]}{match[3]}" for match in matches if match and match[4]]
    if coverage(code, ptx, arch, facts) in ("native", "jit"):
        return True
    return None if None in matches else False


def _amd(words: list[str], arch: str) -> bool | None:
    matches = [_AMD.fullmatch(word) for word in words]
    if any(match and match[1] == arch for match in matches):
        return True
    return None if None in matches else False
