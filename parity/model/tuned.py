"""Knows tuned kernel tables as plain data: what a package ships, for which device, and how two devices fare by it."""

from typing import Literal, TypeAlias

import msgspec

Case: TypeAlias = Literal["both", "target-only", "here-only", "neither"]
CASES: tuple[Case, ...] = ("both", "target-only", "here-only", "neither")


class TunedEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tuned configuration: a shape of one kernel, for one kind of device.

    Attributes:
        family: kernel the table is for: ``fused-moe``, ``a8w8_tuned_gemm``, ``tunableop``.
        shape: what the program looks up besides the device: ``E=8,N=1792,dtype=fp8_w8a8``.
        path: the file.
        name: device name the file carries, None when the table is keyed otherwise.
        gfx: gfx target it is keyed by (``gfx942:sramecc+:xnack-``); cu_count: the CU count.
        arch_name: the program's own word for a gfx target (AITER: ``MI300X``).
        triton: Triton version of the folder it lies in.
        misspelled: why no program asks for a file of this name, whatever the device.
    """

    family: str
    shape: str
    path: str
    name: str | None = None
    gfx: str = ""
    cu_count: int | None = None
    arch_name: str = ""
    triton: str = ""
    misspelled: str = ""


class TunedPackage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tables of one installed package, wheel, folder or file.

    Attributes:
        pci_names: AMD PCI device id (``74a1``) -> device name, where the package replaces the driver's.
        arch_names: gfx target -> the word for it in the package's file names.
        problems: what could not be read, with the file; a table may be missing from ``entries`` for it.
    """

    name: str
    version: str = ""
    entries: tuple[TunedEntry, ...] = ()
    pci_names: dict[str, str] = {}
    arch_names: dict[str, str] = {}
    problems: tuple[str, ...] = ()


class TunedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device as tables are looked up for it.

    Attributes:
        label: for people.
        names: exactly as drivers print it; a part may have several.
        pci_ids: ``1002:74a1``.
        arch: ``sm_90``, ``gfx942``.
        cu_count: None when not known, or not an AMD device.
    """

    label: str
    vendor: str
    names: tuple[str, ...] = ()
    pci_ids: tuple[str, ...] = ()
    arch: str = ""
    cu_count: int | None = None


class Misnamed(msgspec.Struct, frozen=True, kw_only=True):
    """A device name in file names that no part of the catalog has.

    Attributes:
        never: no device can have it; else it is only not in the catalog.
    """

    name: str
    files: int
    never: bool
    why: str


class TunedFamily(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of table, judged.

    Attributes:
        total: shapes tuned for any device.
        target, here: shapes tuned for it; None when not asked for, or the tables are for the other vendor's devices.
        shapes: shape -> who has a table for it; only when both were asked for.
        devices: what the tables are keyed by (device name, or gfx target and CU count) -> shapes.
        target_names: device name -> shapes tuned for the target under it; a driver prints one of them.
        triton: Triton version -> shapes, of those tuned for the target (for any device, without a target).
            SGLang takes another version's table with a warning; older ones may not.
        unknown: why it cannot be told which shapes are the target's or this machine's; empty: it can.
    """

    family: str
    total: int
    target: int | None = None
    here: int | None = None
    shapes: dict[str, Case] = {}
    devices: dict[str, int] = {}
    target_names: dict[str, int] = {}
    triton: dict[str, int] = {}
    unknown: str = ""


class TunedPackageReport(msgspec.Struct, frozen=True, kw_only=True):
    """One package, judged."""

    package: str
    version: str
    families: tuple[TunedFamily, ...] = ()
    misnamed: tuple[Misnamed, ...] = ()
    problems: tuple[str, ...] = ()


class TunedReport(msgspec.Struct, frozen=True, kw_only=True):
    """Tuned tables of packages, as ``parity kernels --tuned --format json`` prints them.

    Attributes:
        target, here: the devices judged; None when not asked for.
    """

    schema: Literal["parity.tuned/1"] = "parity.tuned/1"
    target: str | None
    here: str | None
    packages: tuple[TunedPackageReport, ...] = ()
    exit_status: int = 0
