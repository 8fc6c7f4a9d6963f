"""Knows the device code of files as plain data: each kind of code object, how often it occurs, and what went wrong."""

from typing import Literal, TypeAlias

import msgspec

# other: an entry whose kind is not known here, or whose device needs a translation not judged here (SPIR-V, TileIR)
CodeKind: TypeAlias = Literal["sass", "ptx", "lto", "amd", "other"]
Compression: TypeAlias = Literal["none", "lz4", "zstd", "zlib"]
# main: where the loader looks; relocatable: left for a device linker; hidden: in data, for the library's own use
Place: TypeAlias = Literal["main", "relocatable", "hidden"]


class Code(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of code object: what decides where it runs, and how it is stored.

    Attributes:
        arch: ``sm_90a``, ``compute_80``, ``lto_75``, ``gfx942:sramecc+:xnack-``; ``sm_100?`` when the file does not
        tell
            whether the code has a suffix; for ``other`` the name of the kind.
        isa: version of the PTX language (``8.8``), for PTX.
        stub: a translation unit without kernels leaves this; it decides nothing.
        generic_version: of AMD generic targets; 0 when not told.
    """

    kind: CodeKind
    arch: str
    isa: str = ""
    compression: Compression = "none"
    stub: bool = False
    generic_version: int = 0


class Tally(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often one kind of code object occurs in one place.

    Attributes:
        count: code objects.
        size_bytes: as they lie in the file; in a bundle that is compressed as a whole, before that.
    """

    code: Code
    place: Place
    count: int
    size_bytes: int


class RegionGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Regions (one fatbin, bundle or loose code object each) that hold the same kinds of code.

    Attributes:
        section: name of the section, or ``file``.
        codes: one per kind of code object, in order.
        count: regions like this.
        first: byte offset of the first one, for looking it up by hand.
        container: ``fatbin``, ``cubin``, ``bundle``, ``code-object`` or ``ptx``.
    """

    section: str
    place: Place
    container: str
    codes: tuple[Code, ...]
    count: int
    first: int


# note: worth a word; unsearched: a library like any other, whose data were not searched for hidden code; skipped: code
# may lie in what was not looked into, so none may be called missing; damaged: what was read is not the whole file, so
# nothing may be concluded from it
Weight: TypeAlias = Literal["note", "unsearched", "skipped", "damaged"]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something about a file that could not be read, or is worth a word."""

    text: str
    weight: Weight = "note"


class Library(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The device code of one file, or of a folder of loose code objects.

    Attributes:
        path: as found; inside a wheel ``name.whl/inner/path``.
        package, version: the distribution it belongs to; empty when none is known.
        linkable: an object file or archive: relocatable code is its only code, and decides.
        files: loose code objects that were read together; 1 for a library.
        copies: other paths of the same file.
    """

    path: str
    size_bytes: int
    package: str = ""
    version: str = ""
    linkable: bool = False
    files: int = 1
    copies: tuple[str, ...] = ()
    tallies: tuple[Tally, ...] = ()
    regions: tuple[RegionGroup, ...] = ()
    problems: tuple[Problem, ...] = ()

    def has(self, weight: Weight) -> bool:
        """Return whether a problem of this weight was met."""
        return any(problem.weight == weight for problem in self.problems)


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """The device code of everything that was looked at.

    Attributes:
        libraries: in path order, only those with code or with a problem.
        files: files looked into.
        bytes: their size together.
        silent: package names that were asked for and hold no device code.
        unsearched: libraries without any code where the loader looks, left out because nobody searched their data.
    """

    libraries: tuple[Library, ...] = ()
    files: int = 0
    bytes: int = 0
    silent: tuple[str, ...] = ()
    unsearched: int = 0
