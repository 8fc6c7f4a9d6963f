"""Knows how kernels call themselves, as ``rules/kernels/names`` states it; the pytest plugin reads a copy."""

import msgspec

from parity.model.spec import Source


class KernelBackend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One backend, by the texts inside the names of its kernels; ``*`` in a text stands for anything."""

    id: str
    name: str
    patterns: tuple[str, ...]
    source: str


class KernelNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The backends, the more particular ones first: the first that fits names a kernel."""

    backends: tuple[KernelBackend, ...]
    sources: dict[str, Source]
