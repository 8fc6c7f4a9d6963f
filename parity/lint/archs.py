"""Knows lists of GPU architectures as build tools write them, and what a list means for one target.

SASS runs on the same major with the same or a later minor; an ``a`` target runs on exactly its own; an ``f`` target on
its family; plain PTX is compiled by the driver on anything later. Embedded chips are islands. AMD code objects are
exact, apart from generic targets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from parity.model.spec import DeviceSpec

Reach = Literal["native", "older", "jit", "none"]
_TOKEN = re.compile(r"(\d{1,2})\.?(\d)([af]?)")
_TORCH = re.compile(r"(\d{1,2})\.(\d)([af]?)(\+PTX)?")
_CMAKE = re.compile(r"(\d{2,3})([af]?)(-real|-virtual)?")
_GFX = re.compile(r"gfx[0-9a-f]+(?:-\d+)*(?:-generic)?")
_GENCODE = re.compile(
    r"(?:arch=)?(compute_\d+[af]?),code=(\[[^\]]{0,200}\]|\"[^\"]{0,200}\"|(?:sm|compute|lto)_\d+[af]?)"
)
_CODE = re.compile(r"(sm|compute|lto)_(\d+)([af]?)")
# torch/utils/cpp_extension.py: names of TORCH_CUDA_ARCH_LIST.
TORCH_NAMES = {
    "pascal": "6.0;6.1+PTX", "volta": "7.0+PTX", "turing": "7.5+PTX", "ampere": "8.0;8.6+PTX", "ada": "8.9+PTX",
    "hopper": "9.0+PTX",
}  # fmt: skip
# Code for these runs on nothing else, and code of their majors does not run on them.
ISLANDS = frozenset({(5, 3), (6, 2), (7, 2), (8, 7), (10, 1)})
# LLVM, User Guide for AMDGPU Backend: generic code object targets.
GENERIC = {
    "gfx9-generic": ("gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c"),
    "gfx9-4-generic": ("gfx940", "gfx941", "gfx942", "gfx950"),
    "gfx10-1-generic": ("gfx1010", "gfx1011", "gfx1012", "gfx1013"),
    "gfx10-3-generic": tuple(f"gfx103{n}" for n in range(7)),
    "gfx11-generic": ("gfx1100", "gfx1101", "gfx1102", "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153"),
    "gfx12-generic": ("gfx1200", "gfx1201"),
}


class Code(NamedTuple):
    """Code for one architecture: ``sm`` or ``ptx`` with a capability and suffix, or ``gfx`` with a name."""

    kind: Literal["sm", "ptx", "gfx"]
    capability: tuple[int, int] = (0, 0)
    suffix: str = ""
    gfx: str = ""

    def __str__(self) -> str:
        """Return ``sm_90a``, ``compute_90`` or ``gfx942``."""
        prefix = {"sm": "sm_", "ptx": "compute_", "gfx": ""}[self.kind]
        return self.gfx or f"{prefix}{self.capability[0]}{self.capability[1]}{self.suffix}"


class Parsed(NamedTuple):
    """What a list says.

    Attributes:
        codes: in order.
        special: words that are no architecture but mean something: ``native``, ``all``, ``all-major``, ``off``.
        bad: words that the tool refuses.
        open: a word that is not settled.
    """

    codes: tuple[Code, ...] = ()
    special: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    open: bool = False


def parse(tool: str, text: str) -> Parsed:
    """Return what an architecture list of a tool says.

    >>> [str(code) for code in parse("torch", "8.0 9.0a+PTX").codes]
    ['sm_80', 'sm_90a', 'compute_90a']
    >>> [str(code) for code in parse("cmake", "90;100-real").codes]
    ['sm_90', 'compute_90', 'sm_100']
    >>> parse("torch", "90").bad
    ('90',)
    """
    reader = {"torch": _torch, "cmake": _cmake, "amd": _amd, "nvcc": _nvcc}[tool]
    return reader(text)


def _torch(text: str) -> Parsed:
    codes: list[Code] = []
    bad, special = [], []
    for word in re.split(r"[;,\s]+", text.strip().strip("\"'")):
        expanded = TORCH_NAMES.get(word.lower(), word)
        if not word:
            continue
        if word.lower() in ("native", "all", "common", "blackwell", "blackwell+tegra", "kepler", "maxwell"):
            special.append(word.lower())
            continue
        for part in expanded.split(";"):
            match = _TORCH.fullmatch(part)
            if match is None:
                bad.append(word)
                continue
            capability = (int(match[1]), int(match[2]))
            codes.append(Code("sm", capability, match[3]))
            if match[4]:
                codes.append(Code("ptx", capability, match[3]))
    return Parsed(tuple(codes), tuple(special), tuple(bad))


def _cmake(text: str) -> Parsed:
    codes: list[Code] = []
    special, bad = [], []
    for word in re.split(r"[;,\s]+", text.strip().strip("\"'")):
        if not word:
            continue
        if word.lower() in ("native", "all", "all-major", "off", "false", "no"):
            special.append(word.lower())
            continue
        match = _CMAKE.fullmatch(word)
        if match is None:
            bad.append(word)
            continue
        capability = (int(match[1][:-1]), int(match[1][-1]))
        if match[3] != "-virtual":
            codes.append(Code("sm", capability, match[2]))
        if match[3] != "-real":
            codes.append(Code("ptx", capability, match[2]))
    return Parsed(tuple(codes), tuple(special), tuple(bad))


def _amd(text: str) -> Parsed:
    codes: list[Code] = []
    special, bad = [], []
    for word in re.split(r"[;,\s]+", text.strip().strip("\"'")):
        name = word.partition(":")[0].lower()
        if not name:
            continue
        if _GFX.fullmatch(name):
            codes.append(Code("gfx", gfx=name))
        elif name in ("native", "all"):
            special.append(name)
        else:
            bad.append(word)
    return Parsed(tuple(codes), tuple(special), tuple(bad))


def _nvcc(text: str) -> Parsed:
    """Return what ``-gencode`` and ``-arch`` words say, joined by blanks."""
    codes: list[Code] = []
    special = []
    for match in _GENCODE.finditer(text):
        for kind, digits, suffix in _CODE.findall(match[2]):
            codes.append(_nvcc_code(kind, digits, suffix))
    for match in re.finditer(
        r"(?:-arch|--gpu-architecture)[= ](?:(sm|compute)_(\d+)([af]?)|(native|all|all-major))", text
    ):
        if match[4]:
            special.append(match[4])
        else:
            codes.append(_nvcc_code("compute", match[2], match[3]))
            if match[1] == "sm":
                codes.append(_nvcc_code("sm", match[2], match[3]))
    return Parsed(tuple(codes), tuple(special), open="$" in text)


def _nvcc_code(kind: str, digits: str, suffix: str) -> Code:
    return Code("sm" if kind == "sm" else "ptx", (int(digits[:-1] or 0), int(digits[-1])), suffix)


def reach(codes: tuple[Code, ...], spec: DeviceSpec) -> Reach:
    """Return how a target reaches code of a list: its own, an older minor's, by the driver, or never."""
    if spec.gfx_target:
        return "native" if any(_runs_gfx(code, spec.gfx_target) for code in codes) else "none"
    device = capability_of(spec)
    best: Reach = "none"
    for code in codes:
        if code.kind == "sm" and _runs_sass(code, device):
            if code.capability == device or code.suffix == "f":
                return "native"
            best = "older"
        elif code.kind == "ptx" and best == "none" and _runs_ptx(code, device):
            best = "jit"
    return best


def capability_of(spec: DeviceSpec) -> tuple[int, int]:
    """Return a part's compute capability, (0, 0) for AMD parts."""
    major, _, minor = spec.compute_capability.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def _runs_gfx(code: Code, gfx: str) -> bool:
    return code.gfx == gfx or gfx in GENERIC.get(code.gfx, ())


def _runs_sass(code: Code, device: tuple[int, int]) -> bool:
    if code.suffix == "a" or code.capability in ISLANDS or device in ISLANDS:
        return code.capability == device
    return code.capability[0] == device[0] and code.capability[1] <= device[1]


def _runs_ptx(code: Code, device: tuple[int, int]) -> bool:
    if code.suffix == "a":
        return code.capability == device
    if code.suffix == "f":
        return code.capability[0] == device[0] and code.capability[1] <= device[1]
    return code.capability <= device
