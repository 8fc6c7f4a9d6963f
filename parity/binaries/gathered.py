"""Knows how the kernels of one file are gathered, and how much is decompressed for them at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.model.code_objects import Code
    from parity.model.kernel_resources import KernelNeeds

MAX_OBJECT = 256 * 1024 * 1024  # one code object, decompressed
MAX_TOTAL = 2 * 1024**3
MAX_KERNELS = 50_000


class Found(NamedTuple):
    """The kernels of a file.

    Attributes:
        problems: what could not be read, each once.
        left_out: kernels beyond the most that is read.
        ptx: what the driver compiles for the device it meets: the needs of that code are in no file.
    """

    kernels: tuple[KernelNeeds, ...]
    problems: tuple[str, ...]
    left_out: int
    ptx: tuple[Code, ...] = ()


class Gathered:
    """Kernels found so far, and how much was decompressed for them."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._kernels: list[KernelNeeds] = []
        self._problems: dict[str, None] = {}
        self._ptx: dict[Code, None] = {}
        self._left_out = 0
        self._spent = 0

    def add(self, kernels: list[KernelNeeds], problems: Iterable[str] = ()) -> None:
        """Add the kernels of a code object, as far as there is room; the others are counted."""
        room = MAX_KERNELS - len(self._kernels)
        self._kernels += kernels[:room]
        self._left_out += max(0, len(kernels) - room)
        self._problems |= dict.fromkeys(problems)

    def problem(self, text: str) -> None:
        """Add what could not be read, once."""
        self._problems[text] = None

    def add_ptx(self, code: Code) -> None:
        """Add PTX, once for each architecture and version."""
        self._ptx[code] = None

    def spend(self, size: int) -> bool:
        """Return whether so many bytes may still be decompressed; if not, that is a problem."""
        if size > MAX_OBJECT or self._spent + size > MAX_TOTAL:
            self.problem("more code than is decompressed for one question: not read to the end")
            return False
        self._spent += size
        return True

    def found(self) -> Found:
        """Return everything as plain data."""
        return Found(tuple(self._kernels), tuple(self._problems), self._left_out, tuple(self._ptx))
