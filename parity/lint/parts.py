"""Knows which GPU a word in a label, a path or a selector names: by the catalog's own names, never by a prefix."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from parity.catalog import store

if TYPE_CHECKING:
    from parity.model.spec import DeviceSpec

_WORD = re.compile(r"[a-z0-9]+")
# Words of a path or image that speak for another vendor's accelerator.
VENDOR_WORDS = {
    "rocm": "amd", "amd": "amd", "hip": "amd", "cdna": "amd", "rdna": "amd", "instinct": "amd", "aiter": "amd",
    "cuda": "nvidia", "nvidia": "nvidia", "cutlass": "nvidia", "jetson": "nvidia", "tegra": "nvidia",
    "xpu": "intel", "intel": "intel",
     "sycl": "intel", "gaudi": "intel", "hpu": "intel", "habana": "intel", "npu": "huawei",
    "ascend": "huawei", "musa": "mthreads", "tpu": "google", "cpu": "cpu", "ppc64le": "cpu", "s390x": "cpu",
    "neuron": "amazon", "metal": "apple", "mps": "apple", "maca": "metax", "iluvatar": "iluvatar",
    "mthreads": "mthreads", "hygon": "hygon",
}  # fmt: skip
# Data-center parts run Linux.
_OTHER_SYSTEMS = frozenset({"windows", "win32", "macos", "darwin"})
# A file for one CUDA version by its name (``Dockerfile.cu118``) is one of several.
_OLD_TOOLKIT = re.compile(
    r"(?:^|[^a-z0-9])cu(?:da)?[-_]?(?:9[._]?[0-2]|1[0-9](?:[._]?[0-9])?)(?:[^a-z0-9]|$)", re.IGNORECASE
)
# A preset per architecture says in its name which one it is: cuda-75.cmake.
_PRESET = re.compile(r"(?:^|[^a-z0-9])cuda[-_](?:5[0-3]|6[0-2]|7[0-5]|8[0-9]|90)(?:[^0-9]|$)", re.IGNORECASE)
_BOARDS = frozenset({"tegra", "jetson", "l4t"})
_BOARD_PARTS = re.compile(r"orin|thor|xavier|jetson")
_FORMS = ((re.compile(r"sxm\d?|nvlink|hgx|dgx"), "sxm"), (re.compile(r"pcie"), "pcie"), (re.compile(r"nvl"), "nvl"))
_FAMILIES = {"hopper", "blackwell", "ada", "ampere", "volta", "turing", "cdna3", "cdna4", "orin", "thor"}


@cache
def by_word() -> dict[str, frozenset[str]]:
    """Return word -> ids of the parts it may mean: ``h100`` (three of them), ``4090``, ``mi300`` and ``mi300x``."""
    found: dict[str, set[str]] = {}
    for entry in store.index():
        for word in words_of(entry.id):
            found.setdefault(word, set()).add(entry.id)
    for instance in store.lint_book().data.instances:
        found.setdefault(instance.name, set()).add(instance.part)
    return {word: frozenset(ids) for word, ids in found.items()}


def words_of(part: str) -> set[str]:
    """Return the words that name a part.

    >>> sorted(words_of("rtx-4090")), sorted(words_of("mi300x")), sorted(words_of("h100-sxm5-80gb"))
    (['4090', 'rtx4090'], ['mi300', 'mi300x'], ['h100'])
    """
    pieces = part.split("-")
    if pieces[0] in ("rtx", "rx", "gtx"):
        number = pieces[1]
        if not number.isdigit():
            return {f"{number}{pieces[2]}", f"rtx{number}{pieces[2]}"} if len(pieces) > 2 else {f"rtx{number}"}
        return {number, f"{pieces[0]}{number}"} if len(number) == 4 else {f"{pieces[0]}{number}"}
    if re.fullmatch(r"mi\d{3}[xa]", pieces[0]):
        return {pieces[0], pieces[0][:-1]}
    return {pieces[0]} if re.search(r"\d", pieces[0]) else set()


def named(text: str) -> dict[str, frozenset[str]]:
    """Return the words of a text that name parts, each with the parts it may mean.

    >>> sorted(named("linux.aws.h100.8")), sorted(named("ubuntu-latest")), sorted(named("gpu-t4-4-core"))
    (['h100'], [], ['t4'])
    """
    known = by_word()
    return {word: known[word] for word in _words(text) if word in known}


def selected(text: str) -> list[frozenset[str]]:
    """Return the parts that a label or selector chooses, for each word that names some.

    A product name as the driver reports it is one part; else the words beside it tell form and memory.

    >>> sorted(selected("A100_NVLINK_80GB")[0]), sorted(selected("NVIDIA-H100-80GB-HBM3")[0])
    (['a100-sxm4-80gb'], ['h100-sxm5-80gb'])
    """
    reported = _by_reported_name().get("-".join(_words(text)))
    return [reported] if reported else [_narrowed(text, meant) for meant in named(text).values()]


def either(meant: frozenset[str]) -> str:
    """Return parts as one choice: ``h100-nvl-94gb or h100-pcie-80gb or others``."""
    shown = sorted(meant)
    return " or ".join(shown[:2]) + (" or others" if len(shown) > 2 else "")


@cache
def _by_reported_name() -> dict[str, frozenset[str]]:
    """Return product name -> ids, as the device plugin's label has it: ``nvidia-h100-80gb-hbm3``."""
    found: dict[str, set[str]] = {}
    for entry in store.index():
        for name in entry.reported_names:
            found.setdefault("-".join(_words(name)), set()).add(entry.id)
    return {name: frozenset(ids) for name, ids in found.items()}


def _narrowed(text: str, meant: frozenset[str]) -> frozenset[str]:
    """Return the parts of ``meant`` that the form and the memory size beside it leave; all where they leave none."""
    words = set(_words(text))
    sizes = {word for word in words if re.fullmatch(r"\d{2,3}gb", word)}
    forms = {form for pattern, form in _FORMS if any(pattern.fullmatch(word) for word in words)}
    for wanted in (sizes, forms):
        kept = {part for part in meant if any(word.startswith(one) for one in wanted for word in part.split("-")[1:])}
        meant = frozenset(kept) or meant
    return meant


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("_", "-"))


def says_gpu(text: str) -> bool:
    """Return whether a label promises a GPU, whichever."""
    return not set(store.lint_book().data.gpu_words).isdisjoint(_words(text))


def speaks_for_another(path: str, spec: DeviceSpec) -> bool:
    """Return whether a path names another GPU, architecture or vendor than the target, and not the target's."""
    words = set(_words(path))
    if not _OTHER_SYSTEMS.isdisjoint(words) or (words & _BOARDS and not _BOARD_PARTS.search(spec.id)):
        return True
    if own_words(spec) & words:
        return False
    other_parts = [word for word in words if word in by_word() and spec.id not in by_word()[word]]
    other_archs = [
        word for word in words if re.fullmatch(r"sm\d{2,3}[af]?|gfx[0-9a-f]{3,4}", word) or word in _FAMILIES
    ]
    vendors = {VENDOR_WORDS[word] for word in words if word in VENDOR_WORDS}
    if names_machine(path) and not any(spec.id in by_word().get(word, ()) for word in words):
        return True
    preset = _PRESET.search(path)
    if preset and re.sub(r"\D", "", preset[0]) != spec.arch.removeprefix("sm_"):
        return True
    return bool(other_parts or other_archs or _OLD_TOOLKIT.search(path) or (vendors and spec.vendor not in vendors))


def speaks_for_vendors(text: str) -> set[str]:
    """Return the vendors that the words of a name or condition speak of.

    >>> sorted(speaks_for_vendors("set_amd_env_vars")), sorted(speaks_for_vendors("torch.version.hip is not None"))
    (['amd'], ['amd'])
    """
    return {VENDOR_WORDS[word] for word in _words(text) if word in VENDOR_WORDS}


# Families of cloud machines: each has one kind of GPU, so a path that names one has chosen. AWS: p4d, p5en, g6e;
# Azure: ndv4, nd96isr, nca100v4; Google: a3, a3mega, a4x. The word a2 is a part's name as well.
_MACHINE = re.compile(
    r"p[2-9](?:d|de|e|en)?|g[2-9](?:dn|e|ad)?|a[2-9](?:x|u|m|mega|ultra|high)?|gpu[34]|"
    r"n[cdgv](?:\d{1,3}[a-z]{0,4})?(?:[a-z]{0,2}\d{2,3}x?)?v\d"
)
_AZURE = re.compile(r"(?:^|[^a-z0-9])n[cdgv]\d{0,3}[a-z]{0,4}(?:[-_][a-z]{0,2}\d{2,3}x?)?[-_]v\d(?![a-z0-9])")


def names_machine(path: str) -> bool:
    """Return whether a path names a family of cloud machines, each of which has one kind of GPU.

    >>> names_machine("experimental/aks_ndv4/Dockerfile"), names_machine("nccl-test-a4x-max.yaml")
    (True, True)
    >>> names_machine("nd_h100_v5/job.yaml"), names_machine("src/v5/job.yaml")
    (True, False)
    """
    return any(_MACHINE.fullmatch(word) for word in _words(path)) or _AZURE.search(path.lower()) is not None


def names_other_vendor(path: str) -> bool:
    """Return whether a path names an accelerator that is not NVIDIA's."""
    vendors = {VENDOR_WORDS[word] for word in _words(path) if word in VENDOR_WORDS}
    return bool(vendors - {"nvidia"})


def own_words(spec: DeviceSpec) -> set[str]:
    """Return the words that name a part, its architecture or its family."""
    return {*words_of(spec.id), spec.arch.replace("_", ""), f"{spec.arch.replace('_', '')}a", spec.family}
