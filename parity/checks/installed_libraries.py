"""Knows which torch wheel and which kernel libraries of the data a machine has, and what they do on an architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.catalog.compatibility import torch_builds
from parity.catalog.libraries import LibraryAnswer, library_support
from parity.checks.versions import installed
from parity.model.absent import Absent, value_of
from parity.model.kernel_library import KernelLibrary
from parity.model.stack_facts import TorchBuild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine


class InstalledLibrary(msgspec.Struct, frozen=True):
    """A kernel library with the name it is installed under and its version."""

    library: KernelLibrary
    package: str
    version: str


class OfficialTorch(msgspec.Struct, frozen=True):
    """The installed torch with the official wheels that it may be; none for a build that is not in the data."""

    version: str
    builds: tuple[TorchBuild, ...]
    source: str


def official_torch(here: Machine) -> OfficialTorch | Absent:
    """Return the installed torch, and what the data know of it: by its version, its CUDA and the host's machine."""
    torch, cuda = (installed(here.fingerprint.stack, name) for name in ("torch", "torch_cuda"))
    if isinstance(torch, Absent):
        return torch
    variant = "" if isinstance(cuda, Absent) else "cu" + "".join(cuda.value.split(".")[:2])
    builds = torch_builds(here.facts, torch.value, variant, value_of(here.fingerprint.host.machine))
    return OfficialTorch(torch.value, tuple(builds), torch.source)


def kernel_packages(here: Machine) -> Iterator[InstalledLibrary]:
    """Yield each installed package that is a kernel library; NCCL, cuDNN and ROCm are components, no packages."""
    for item in here.facts.libraries:
        for package in item.packages:
            version = here.fingerprint.stack.packages.get(package)
            if version is not None:
                yield InstalledLibrary(item, package, version)


def component_library(here: Machine, name: str) -> InstalledLibrary | Absent | None:
    """Return a library that is told by a component's version; None when the data have no such library."""
    item = next((item for item in here.facts.libraries if item.id == name), None)
    if item is None:
        return None
    have = installed(here.fingerprint.stack, item.component)
    return have if isinstance(have, Absent) else InstalledLibrary(item, item.component, have.value)


def answer(here: Machine, found: InstalledLibrary, arch: str) -> LibraryAnswer:
    """Return what an installed library does on an architecture, with the CUDA that decides for it."""
    component = {"torch": "torch_cuda", "toolkit": "cuda_toolkit"}.get(found.library.cuda_from)
    cuda = installed(here.fingerprint.stack, component) if component else None
    built_with = None if cuda is None or isinstance(cuda, Absent) else cuda.value
    return library_support(found.library, found.version, arch, cuda=built_with)


def architectures_here(here: Machine) -> list[str]:
    """Return the architectures of the visible devices, each once."""
    return list(dict.fromkeys(subject.arch for subject in here.subjects if subject.arch))
