"""Knows how evidence becomes an identity: every part of the catalog is held against what was read.

Hard evidence (PCI id with subsystem and revision, compute capability or gfx target, SM or CU count, memory, bus width)
rules parts out; the name and the default power limit support or doubt, because drivers, hypervisors and operators
change them. One part left is an identity, several are candidates, none is a part the catalog does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.names import is_generic, matching
from parity.model.absent import value_of
from parity.model.identified import Candidate, Evidence, Identified
from parity.model.partition import SLICES, Partition
from parity.units import GIB, fewest_digits, format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from parity.catalog.compiled import IndexEntry
    from parity.model.device import Device
    from parity.model.identified import EvidenceKind

# Printed memory against the capacity sold: in-band ECC takes up to 6.3 % on GDDR6, HBM parts reserve 0.5 %;
# drivers before R510 print 15079 MiB for a T4 (-8 %).
MEMORY_LOW, MEMORY_HIGH = 0.915, 1.001
# A module that shares its memory shows what firmware and carve-outs leave of it.
UNIFIED_MEMORY_LOW = 0.75
# The CUDA 13 driver changed what B200 reports by 6.7 % (pytorch/ao#4002).
BUS_WIDTH_TOLERANCE = 0.07
CLOCK_TOLERANCE = 0.02
POWER_TOLERANCE_W = 1.5

UNKNOWN_PARTITION = Partition(kind="unknown")


def identify(device: Device, index: Iterable[IndexEntry]) -> Identified:
    """Return which catalog parts a device is, and why every other near part is not it.

    Args:
        device: one device of a fingerprint.
        index: the catalog's index.
    """
    index = tuple(index)
    weighed = weigh_all(device, index)
    accepted = _without_doubt([candidate for candidate in weighed if candidate.accepted])
    contradicted = [] if accepted else _nearest_contradicted(weighed)
    chosen = accepted or contradicted
    return Identified(
        device=device,
        identity=accepted[0].id if len(accepted) == 1 else None,
        candidates=tuple(candidate.id for candidate in chosen),
        weighed=_worth_telling(weighed),
        evidence=accepted[0].kinds("supports") if len(accepted) == 1 else _shared_support(accepted),
        contradictions=_contradictions(chosen),
        partition=_partition(device, [entry for entry in index if entry.id in {c.id for c in chosen}]),
    )


def _partition(device: Device, entries: list[IndexEntry]) -> Partition:
    """Return the device's partition; a slice without a profile gets the one whose units and memory it has."""
    partition = value_of(device.identity.partition)
    if partition is None or partition.profile or partition.kind not in SLICES:
        return partition or UNKNOWN_PARTITION
    units = value_of(device.identity.sm_count) or value_of(device.identity.cu_count)
    memory = value_of(device.identity.memory_bytes)
    fitting = {
        known.profile
        for entry in entries
        for known in entry.partitions
        if units is not None
        and units in (known.sm_count, known.cu_count)
        and (memory is None or known.memory_bytes is None or abs(memory / known.memory_bytes - 1) < 1 - MEMORY_LOW)
    }
    profile = fitting.pop() if len(fitting) == 1 else ""
    return Partition(kind=partition.kind, profile=profile, memory_mode=partition.memory_mode)


def weigh_all(device: Device, index: Iterable[IndexEntry]) -> list[Candidate]:
    """Return every part of the device's vendor held against the device, accepted or not."""
    entries = [entry for entry in index if _vendor_fits(device, entry)]
    known_ids = {pci.id for entry in entries for pci in entry.pci_ids}
    name = _telling_name(device)
    named = matching(name, [(entry.id, entry.folded_names) for entry in entries]) if name else set()
    return [_weigh(device, entry, known_ids=known_ids, name=name, named=named) for entry in entries]


def _vendor_fits(device: Device, entry: IndexEntry) -> bool:
    vendor = value_of(device.identity.vendor)
    return vendor is None or vendor == entry.vendor


def _weigh(device: Device, entry: IndexEntry, *, known_ids: set[str], name: str | None, named: set[str]) -> Candidate:
    """Hold one part against the device."""
    evidence = (
        *_weigh_pci(device, entry, known_ids),
        _weigh_arch(device, entry),
        _weigh_units(device, entry),
        _weigh_memory(device, entry),
        _weigh_bus_width(device, entry),
        _weigh_memory_clock(device, entry),
        _weigh_power(device, entry),
        _weigh_name(device, entry, name, named),
    )
    says = {item.kind: item.says for item in evidence}
    against = {kind for kind, what in says.items() if what == "contradicts"}
    if says["pci-id"] == "supports":
        # A hypervisor or an old id table prints another part's name; the bus does not lie.
        against.discard("name")
    accepted = not against and _enough(says)
    return Candidate(id=entry.id, accepted=accepted, evidence=evidence)


def _enough(says: Mapping[EvidenceKind, str]) -> bool:
    """Return whether the supporting evidence names a part: an id, a name, or arch with units and memory."""
    supports = {kind for kind, what in says.items() if what == "supports"}
    counted = "sm-count" in supports or "cu-count" in supports
    if says["pci-id"] == "doubts":  # an id the catalog has never seen
        return "name" in supports and (counted or "memory" in supports)
    return "pci-id" in supports or "name" in supports or (counted and {"arch", "memory"} <= supports)


def _weigh_pci(device: Device, entry: IndexEntry, known_ids: set[str]) -> list[Evidence]:
    seen = value_of(device.identity.pci_device_id)
    if seen is None or not entry.pci_ids:
        return [Evidence(kind="pci-id", says="silent")]
    lines = [pci for pci in entry.pci_ids if pci.id == seen]
    if not lines:
        if seen not in known_ids:
            return [Evidence(kind="pci-id", says="doubts", detail=f"PCI id {seen} is in no catalog entry")]
        listed = ", ".join(dict.fromkeys(pci.id for pci in entry.pci_ids))
        return [Evidence(kind="pci-id", says="contradicts", detail=f"PCI id {seen}, not {listed}")]
    evidence = [Evidence(kind="pci-id", says="supports", detail=f"PCI id {seen}")]
    subsystem, revision = value_of(device.identity.pci_subsystem_id), value_of(device.identity.pci_revision)
    subsystems = [pci.subsystems for pci in lines]
    if subsystem is not None and all(subsystems):
        allowed = sorted({item for group in subsystems for item in group})
        told = f"subsystem {subsystem}"
        evidence.append(_agreement("subsystem", told, fits=subsystem in allowed, wanted=", ".join(allowed)))
    revisions = [pci.revisions for pci in lines]
    if revision is not None and all(revisions):
        allowed = sorted({item for group in revisions for item in group})
        told = f"revision {revision}"
        evidence.append(_agreement("revision", told, fits=revision in allowed, wanted=", ".join(allowed)))
    return evidence


def _weigh_arch(device: Device, entry: IndexEntry) -> Evidence:
    have = arch_of(device)
    if have is None:
        return Evidence(kind="arch", says="silent")
    if have == entry.arch:
        return Evidence(kind="arch", says="supports", detail=have)
    if entry.vendor == "amd" and have[:-1] == entry.arch[:-1] and _has_id(device, entry):
        # HSA_OVERRIDE_GFX_VERSION makes the runtime report a sibling target.
        return Evidence(kind="arch", says="doubts", detail=f"reports {have}, the part is {entry.arch}: overridden")
    return Evidence(kind="arch", says="contradicts", detail=f"{have}, not {entry.arch}")


def _has_id(device: Device, entry: IndexEntry) -> bool:
    seen = value_of(device.identity.pci_device_id)
    return seen is not None and seen in {pci.id for pci in entry.pci_ids}


def arch_of(device: Device) -> str | None:
    """Return ``sm_90`` or ``gfx942`` as read from the device, None when it was not read."""
    gfx = value_of(device.identity.gfx_target)
    if gfx is not None:
        return gfx.split(":")[0]
    capability = value_of(device.identity.compute_capability)
    return None if capability is None else "sm_" + capability.replace(".", "")


def _weigh_units(device: Device, entry: IndexEntry) -> Evidence:
    nvidia = entry.vendor == "nvidia"
    kind: EvidenceKind = "sm-count" if nvidia else "cu-count"
    word = "SMs" if nvidia else "CUs"
    have = value_of(device.identity.sm_count if nvidia else device.identity.cu_count)
    if have is None or entry.units is None:
        return Evidence(kind=kind, says="silent")
    partition = value_of(device.identity.partition)
    if partition is not None and partition.kind in (*SLICES, "vgpu"):
        return _weigh_slice(kind, have, entry, partition, word)
    return _agreement(kind, f"{have} {word}", fits=have == entry.units, wanted=str(entry.units))


def _weigh_slice(kind: EvidenceKind, have: int, entry: IndexEntry, partition: Partition, word: str) -> Evidence:
    """Hold a slice's units against the part's own list of slices; without one, a slice is at most the whole."""
    for known in entry.partitions:
        if known.profile == partition.profile:
            units = known.sm_count if entry.vendor == "nvidia" else known.cu_count
            if units is not None:
                told = f"{have} {word} in a {known.profile} slice"
                return _agreement(kind, told, fits=have == units, wanted=str(units))
    if entry.units is not None and have > entry.units:
        return Evidence(kind=kind, says="contradicts", detail=f"a slice of {have} {word} of {entry.units}")
    return Evidence(kind=kind, says="silent")


def _agreement(kind: EvidenceKind, told: str, *, fits: bool, wanted: str) -> Evidence:
    if fits:
        return Evidence(kind=kind, says="supports", detail=told)
    return Evidence(kind=kind, says="contradicts", detail=f"{told}, not {wanted}")


def _weigh_memory(device: Device, entry: IndexEntry) -> Evidence:
    have, sold = value_of(device.identity.memory_bytes), entry.memory_bytes
    if have is None or sold is None:
        return Evidence(kind="memory", says="silent")
    if value_of(device.identity.memory_unified):
        fits = UNIFIED_MEMORY_LOW * sold <= have <= MEMORY_HIGH * sold
        detail = f"{_gib(have)} of shared memory" + ("" if fits else f", not {_gib(sold)}")
        return Evidence(kind="memory", says="supports" if fits else "doubts", detail=detail)
    partition = value_of(device.identity.partition)
    if partition is not None and partition.kind in (*SLICES, "vgpu"):
        if have > sold * MEMORY_HIGH:
            return Evidence(kind="memory", says="contradicts", detail=f"{_gib(have)} in a slice of {_gib(sold)}")
        return Evidence(kind="memory", says="silent")
    if sold * MEMORY_LOW <= have <= sold * MEMORY_HIGH:
        return Evidence(kind="memory", says="supports", detail=f"{_gib(have)} of memory")
    rebuilt = any(size * MEMORY_LOW <= have <= size * MEMORY_HIGH for size in entry.modified_memory_bytes)
    tail = ": a known rebuilt board" if rebuilt else ""
    return Evidence(kind="memory", says="contradicts", detail=f"{_gib(have)} of memory, not {_gib(sold)}{tail}")


def _gib(count: int) -> str:
    return format_bytes(count) if count < GIB else f"{fewest_digits(round(count / GIB, 1))} GiB"


def _weigh_bus_width(device: Device, entry: IndexEntry) -> Evidence:
    have, wanted = value_of(device.identity.memory_bus_width_bits), entry.memory_bus_width_bits
    partition = value_of(device.identity.partition)
    if have is None or wanted is None or (partition is not None and partition.kind != "none"):
        return Evidence(kind="bus-width", says="silent")
    fits = abs(have / wanted - 1) <= BUS_WIDTH_TOLERANCE
    detail = f"{have} bit" + ("" if fits else f", not {wanted} bit")
    return Evidence(kind="bus-width", says="supports" if fits else "contradicts", detail=detail)


def _weigh_memory_clock(device: Device, entry: IndexEntry) -> Evidence:
    """Tell GDDR6 from GDDR6X versions of one board; only a doubt, since owners overclock memory."""
    have, wanted = value_of(device.identity.memory_clock_mhz), entry.memory_clock_mhz
    if have is None or wanted is None:
        return Evidence(kind="memory-clock", says="silent")
    fits = abs(have / wanted - 1) <= CLOCK_TOLERANCE
    detail = f"memory clock {have} MHz" + ("" if fits else f", not {wanted} MHz")
    return Evidence(kind="memory-clock", says="supports" if fits else "doubts", detail=detail)


def _weigh_power(device: Device, entry: IndexEntry) -> Evidence:
    have = value_of(device.identity.power_default_w)
    if have is None or not entry.power_default_w:
        return Evidence(kind="power-default", says="silent")
    fits = any(abs(have - limit) <= POWER_TOLERANCE_W for limit in entry.power_default_w)
    listed = ", ".join(fewest_digits(limit) for limit in entry.power_default_w)
    detail = f"default power {fewest_digits(have)} W" + ("" if fits else f", not {listed} W")
    return Evidence(kind="power-default", says="supports" if fits else "doubts", detail=detail)


def _telling_name(device: Device) -> str | None:
    """Return the printed name unless it is one that is printed for any part."""
    name = value_of(device.identity.name)
    return None if name is None or is_generic(name) else name


def _weigh_name(device: Device, entry: IndexEntry, name: str | None, named: set[str]) -> Evidence:
    if name is None:
        return Evidence(kind="name", says="silent")
    if entry.id in named:
        return Evidence(kind="name", says="supports", detail=f"prints {name!r}")
    if not entry.reported_names and not named:
        return Evidence(kind="name", says="silent")
    if not named and _has_id(device, entry):
        return Evidence(kind="name", says="doubts", detail=f"prints {name!r}, a name the catalog does not know")
    wanted = " or ".join(repr(known) for known in entry.reported_names[:2]) or repr(entry.name)
    return Evidence(kind="name", says="contradicts", detail=f"prints {name!r}, not {wanted}")


def _without_doubt(accepted: list[Candidate]) -> list[Candidate]:
    """Return the candidates with nothing against them, when there are any; then by doubts, then by their id."""
    kept = accepted
    for better in (
        [candidate for candidate in kept if not candidate.kinds("contradicts")],
        [candidate for candidate in kept if not candidate.kinds("doubts")],
        [candidate for candidate in kept if "pci-id" in candidate.kinds("supports")],
    ):
        both = [candidate for candidate in kept if candidate in better]
        kept = both or kept
    return kept


def _nearest_contradicted(weighed: list[Candidate]) -> list[Candidate]:
    """Return the parts whose PCI id (or, without one, name) fits although other evidence does not."""
    for kind in ("pci-id", "name"):
        near = [candidate for candidate in weighed if kind in candidate.kinds("supports")]
        if near:
            fewest = min(len(candidate.kinds("contradicts")) for candidate in near)
            return [candidate for candidate in near if len(candidate.kinds("contradicts")) == fewest]
    return []


def _shared_support(accepted: list[Candidate]) -> tuple[str, ...]:
    if not accepted:
        return ()
    shared = set.intersection(*(set(candidate.kinds("supports")) for candidate in accepted))
    return tuple(kind for kind in accepted[0].kinds("supports") if kind in shared)


def _contradictions(chosen: list[Candidate]) -> tuple[str, ...]:
    """Return what disagrees with the chosen parts, told once."""
    told = [
        item.detail
        for candidate in chosen
        for item in candidate.evidence
        if item.says == "contradicts" or (item.says == "doubts" and item.kind == "arch")
    ]
    return tuple(dict.fromkeys(told))


def _worth_telling(weighed: list[Candidate]) -> tuple[Candidate, ...]:
    """Return the parts that an id, a name or several facts speak for, accepted ones first."""

    def weight(candidate: Candidate) -> tuple[bool, int, str]:
        supports = candidate.kinds("supports")
        strong = 2 * ("pci-id" in supports) + 2 * ("name" in supports) + len(supports)
        return (not candidate.accepted, len(candidate.kinds("contradicts")) - strong, candidate.id)

    near = [
        candidate
        for candidate in weighed
        if candidate.accepted
        or {"pci-id", "name"} & set(candidate.kinds("supports"))
        or (len(candidate.kinds("supports")) >= 2 and len(candidate.kinds("contradicts")) <= 2)
    ]
    return tuple(sorted(near, key=weight)[:12])
