"""Knows judged device code as plain data: what would run on a device, per library and per package."""

from typing import Literal, TypeAlias

import msgspec

from parity.model.finding import Finding

Coverage: TypeAlias = Literal[
    "native-exact",  # code for this very architecture
    "native-compatible",  # code for a lower minor version, a family, or a generic target
    "native-but-arch-specific-variant-missing",  # plain code runs, the arch-specific twin is for another chip
    "ptx-jit",  # the driver compiles PTX on first use
    "none",  # nothing the device can load
    "unknown",  # what was read does not decide
]
# Best first. The covering ones are those on which something runs.
COVERAGES: tuple[Coverage, ...] = (
    "native-exact", "native-compatible", "native-but-arch-specific-variant-missing", "ptx-jit", "none", "unknown",
)  # fmt: skip
COVERING = COVERAGES[:4]


class RunsOn(msgspec.Struct, frozen=True, kw_only=True):
    """A device that code is to run on.

    Attributes:
        arch: ``sm_90``, ``gfx942:sramecc+:xnack-``.
        driver: version of its NVIDIA driver (``580.95.05``), or the least that is admitted; empty when not known.
        driver_cuda: the newest CUDA version its driver serves (``12.8``); empty when not known.
    """

    arch: str
    driver: str = ""
    driver_cuda: str = ""


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One library judged for one device.

    Attributes:
        verdict: None when the library has nothing to judge (stubs alone).
        regions: how many regions of each coverage, in the order of ``COVERAGES``.
        notes: why the verdict is not simply the worst covering region's.
        excused: it lacks code for the device, and is not meant for it.
        other_vendor: all its code is for the other vendor's devices.
    """

    verdict: Coverage | None
    regions: dict[Coverage, int] = {}
    notes: tuple[str, ...] = ()
    excused: bool = False
    other_vendor: bool = False


class PackageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement of one package, or of one library that no package owns.

    Attributes:
        target, here: None when not asked for, or nothing to judge.
        lacking: file names of the libraries that decide against the target, or the one judged.
        made_for_others: file names of the libraries that have no code for it and decide nothing: they are meant for
            other devices, and the package has others for this one.
        differs: what runs otherwise on the target than here, a line each.
        told: what ``rules/kernels`` says of this version on the target, or the one judged, where it is not plain
            support.
    """

    package: str
    version: str
    target: Coverage | None = None
    here: Coverage | None = None
    lacking: tuple[str, ...] = ()
    made_for_others: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


class LibraryVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts on one library."""

    target: Coverage | None = None
    here: Coverage | None = None


class LibraryRegions(msgspec.Struct, frozen=True, kw_only=True):
    """How many regions of each coverage a library has."""

    target: dict[Coverage, int] = {}
    here: dict[Coverage, int] = {}


class JudgedLibrary(msgspec.Struct, frozen=True, kw_only=True):
    """One library of the report.

    Attributes:
        sass, ptx, lto, amd: architectures of its code, hidden code included.
        counts: code objects per architecture where the loader looks; hidden, relocatable: elsewhere.
        stubs: per architecture, of translation units without kernels; they decide nothing.
        compression: stored form -> code objects.
        regions: fatbins, bundles and loose code objects that hold kernels.
        coverage: how many regions of each class.
        notes: why a verdict is what it is.
    """

    path: str
    package: str
    version: str
    size_bytes: int
    sass: tuple[str, ...] = ()
    ptx: tuple[str, ...] = ()
    lto: tuple[str, ...] = ()
    amd: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    hidden: dict[str, int] = {}
    relocatable: dict[str, int] = {}
    stubs: dict[str, int] = {}
    compression: dict[str, int] = {}
    files: int = 1
    regions: int = 0
    verdict: LibraryVerdict = LibraryVerdict()
    coverage: LibraryRegions = LibraryRegions()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class LoadedBy(msgspec.Struct, frozen=True, kw_only=True):
    """A running process whose libraries were judged.

    Attributes:
        pid, command: its number and short name.
        mapped: regular files it has mapped, libraries or not.
        gone: those of them that were deleted or replaced since: what runs is not what is installed.
        findings: libraries it took from elsewhere than its packages, or in several versions; they are told, and do not
            change the exit status.
    """

    pid: int
    command: str
    mapped: int
    gone: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class KernelsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The device code of packages, judged.

    Attributes:
        process: whose loaded libraries these are; None: files, folders or packages were asked for.
        target: architecture of the declared device, None when none was given.
        here: architectures of this machine's devices, joined by commas; None when not asked for or not known.
        files, bytes: what was looked into.
        silent: packages asked for that hold no device code.
        unsearched: libraries left out because their data were not searched (``--no-scan``).
    """

    schema: Literal["parity.kernels/1"] = "parity.kernels/1"
    process: LoadedBy | None = None
    target: str | None
    here: str | None
    packages: tuple[PackageVerdict, ...] = ()
    libraries: tuple[JudgedLibrary, ...] = ()
    silent: tuple[str, ...] = ()
    unsearched: int = 0
    files: int = 0
    bytes: int = 0
    exit_status: int = 0
