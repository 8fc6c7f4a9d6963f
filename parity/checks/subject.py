"""Knows what a check is given: one device under one hypothesis of its part, or the machine as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from parity.model.absent import Absent, Reading, value_of
from parity.model.environment import EnvironmentCard
from parity.model.fingerprint import Fingerprint
from parity.model.identified import Identified
from parity.model.partition import SLICES
from parity.model.spec import VARIES_BY_SOURCE, DeviceSpec, FactValue
from parity.model.stack_facts import StackFacts
from parity.model.target import slice_fact, spec_fact
from parity.units import peak_memory_bandwidth_gbps

if TYPE_CHECKING:
    from parity.model.device import Device, DeviceConditions


class Subject(msgspec.Struct, frozen=True):
    """One device, taken to be one part.

    Attributes:
        identified: the device and the evidence.
        spec: the part it is taken to be; None when the catalog does not know it.
    """

    identified: Identified
    spec: DeviceSpec | None

    @property
    def device(self) -> Device:
        """Return the device as it was read."""
        return self.identified.device

    @property
    def label(self) -> str:
        """Return ``GPU 0 (NVIDIA H100 80GB HBM3)``."""
        return self.device.label

    @property
    def conditions(self) -> DeviceConditions:
        """Return the device's volatile state."""
        return self.device.conditions

    @property
    def vendor(self) -> str | None:
        """Return ``nvidia`` or ``amd``, None when nothing says."""
        return value_of(self.device.identity.vendor) or (self.spec.vendor if self.spec else None)

    @property
    def arch(self) -> str | None:
        """Return ``sm_90`` or ``gfx942``, as the part has it, else as the device reports it."""
        if self.spec is not None:
            return self.spec.arch
        gfx = value_of(self.device.identity.gfx_target)
        if gfx is not None:
            return gfx.split(":")[0]
        capability = value_of(self.device.identity.compute_capability)
        return None if capability is None else "sm_" + capability.replace(".", "")

    @property
    def is_slice(self) -> bool:
        """Return whether the device is a MIG slice or an AMD compute partition."""
        return self.identified.partition.kind in SLICES

    def fact(self, name: str, *, as_sold: bool = False) -> Reading[FactValue] | Absent:
        """Return what is known of a fact: the reading, else what the part's catalog entry says.

        Args:
            name: a fact; ``unit_count`` stands for the SM count or CU count.
            as_sold: ask the catalog first.

        A slice never inherits the whole part's numbers.
        """
        if as_sold:
            sold = self._catalog(name)
            if isinstance(sold, Reading):
                return sold
        read: Reading[Any] | Absent
        if name == "unit_count":
            amd = self.vendor == "amd"
            read = self.device.identity.cu_count if amd else self.device.identity.sm_count
        elif name == "memory_bandwidth_gbps":
            read = self._bandwidth()
        else:
            read = getattr(self.device.identity, name, None) or _not_a_reading(name)
        if isinstance(read, Reading):
            return read
        known = self._catalog(name)
        if isinstance(known, Reading):
            return known
        return read if read.why != "not_asked" else known

    def _catalog(self, name: str) -> Reading[FactValue] | Absent:
        if self.spec is None:
            return Absent(why="not_asked", source="catalog", detail=f"the catalog has no part to take {name} from")
        if self.identified.partition.kind == "vgpu":
            return Absent(why="not_supported", source="catalog", detail="a vGPU is not the whole part")
        if self.is_slice:
            return slice_fact(self.spec, self.identified.partition, name)
        return spec_fact(self.spec, name)

    def _bandwidth(self) -> Reading[float] | Absent:
        """Return peak bandwidth from the driver's own clock and width; the factor is the part's.

        A driver's own bandwidth figure comes second: amdsmi fills it only in some versions. A slice's share of the
        bandwidth is not a product of these.
        """
        identity = self.device.identity
        clock, width = value_of(identity.memory_clock_mhz), value_of(identity.memory_bus_width_bits)
        if self.spec is not None and (clock is None) != (width is None):
            # One of the two was read: the other is the part's.
            clock = clock or _whole(self.spec.number("memory_clock_mhz"))
            width = width or _whole(self.spec.number("memory_bus_width_bits"))
        factor = self.spec.number("memory_clock_factor") if self.spec else None
        if factor is None and self.vendor == "nvidia":
            factor = 2
        if self.identified.partition.kind in (*SLICES, "vgpu"):
            return Absent(why="not_supported", source="derived", detail="a slice has a share of the bandwidth")
        if clock and width and factor:
            derived = peak_memory_bandwidth_gbps(
                memory_clock_mhz=clock, memory_bus_width_bits=width, memory_clock_factor=factor
            )
            return Reading(value=derived, source=f"{VARIES_BY_SOURCE}: {factor:g} x clock x width / 8")
        return identity.memory_bandwidth_gbps

    @property
    def part(self) -> str:
        """Return the part's id, or the printed name, or ``unlisted device``."""
        if self.spec is not None:
            return self.spec.id
        return value_of(self.device.identity.name) or "unlisted device"


class Machine(msgspec.Struct, frozen=True):
    """The whole machine.

    Attributes:
        fingerprint: everything read.
        subjects: one per visible device, under one hypothesis each.
        environment: cards of the variables that change a number.
        facts: the stack facts of the catalog.
    """

    fingerprint: Fingerprint
    subjects: tuple[Subject, ...]
    environment: tuple[EnvironmentCard, ...]
    facts: StackFacts


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _not_a_reading(name: str) -> Absent:
    return Absent(why="not_asked", source="", detail=f"no source reads {name}")
