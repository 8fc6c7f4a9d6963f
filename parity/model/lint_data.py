"""Knows the facts about software that lint rules judge by, as ``rules/lint_data`` states them."""

from typing import Literal

import msgspec

from parity.model.spec import Source


class TorchRelease(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the default wheel of a torch minor release carries.

    Attributes:
        version: ``2.9``.
        cuda: toolkit it was built with.
        archs: machine code it has.
        triton: the Triton it pins, as far as the pin goes.
        builds: CUDA toolkits that wheels of it are published for, the default one among them.
    """

    version: str
    cuda: str
    builds: tuple[str, ...]
    archs: tuple[str, ...]
    triton: str
    source: str


class FirstVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first version of something that generates code for an architecture."""

    arch: str
    version: str
    source: str


class RemovedArchs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A CUDA toolkit from which on architectures below one are gone."""

    below: str
    cuda: str
    source: str


class NgcRelease(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The CUDA toolkit of an NGC framework release."""

    release: str
    cuda: str
    source: str


class Instance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine type of a cloud and the part it has."""

    name: str
    part: str
    source: str


class Selector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node label that decides which GPU a pod gets."""

    key: str
    source: str


class FileRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file is for in its repository, and the words of a path that say so.

    Attributes:
        what: in words, after "the file".
        folders: names of folders above the file, in lower case.
        names: words of the file's own name, between dots, dashes and underscores.
        patterns: regular expressions over the whole path, in lower case.
        outweighed_by: what a file may say itself against the role: that it measures, or ships what it builds.
    """

    id: str
    what: str
    folders: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    outweighed_by: tuple[Literal["measures", "ships"], ...] = ()


class LintData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them; each file states some."""

    torch: tuple[TorchRelease, ...] = ()
    triton_first: tuple[FirstVersion, ...] = ()
    rocm_first: tuple[FirstVersion, ...] = ()
    removed_archs: tuple[RemovedArchs, ...] = ()
    ngc: tuple[NgcRelease, ...] = ()
    instances: tuple[Instance, ...] = ()
    gpu_words: tuple[str, ...] = ()
    selectors: tuple[Selector, ...] = ()
    roles: tuple[FileRole, ...] = ()
    sources: dict[str, Source] = {}
