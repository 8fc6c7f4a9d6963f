"""Knows the kernels found so far in one file, and how much was decompressed for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parity.model.kernel_resources import KernelNeeds

MAX_OBJECT = 256 * 1024 * 1024  # one code object, decompressed
MAX_TOTAL = 2 * 1024**3
MAX_KERNELS = 50_000


class Gathered:
    """Kernels found so far, and how much was decompressed for them."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.kernels: list[KernelNeeds] = []
        self.problems: dict[str, None] = {}
        self.left_out = 0
        self.spent = 0

    def add(self, kernels: list[KernelNeeds], problems: list[str]) -> None:
        """Add kernels, as many as are read of one file, and count the others."""
        room = MAX_KERNELS - len(self.kernels)
        self.kernels += kernels[:room]
        self.left_out += max(0, len(kernels) - room)
        self.problems |= dict.fromkeys(problems)

    def spend(self, size: int) -> bool:
        """Return whether so many bytes may still be decompressed."""
        if size > MAX_OBJECT or self.spent + size > MAX_TOTAL:
            self.problems["more code than is decompressed for one question: not read to the end"] = None
            return False
        self.spent += size
        return True
