"""Knows which variables and options hold architecture lists, whatever file they stand in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint.facts import ArchList, Command, Facts, How, Setting
from parity.lint.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

# name -> the tool whose way of writing it follows
VARIABLES = {
    "TORCH_CUDA_ARCH_LIST": "torch",
    "FLASHINFER_CUDA_ARCH_LIST": "torch",
    "CMAKE_CUDA_ARCHITECTURES": "cmake",
    "CUDAARCHS": "cmake",
    "NVTE_CUDA_ARCHS": "cmake",
    "PYTORCH_ROCM_ARCH": "amd",
    "AMDGPU_TARGETS": "amd",
    "CMAKE_HIP_ARCHITECTURES": "amd",
    "HCC_AMDGPU_TARGET": "amd",
}
_DEFINE = re.compile(r"-D([A-Z_]+)(?::\w+)?=(.*)", re.DOTALL)
_OFFLOAD = re.compile(r"--(?:offload-arch|amdgpu-target)=(.+)", re.DOTALL)
# A flag for nvcc that names an architecture, and one whose architecture is put in later.
_NVCC_FLAG = re.compile(r"arch=(?:compute|sm)_")
_OPEN_FLAG = re.compile(r"(?:compute|sm)_(?!\d)")
_COMPILERS = frozenset({"nvcc", "hipcc", "clang++", "clang", "amdclang++", "$(NVCC)", "${NVCC}"})


def from_settings(facts: Facts) -> None:
    """Add the architecture lists among a file's settings and commands to its facts."""
    for setting in facts.settings:
        facts.arch_lists.extend(of_setting(setting))
    for command in facts.commands:
        facts.arch_lists.extend(of_words(command))


def of_setting(setting: Setting, *, adds: bool = False) -> Iterable[ArchList]:
    """Yield the list that a setting is."""
    tool = VARIABLES.get(setting.name)
    if tool is not None:
        yield ArchList(
            tool=tool,  # type: ignore[arg-type]
            name=setting.name,
            text=setting.value,
            span=setting.span,
            how=setting.how,
            scope=setting.scope,
            adds=adds,
            conditional=setting.conditional,
        )


def of_words(command: Command) -> Iterable[ArchList]:
    """Yield the lists that a command's options are: ``-D...ARCHITECTURES=``, ``-gencode``, ``--offload-arch``."""
    nvcc: list[tuple[str, Span]] = []
    for position, (word, span) in enumerate(zip(command.words, command.spans, strict=True)):
        if word is None:
            continue
        define = _DEFINE.fullmatch(word)
        if define and define[1] in VARIABLES:
            yield _list(VARIABLES[define[1]], define[1], define[2], span, command.how, command.scope)
            continue
        offload = _OFFLOAD.fullmatch(word)
        if offload:
            yield _list("amd", word.partition("=")[0], offload[1], span, command.how, command.scope)
        elif "compute_" in word or re.fullmatch(r"-arch=(?:sm_|native|all).*", word):
            nvcc.append((word, span))
        elif word in ("-arch", "--gpu-architecture") and position + 1 < len(command.words):
            nvcc.append((f"-arch={command.words[position + 1]}", span))
    if nvcc and command.words and str(command.words[0]).rsplit("/", 1)[-1] in _COMPILERS:
        first, last = nvcc[0][1], nvcc[-1][1]
        whole = Span(first.line, first.column, last.end_line, last.end_column)
        open_ = None if any(word is None for word in command.words) else " ".join(word for word, _ in nvcc)
        yield _list("nvcc", "-gencode", open_, whole, command.how, command.scope)


def of_flags(pieces: list[tuple[str, Span]], how: How) -> Iterable[ArchList]:
    """Yield the one list that all ``-gencode`` and ``-arch`` flags of a file make, at the first of them.

    Args:
        pieces: texts that may hold flags, with their places, in the order of the file.
        how: what kind of file.
    """
    flags = [(text, span) for text, span in pieces if _NVCC_FLAG.search(text)]
    if flags:
        open_ = any(_OPEN_FLAG.search(text) for text, _ in flags)
        # What is left of a generator expression is no variable.
        text = None if open_ else " ".join(text for text, _ in flags).replace("$", "")
        yield _list("nvcc", "-gencode", text, flags[0][1], how, "")


def _list(tool: str, name: str, text: str | None, span: Span, how: How, scope: str, *, whole: bool = False) -> ArchList:
    if text is not None and "$" in text and not whole:
        text = None
    return ArchList(tool=tool, name=name, text=text, span=span, how=how, scope=scope)  # type: ignore[arg-type]
