"""Knows which head dimensions an attention library takes on a device, as ``rules/kernels`` states its own gates.

The forward pass alone is judged. What the data do not name is unknown, never refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from parity.catalog import store
from parity.catalog.libraries import UNKNOWN, LibraryAnswer, library_named, library_range, range_support
from parity.model.kernel_library import HeadDimLimit
from parity.model.spec import DeviceSpec, Source

if TYPE_CHECKING:
    from parity.model.kernel_library import KernelLibrary
    from parity.model.stack_facts import StackFacts

Format: TypeAlias = Literal["fp16", "fp8", "dense-decode", "sparse-decode"]
Taken: TypeAlias = Literal["supported", "padded", "unsupported", "unknown"]


class HeadDimAnswer(msgspec.Struct, frozen=True):
    """Whether a head dimension runs.

    Attributes:
        support: ``supported``; ``padded``: it runs as the larger ``runs_as``; ``unsupported``: the library's own gate
            refuses it; ``unknown``.
        why: in words; empty when simply supported.
        runs_as: the head dimension that is computed; 0 when nothing is known or nothing runs.
        source: None when unknown.
    """

    support: Taken
    why: str = ""
    runs_as: int = 0
    source: Source | None = None


class HeadDimSupport(msgspec.Struct, frozen=True, kw_only=True):
    """What one version of a library takes on one architecture.

    Attributes:
        library: id of the file under ``rules/kernels``; ``name``: as people call it.
        version: the one that the answers hold for.
        runs: what it does on the architecture as a whole.
        refused: why the library does not run there at all; empty when it does, or nobody knows.
    """

    library: str
    name: str
    version: str
    arch: str
    limits: tuple[HeadDimLimit, ...] = ()
    sources: dict[str, Source] = {}
    runs: LibraryAnswer = UNKNOWN
    refused: str = ""
    refused_source: Source | None = None

    def answer(self, head_dim: int, value_head_dim: int | None = None, *, form: Format = "fp16") -> HeadDimAnswer:
        """Return whether a head dimension runs.

        Args:
            head_dim: of queries and keys.
            value_head_dim: of values; None: the same.
            form: ``fp16`` (and BF16), ``fp8``, or how latents are decoded: ``dense-decode``, ``sparse-decode``.
        """
        if self.refused:
            return HeadDimAnswer("unsupported", self.refused, 0, self.refused_source)
        limit = next((limit for limit in self.limits if limit.format == form), None)
        if limit is None:
            return HeadDimAnswer("unknown", f"no limit of {self.name} {self.version} on {self.arch} is known")
        value = head_dim if value_head_dim is None else value_head_dim
        source = self.sources.get(limit.source)
        odd = head_dim % limit.multiple_of or value % limit.multiple_of
        if limit.refused or odd:
            why = limit.refused or f"{self._takes(limit)} multiples of {limit.multiple_of}"
            return HeadDimAnswer("unsupported", why, 0, source)
        fits = _fits(limit, head_dim, value)
        if fits is None or (not fits and limit.beyond == "unknown"):
            told = "whether values may have another head dimension is not in the data"
            gate = f"no gate of {self.name} {self.version} on {self.arch} is known for it"
            return HeadDimAnswer("unknown", gate if limit.beyond == "unknown" else told)
        if not fits:
            return HeadDimAnswer("unsupported", f"{self._takes(limit)} {_bounds(limit)}", 0, source)
        runs_as = -(-head_dim // limit.padded_to) * limit.padded_to
        if runs_as != head_dim:
            return HeadDimAnswer("padded", f"{head_dim} is padded to {runs_as}", runs_as, source)
        return HeadDimAnswer("supported", "", head_dim, source)

    def _takes(self, limit: HeadDimLimit) -> str:
        form = {"fp16": "", "fp8": " FP8"}.get(limit.format, f" for {limit.format}")
        return f"{self.name} {self.version} takes{form} head dimensions on {self.arch} that are"


def head_dim_support(
    name: str, version: str | None, device: DeviceSpec | str, *, facts: StackFacts | None = None
) -> HeadDimSupport:
    """Return what a library takes on a device; ask its ``answer`` for a head dimension.

    Args:
        name: id (``flash-attn-3``) or distribution of the library; another one takes nothing that is known.
        version: the installed one; None: the newest that the data know.
        device: a part, or an architecture (``sm_90``).
        facts: the stack data; None: the catalog's.

    >>> blackwell = head_dim_support("flash-attn-4", "4.0.0b27", "sm_100")
    >>> blackwell.answer(160).support, blackwell.answer(192, 128).support
    ('unsupported', 'supported')
    >>> head_dim_support("flash-attn-4", "4.0.0b27", "sm_90").answer(160).support
    'supported'
    >>> head_dim_support("flash-attn-4", "9.0", "sm_100").answer(160).support
    'unknown'
    """
    arch = device if isinstance(device, str) else device.arch
    item = library_named(_libraries(facts), name)
    if item is None:
        return HeadDimSupport(library=name, name=name, version=version or "", arch=arch)
    judged = item.ranges[-1].last if version is None else version
    row = item.ranges[-1] if version is None else library_range(item, version)
    answer = range_support(item, row, arch)
    refused = answer.support == "unsupported"
    return HeadDimSupport(
        library=item.id,
        name=item.name,
        version=judged,
        arch=arch,
        limits=tuple(limit for limit in (row.head_dims if row else ()) if arch in limit.architectures),
        sources=item.sources,
        runs=answer,
        refused=f"{item.name} {judged} does not run on {arch}: {answer.note}" if refused else "",
        refused_source=answer.source if refused else None,
    )


def head_dim_libraries(facts: StackFacts | None = None) -> tuple[str, ...]:
    """Return the ids of the libraries whose head dimensions the data know."""
    return tuple(item.id for item in _libraries(facts) if any(row.head_dims for row in item.ranges))


def _libraries(facts: StackFacts | None) -> tuple[KernelLibrary, ...]:
    return store.kernel_libraries() if facts is None else facts.libraries


def _fits(limit: HeadDimLimit, head: int, value: int) -> bool | None:
    """Return whether a pair is within the bounds; None when the data do not say."""
    if any(_in(head, pair.head) and _in(value, pair.value) for pair in limit.also):
        return True
    bounds = (limit.least, limit.most)
    if not _in(head, bounds):
        return False
    if value == head:
        return True
    if limit.value == "unknown":
        return None
    return limit.value == "within" and _in(value, bounds)


def _in(number: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= number <= bounds[1]


def _bounds(limit: HeadDimLimit) -> str:
    """Return ``from 8 to 128, values the same or (192, values 128)``."""
    told = [f"from {limit.least} to {limit.most}" if limit.least > 1 else f"at most {limit.most}"]
    if limit.value == "same":
        told[0] += ", values the same"
    told += [f"({_span(pair.head)}, values {_span(pair.value)})" for pair in limit.also]
    return " or ".join(told)


def _span(bounds: tuple[int, int]) -> str:
    return str(bounds[0]) if bounds[0] == bounds[1] else f"{bounds[0]}-{bounds[1]}"
