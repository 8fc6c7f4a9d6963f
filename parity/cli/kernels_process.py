"""Knows ``parity kernels --pid``: the libraries that a running process has loaded, and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.binaries import packages
from parity.catalog import store
from parity.model.coverage import LoadedBy
from parity.model.fingerprint import Library
from parity.probes.stack_survey import named
from parity.verdict.loaded import RULES, loaded_findings

if TYPE_CHECKING:
    from parity.binaries.packages import Package
    from parity.binaries.process import Process
    from parity.probes.stack_decode import Found


def loaded_by(process: Process) -> LoadedBy:
    """Return what is told of the process: how much it maps, and which libraries it took from elsewhere or twice."""
    return LoadedBy(
        pid=process.pid,
        command=process.command,
        mapped=len(process.files),
        gone=tuple(mapped.path for mapped in process.files if mapped.gone),
        findings=loaded_findings(libraries_of(process), [store.card(rule) for rule in RULES]),
    )


def libraries_of(process: Process) -> list[Library]:
    """Return the CUDA and ROCm libraries it has loaded, and those that lie in its packages."""
    owned: dict[str, Package] = {}
    for package in packages.installed([f"{process.root}{folder}" for folder in process.site_folders]):
        for path in package.files:
            owned.setdefault(path.removeprefix(process.root), package)
    loaded = {mapped.path: None for mapped in process.files}
    found = [_library(path, owned.get(path), found="loaded") for path in loaded]
    found += [_library(path, package, found="package") for path, package in owned.items() if path not in loaded]
    return [library for library in found if library is not None]


def _library(path: str, owner: Package | None, *, found: Found) -> Library | None:
    told = named(path)
    if not told:
        return None
    version = told["version"]
    if owner is not None and owner.name.lower().startswith("nvidia") and version.count(".") < owner.version.count("."):
        version = owner.version  # libcudart.so.12 of nvidia-cuda-runtime-cu12 12.8.90
    return Library(name=told["name"], path=path, version=version, found=found)
