"""Knows what CUDA versions need and can do, as ``rules/stack`` states it."""

import msgspec

from parity.model.spec import Source


class DriverFloor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The least driver on which any toolkit of a CUDA major version runs."""

    cuda_major: int
    driver: str
    source: str


class FirstToolkit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first CUDA toolkit that generates code for an architecture, and the last one where it was removed."""

    arch: str
    cuda: str
    source: str


class StackFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compatibility facts of the CUDA stack."""

    driver_floors: tuple[DriverFloor, ...] = ()
    first_toolkits: tuple[FirstToolkit, ...] = ()
    sources: dict[str, Source] = {}

    def driver_floor(self, cuda: str) -> str | None:
        """Return the least driver for a CUDA version (``12.8``), None when the data do not know it."""
        major = cuda.partition(".")[0]
        return next((row.driver for row in self.driver_floors if str(row.cuda_major) == major), None)

    def first_cuda(self, arch: str) -> str | None:
        """Return the first CUDA version for an architecture (``sm_100``), None when the data do not know it."""
        return next((row.cuda for row in self.first_toolkits if row.arch == arch), None)
