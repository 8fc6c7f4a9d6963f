"""Knows how the limits of an architecture are put together: from its facts, and from what else its file states."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from parity.model.limits import LaunchLimits

if TYPE_CHECKING:
    from parity.model.spec import ArchitectureSpec

# Facts that are limits too, and their names there.
_FACTS = {
    "warp_size": "warp_size",
    "shared_memory_per_sm_bytes": "shared_memory_per_sm_bytes",
    "shared_memory_per_block_optin_bytes": "shared_memory_per_block_bytes",
}
_REGISTER_BYTES = 4


def limits_of(spec: ArchitectureSpec, problems: list[str]) -> dict[str, Any]:
    """Return the fields of ``LaunchLimits`` of an architecture; unknown names and sources become problems."""
    told = {name: spec.facts[fact].value for fact, name in _FACTS.items() if fact in spec.facts}
    if spec.vendor == "nvidia" and "registers_per_sm_bytes" in spec.facts:
        told["registers_per_sm"] = int(spec.facts["registers_per_sm_bytes"].value) // _REGISTER_BYTES
    for name, fact in spec.limits.items():
        if name not in LaunchLimits.__struct_fields__ or name == "arch":
            problems.append(f"{spec.id}: limits.{name}: no limit of this name is known")
        elif fact.source not in spec.sources:
            problems.append(f"{spec.id}: limits.{name}: no source {fact.source!r} in the file")
        elif type(fact.value) is not int or fact.value < 0:
            problems.append(f"{spec.id}: limits.{name}: a whole number is needed")
        else:
            told[name] = fact.value
    return {"arch": spec.id, **told}


def overlaid_limits(base: msgspec.Raw, extra: msgspec.Raw) -> msgspec.Raw:
    """Return the limits of both, those of ``extra`` where both have an architecture."""
    kind = dict[str, dict[str, Any]]
    joined = {**msgspec.json.decode(base, type=kind), **msgspec.json.decode(extra, type=kind)}
    return msgspec.Raw(msgspec.json.encode(joined))


def launch_limits(arch: str) -> LaunchLimits | None:
    """Return what one SM or CU of an architecture (``sm_90``, ``gfx942``) holds, None when the data have none."""
    return _limits().get(arch.partition(":")[0])


@cache
def _limits() -> dict[str, LaunchLimits]:
    from parity.catalog.store import compiled

    return msgspec.json.decode(compiled().limits, type=dict[str, LaunchLimits])
