"""Knows a device spec: one part as sold, as its catalog file under ``rules/devices`` states it."""

from typing import Literal, TypeAlias

import msgspec

from parity.units import peak_memory_bandwidth_gbps

FactValue: TypeAlias = int | float | str | bool

# Every fact a part may carry, with its type and meaning. Fingerprint facts use the same names.
FACTS: dict[str, tuple[type, str]] = {
    "sm_count": (int, "streaming multiprocessors (NVIDIA)"),
    "cu_count": (int, "compute units (AMD)"),
    "xcd_count": (int, "accelerator compute dies enumerated as this device (AMD)"),
    "memory_bytes": (int, "capacity as sold; the GB of product names is GiB"),
    "memory_reported_bytes": (int, "total memory exactly as the driver prints it on a real device"),
    "memory_type": (str, "HBM2, HBM2e, HBM3, HBM3e, GDDR5, GDDR6, GDDR6X, GDDR7, LPDDR5X"),
    "memory_unified": (bool, "GPU memory is the system's memory"),
    "memory_bus_width_bits": (int, "enabled width of the memory interface"),
    "memory_clock_mhz": (int, "maximum memory clock as the driver reports it"),
    "memory_clock_factor": (int, "transfers per reported memory clock"),
    "memory_bandwidth_gbps": (float, "theoretical peak, decimal GB/s, as published"),
    "l2_bytes": (int, "L2 cache as the driver reports it"),
    "infinity_cache_bytes": (int, "memory-side cache (AMD Infinity Cache)"),
    "shared_memory_per_sm_bytes": (int, "shared memory per SM, LDS per CU"),
    "shared_memory_per_block_optin_bytes": (int, "largest shared memory of one block, opt-in"),
    "registers_per_sm_bytes": (int, "register file per SM, vector registers per CU"),
    "warp_size": (int, "threads per warp or wavefront"),
    "clock_boost_mhz": (int, "maximum SM or engine clock as the driver reports it"),
    "clock_rate_mhz": (int, "clock for which the published dense rates hold"),
    "clock_base_mhz": (int, "base clock"),
    "power_default_w": (int, "default board power limit"),
    "power_covers": (str, "what else than this device the power is of: two devices, the CPU"),
    "power_min_w": (int, "lowest power limit the driver accepts"),
    "power_max_w": (int, "highest power limit the driver accepts"),
    "tflops_fp64": (float, "dense vector FP64"),
    "tflops_fp64_tensor": (float, "dense matrix FP64"),
    "tflops_fp32": (float, "dense vector FP32"),
    "tflops_tf32": (float, "dense matrix TF32 (XF32 on AMD)"),
    "tflops_bf16": (float, "dense matrix BF16, FP32 accumulate"),
    "tflops_fp16": (float, "dense matrix FP16, FP32 accumulate"),
    "tflops_fp8": (float, "dense matrix FP8"),
    "tflops_fp6": (float, "dense matrix FP6"),
    "tflops_fp4": (float, "dense matrix FP4"),
    "tops_int8": (float, "dense matrix INT8"),
    "tflops_bf16_measured": (float, "best dense BF16 matrix product measured on a device, as published"),
    "tflops_fp8_measured": (float, "best dense FP8 matrix product measured on a device, as published"),
    "formats_absent": (str, "formats that the matrix units do not compute, space separated: fp8 fp6 fp4"),
    "fp8_dialect": (str, "ocp, fnuz or none: which FP8 encodings the matrix units compute"),
    "link_type": (str, "nvlink, xgmi or none: the part's GPU-to-GPU link"),
    "link_count": (int, "links of the device"),
    "link_bandwidth_gbps": (float, "all links, both directions together"),
    "pcie_generation": (int, "host interface generation"),
    "pcie_width": (int, "host interface lanes"),
    "form_factor": (str, "sxm2, sxm3, sxm4, sxm5, sxm6, pcie, nvl, oam, superchip, mxm, module, soc, socket"),
    "transistors": (int, "transistors of all compute silicon"),
    "compute_dies": (int, "compute dies of the package"),
}

VARIES_BY_SOURCE = "derived"


class Disputed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another source's value for the same fact."""

    value: FactValue
    source: str


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One catalog fact: the preferred value, its source, and what other sources say.

    Attributes:
        source: a key of the file's ``sources``, or ``derived`` for arithmetic on other facts.
        conflicts: tuple[Disputed, ...], values of other sources that differ.
    """

    value: FactValue
    source: str
    conflicts: tuple[Disputed, ...] = ()


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a fact was read.

    Attributes:
        title: document or repository, with its revision.
        where: page, section or path.
        read: ISO date of the reading.
        kind: ``device`` (printed by a driver on real hardware), ``spec`` (the maker's figure or a transcription of it),
            ``derived`` (arithmetic), ``table`` (a maker's id table or header).
    """

    title: str
    where: str
    read: str
    kind: str = "spec"


class PciId(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One PCI id this part is sold under.

    Attributes:
        id: ``10de:2330``, vendor:device, lower case.
        subsystems: subsystem ids (``10de:16c1``) that mean this part; empty: any.
        revisions: PCI revisions (``c8``) that mean this part; empty: any.
    """

    id: str
    subsystems: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()


class Achieved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What somebody published as measured on a healthy device of this part: no promise, and no theoretical figure.

    Attributes:
        name: a measurement's name: ``dram_copy`` (bytes read and written), ``dram_read``, ``dram_write``.
        kernel: ``kernel`` (code on the compute units) or ``memcpy`` (the driver's own copy): never compared across.
        value: decimal GB/s.
        source: a key of the file's ``sources``.
    """

    name: Literal["dram_copy", "dram_read", "dram_write"]
    kernel: Literal["kernel", "memcpy"]
    value: float
    source: str


class PartitionSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One way the part can be cut: a MIG profile or an AMD compute partition.

    Attributes:
        profile: ``1g.10gb``, ``CPX``.
        kind: ``mig`` or ``compute``.
        sm_count, cu_count: units of one slice.
        memory_bytes: memory of one slice.
        count: slices per GPU.
    """

    profile: str
    kind: str
    source: str
    sm_count: int | None = None
    cu_count: int | None = None
    memory_bytes: int | None = None
    count: int | None = None


class DeviceSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One part as sold.

    Attributes:
        id: catalog name, kebab-case: ``h100-sxm5-80gb``.
        name: for people.
        family: ``hopper``, ``blackwell``, ``ada``, ``cdna3``, ...
        compute_capability: ``9.0`` on NVIDIA; ``gfx_target``: ``gfx942`` on AMD.
        aliases: short names that mean this part: ``h100``.
        reported_names: exactly as drivers and frameworks print it.
        pci_ids: ids the part is sold under.
        facts: fact name (``FACTS``) -> Fact.
        achieved: bandwidths published as measured on this part; each is one device's, of one kind of kernel.
        partitions: how it can be cut.
        modified: memory sizes (bytes) known of boards rebuilt outside the maker's range.
        note: what a user should know about this part.
    """

    id: str
    name: str
    vendor: str
    family: str
    compute_capability: str = ""
    gfx_target: str = ""
    aliases: tuple[str, ...] = ()
    reported_names: tuple[str, ...] = ()
    pci_ids: tuple[PciId, ...] = ()
    facts: dict[str, Fact] = {}
    achieved: tuple[Achieved, ...] = ()
    partitions: tuple[PartitionSpec, ...] = ()
    modified_memory_bytes: tuple[int, ...] = ()
    sources: dict[str, Source] = {}
    note: str = ""

    @property
    def arch(self) -> str:
        """Return ``sm_90`` or ``gfx942``."""
        return self.gfx_target or "sm_" + self.compute_capability.replace(".", "")

    def value(self, name: str) -> FactValue | None:
        """Return a fact's preferred value, None when the catalog has none."""
        fact = self.facts.get(name)
        return None if fact is None else fact.value

    def number(self, name: str) -> float | None:
        """Return a numeric fact's value, None when there is none."""
        found = self.value(name)
        return None if found is None or isinstance(found, str) else float(found)


class ArchitectureSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Facts that every part of one compute capability or gfx target shares.

    Attributes:
        id: ``sm_90``, ``gfx942``.
        facts: facts merged into each part of this architecture; a part's own fact wins.
        dense_flops_per_clock: dtype fact (``tflops_bf16``) -> the dense FLOP per clock per SM or CU that products of
            this architecture are sold with (several, where GeForce and professional parts differ).
        limits: what one SM or CU holds, fact by fact; names as in ``LaunchLimits``.
    """

    id: str
    vendor: str
    family: str
    facts: dict[str, Fact] = {}
    dense_flops_per_clock: dict[str, tuple[int, ...]] = {}
    limits: dict[str, Fact] = {}
    sources: dict[str, Source] = {}
    note: str = ""


def derived_bandwidth_gbps(spec: DeviceSpec) -> float | None:
    """Return factor x clock x width / 8 of a part in decimal GB/s, None when one of the three is unknown."""
    clock, width = spec.number("memory_clock_mhz"), spec.number("memory_bus_width_bits")
    factor = spec.number("memory_clock_factor")
    if clock is None or width is None or factor is None:
        return None
    return peak_memory_bandwidth_gbps(
        memory_clock_mhz=clock, memory_bus_width_bits=int(width), memory_clock_factor=factor
    )
