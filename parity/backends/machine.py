"""Knows what a package would be told by the machine it asks: capability, CUDA, platform, environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from parity.backends.values import Capability, Symbol, Unknown
from parity.model.arch import NvidiaArch, parse_arch

if TYPE_CHECKING:
    from parity.backends.values import Value

_GFX = re.compile(r"gfx(\d+)([0-9a-f])([0-9a-f])")
# functions of packages that ask the device, whatever module they are in
CAPABILITY_CALLS = frozenset({"get_device_capability", "get_compute_capability", "get_device_compute_capability"})
NOT_ASKED = Symbol("not asked")
_NEVER = ("mps", "xpu", "hpu", "npu", "musa", "mlu", "privateuse1")


class AskedMachine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that a package is asked about.

    Attributes:
        arch: ``sm_90`` or ``gfx942``.
        cuda: the CUDA that torch is built with; empty: not known.
        environment: variables that are set.
    """

    arch: str
    cuda: str = ""
    environment: dict[str, str] = {}

    @property
    def is_amd(self) -> bool:
        """Return whether it is AMD's."""
        return self.arch.startswith("gfx")

    def capability(self) -> Capability | Unknown:
        """Return what torch would say: (9, 0); of AMD's devices the gfx version, (9, 4) for gfx942."""
        found = parse_arch(self.arch)
        if isinstance(found, NvidiaArch):
            return Capability(found.capability)
        match = _GFX.fullmatch(self.arch.partition(":")[0])
        return Capability((int(match[1]), int(match[2], 16))) if match else Unknown("the compute capability")

    def named(self, dotted: str) -> Value:
        """Return what an expression that asks the machine (``torch.version.cuda``) is, ``NOT_ASKED`` of others."""
        if dotted == "torch.version.cuda":
            return None if self.is_amd else self.cuda or Unknown("torch.version.cuda")
        if dotted == "torch.version.hip":
            return Symbol("torch.version.hip") if self.is_amd else None
        return NOT_ASKED

    def has(self, name: str, attribute: str) -> bool | None:
        """Return whether torch has a part: its other platforms are not those of a GPU; None: another question."""
        if name.partition(".")[0] != "torch":
            return None
        return True if attribute == "cuda" else False if attribute in _NEVER else None

    def called(self, dotted: str) -> Value:
        """Return what a function that asks the machine answers, ``NOT_ASKED`` of another function."""
        if dotted.rpartition(".")[2] in CAPABILITY_CALLS:
            return self.capability()
        if dotted in ("torch.cuda.is_available", "torch.cuda.is_initialized"):
            return True
        if dotted.startswith("torch.") and dotted.endswith(".is_available") and dotted.split(".")[-2] in _NEVER:
            return False
        return NOT_ASKED
