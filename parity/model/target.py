"""Knows a target: what production is declared to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.model.absent import Absent, Reading
from parity.model.partition import SLICES, WHOLE, Partition
from parity.model.rule import Level
from parity.model.spec import DeviceSpec, FactValue, derived_bandwidth_gbps

if TYPE_CHECKING:  # a target is never read from a file, and most declare no captured machine
    from parity.model.fingerprint import Fingerprint  # noqa: TC004


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A declared production machine, resolved against the catalog.

    Attributes:
        spec: the part; built from readings when a captured fingerprint names a part the catalog lacks.
        source: where the declaration comes from: ``--target``, ``parity.yaml: targets.prod``, a file.
        count: devices; None: any number.
        require: the least level that perf tests need.
        partition: the slice production uses; whole devices by default.
        stack: component or package name -> version specifier.
        conditions: condition name -> required value or comparison (``">=700"``).
        reference: the captured production fingerprint, when the target is one.
    """

    spec: DeviceSpec
    source: str
    count: int | None = None
    require: Level = "equivalent"
    partition: Partition = WHOLE
    stack: dict[str, str] = {}
    conditions: dict[str, str | float | int | bool] = {}
    reference: Fingerprint | None = None
    name: str = ""

    @property
    def id(self) -> str:
        """Return the catalog id of the part."""
        return self.spec.id

    @property
    def part_name(self) -> str:
        """Return the part, with the slice of it that is meant: ``h100-sxm5-80gb/1g.10gb``."""
        if self.partition.kind not in SLICES:
            return self.spec.id
        return f"{self.spec.id}/{self.partition.profile or self.partition.kind}"

    def fact(self, name: str) -> Reading[FactValue] | Absent:
        """Return one fact of the declared part, or slice of it."""
        if self.partition.kind in SLICES:
            return slice_fact(self.spec, self.partition, name)
        return spec_fact(self.spec, name)


def spec_fact(spec: DeviceSpec, name: str) -> Reading[FactValue] | Absent:
    """Return a fact of a whole part; bandwidth by clock and width when all three are known.

    ``unit_count`` stands for the SM count or CU count, whichever the vendor has.
    """
    if name == "unit_count":
        name = "sm_count" if spec.vendor == "nvidia" else "cu_count"
    if name == "memory_bandwidth_gbps":
        derived = derived_bandwidth_gbps(spec)
        if derived is not None:
            return Reading(value=derived, source=f"catalog: {spec.id}: factor x clock x width / 8")
    value = spec.value(name)
    if value is None:
        return Absent(why="not_asked", source=f"catalog: {spec.id}", detail=f"the catalog has no sourced {name}")
    return Reading(value=value, source=f"catalog: {spec.id}")


# Facts of a whole GPU that its slices share; all others are divided, and only the part's own list says how.
_SHARED_BY_SLICES = frozenset(
    {
        "memory_type", "warp_size", "fp8_dialect", "form_factor", "shared_memory_per_sm_bytes", "memory_clock_mhz",
        "shared_memory_per_block_optin_bytes", "registers_per_sm_bytes", "clock_boost_mhz", "power_default_w",
        "pcie_generation", "pcie_width", "formats_absent", "link_type",
    }
)  # fmt: skip


def slice_fact(spec: DeviceSpec, partition: Partition, name: str) -> Reading[FactValue] | Absent:
    """Return a fact of a slice: from the part's list of slices, or shared with the whole; never the whole's own."""
    if name in _SHARED_BY_SLICES:
        return spec_fact(spec, name)
    field = {"unit_count": "sm_count" if spec.vendor == "nvidia" else "cu_count"}.get(name, name)
    for known in spec.partitions:
        if known.profile == partition.profile:
            value = getattr(known, field, None)
            if isinstance(value, int):
                return Reading(value=value, source=f"catalog: {spec.id}: {known.profile}")
    where = f"{spec.id}/{partition.profile or partition.kind}"
    return Absent(why="not_asked", source=f"catalog: {where}", detail=f"the catalog has no {name} of this slice")
