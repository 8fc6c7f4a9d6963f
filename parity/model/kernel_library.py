"""Knows what a kernel library runs on, by version, as its file under ``rules/kernels`` states it."""

from typing import Literal

import msgspec

from parity.model.spec import Source

Support = Literal["supported", "different-kernel", "unsupported"]


class LibraryRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a range of versions does on some architectures.

    Attributes:
        support: ``supported``; ``different-kernel``: it runs, but not the kernels it is known for (a fallback, PTX
            compiled by the driver); ``unsupported``: the library's own gate refuses, or there is no code.
        kernel: what runs, in words; two architectures with different words run different kernels.
        cuda: the least CUDA of the build that has this; empty: any.
        before, before_kernel: what builds with an older CUDA do.
        note: why, or what is special.
        source: key of the file's ``sources``.
    """

    architectures: tuple[str, ...]
    support: Support
    source: str
    kernel: str = ""
    cuda: str = ""
    before: Support = "unsupported"
    before_kernel: str = ""
    note: str = ""


class Recipe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A number format the library computes on some architectures only; those of neither list are unknown."""

    name: str
    supported: tuple[str, ...]
    unsupported: tuple[str, ...]
    source: str
    cuda: str = ""


class HeadDimPair(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Head dimensions, each least and most, that run with value head dimensions from least to most."""

    head: tuple[int, int]
    value: tuple[int, int]


class HeadDimLimit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which head dimensions the forward pass of an attention library takes on some architectures.

    Attributes:
        format: of the operands: ``fp16`` (and BF16) or ``fp8``; or what decodes latent attention over its latents
            (MLA): ``dense-decode``, ``sparse-decode``.
        least, most: bounds of the head dimension, both included.
        multiple_of: others are refused.
        padded_to: others are padded with zeros to a multiple of this: they run, as a larger head dimension.
        value: a value head dimension that differs is refused (``same``), or has the same bounds (``within``).
        also: pairs that run outside the bounds, or with a value head dimension of their own.
        beyond: what holds outside the bounds and pairs: ``refused``, or ``unknown`` where no gate says it.
        refused: why all of them are, there; the bounds then mean nothing.
    """

    architectures: tuple[str, ...]
    most: int
    source: str
    format: Literal["fp16", "fp8", "dense-decode", "sparse-decode"] = "fp16"
    least: int = 1
    multiple_of: int = 1
    padded_to: int = 1
    value: Literal["same", "within", "unknown"] = "unknown"
    also: tuple[HeadDimPair, ...] = ()
    beyond: Literal["refused", "unknown"] = "refused"
    refused: str = ""


class LibraryFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A file of the library that is meant for some architectures only, as its makers' code says.

    Attributes:
        library: pattern of the file name.
        not_for: architectures that it is not loaded or used on; lacking code for them is no defect.
        why: in words.
    """

    library: str
    not_for: tuple[str, ...]
    why: str
    source: str


class LibraryRange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The versions from ``first`` to ``last``, both included.

    Attributes:
        requires: component or package -> specifier that the library states.
    """

    first: str
    last: str
    rows: tuple[LibraryRow, ...]
    recipes: tuple[Recipe, ...] = ()
    head_dims: tuple[HeadDimLimit, ...] = ()
    requires: dict[str, str] = {}
    files: tuple[LibraryFile, ...] = ()


class KernelLibrary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One kernel library; versions outside its ranges are unknown, never unsupported.

    Attributes:
        id: the file's name.
        packages: distributions that are the library, normalised.
        cuda_from: whose CUDA decides the rows that ask for one: ``torch`` (the library asks torch, or is chosen by it),
            ``toolkit`` (it compiles at run time); empty: it was built elsewhere and nobody knows.
        component: the component whose version counts (``nccl``, ``cudnn``), for libraries that are no package.
    """

    id: str
    name: str
    ranges: tuple[LibraryRange, ...]
    sources: dict[str, Source]
    packages: tuple[str, ...] = ()
    component: str = ""
    cuda_from: Literal["", "torch", "toolkit"] = ""
    note: str = ""


class LibraryTable(msgspec.Struct, frozen=True, kw_only=True):
    """The stack data's kernel libraries, read without the tables beside them."""

    libraries: tuple[KernelLibrary, ...] = ()
