"""Knows the facts about where code runs that no rule gives, as ``rules/stack/code`` states them."""

import msgspec

from parity.model.spec import Source


class Island(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chip whose code runs on nothing else and that takes no other's of its major version.

    Attributes:
        takes_desktop_code_from_cuda: code that this toolkit or a newer one built for a lower minor does run.
    """

    capability: str
    source: str
    takes_desktop_code_from_cuda: str = ""


class Renamed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One chip under two compute capabilities."""

    old: str
    new: str
    source: str


class PtxVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest PTX that the driver of a CUDA version compiles: what the toolkit of that version writes."""

    cuda: str
    ptx: str
    source: str


class NvidiaCodeFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exceptions to NVIDIA's rules of compatibility."""

    islands: tuple[Island, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    sources: dict[str, Source] = {}

    def island(self, capability: tuple[int, int]) -> Island | None:
        """Return the exception for (8, 7), None when the rules hold."""
        name = f"{capability[0]}.{capability[1]}"
        return next((row for row in self.islands if row.capability == name), None)

    def present(self, capability: tuple[int, int]) -> tuple[int, int]:
        """Return the capability under its present name: (11, 0) for (10, 1)."""
        name = f"{capability[0]}.{capability[1]}"
        for row in self.renamed:
            if row.old == name:
                major, _, minor = row.new.partition(".")
                return int(major), int(minor)
        return capability


class GenericTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An AMD target that several processors run.

    Attributes:
        version: least version of code objects that today's processors of the list accept.
        lacks: what code for it cannot use on processors that have it.
    """

    name: str
    version: int
    processors: tuple[str, ...]
    source: str
    lacks: str = ""


class AmdCodeFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AMD's generic targets."""

    generic_targets: tuple[GenericTarget, ...] = ()
    sources: dict[str, Source] = {}

    def generic(self, name: str) -> GenericTarget | None:
        """Return a generic target by its name, None when the data do not know it."""
        return next((row for row in self.generic_targets if row.name == name), None)


class LibraryNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one kernel library that its files do not tell.

    Attributes:
        package: distribution name, normalised.
        library: pattern of the file name.
        majors: the only major compute capabilities it is meant for; empty: any.
        not_for: architectures that it is not meant for.
        first, last: the versions that this holds for, both included; empty: any.
        one_of: libraries of this pattern stand for each other, and one of them is loaded.
        compiles: the package compiles its kernels where it runs, beside the code that it ships.
        why: in words.
    """

    package: str
    library: str
    why: str
    source: str
    majors: tuple[int, ...] = ()
    not_for: tuple[str, ...] = ()
    one_of: bool = False
    compiles: bool = False
    first: str = ""
    last: str = ""


class LibraryNotes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Notes on kernel libraries; those of ``rules/kernels`` are added to the file's own."""

    libraries: tuple[LibraryNote, ...] = ()
    sources: dict[str, Source] = {}


class CodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that judging code needs to be told.

    Attributes:
        ptx_versions: filled from the table of toolkits.
        zstd_driver: the least NVIDIA driver that loads zstd-compressed code; empty: not known.
    """

    nvidia: NvidiaCodeFacts = NvidiaCodeFacts()
    amd: AmdCodeFacts = AmdCodeFacts()
    notes: LibraryNotes = LibraryNotes()
    ptx_versions: tuple[PtxVersion, ...] = ()
    zstd_driver: str = ""
