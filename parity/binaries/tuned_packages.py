"""Knows where tuned tables lie: in installed packages, folders, wheels and single files; nothing is imported."""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from parity.binaries import packages
from parity.binaries.inventory import walk
from parity.binaries.tuned_names import kind_of
from parity.binaries.tuned_tables import MAX_SOURCE_BYTES, MAX_TABLE_BYTES, literal_dict, read_table
from parity.binaries.wheel import MAX_RATIO, distribution, is_zip
from parity.inputs import printable
from parity.model.tuned import TunedPackage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.tuned import TunedEntry

MAX_TABLES = 50_000  # per package; the most seen is 642
MAX_ENTRIES = 300_000  # looked at before each file; the most seen is 4958
MAX_PROBLEMS = 50
_BROKEN = (OSError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)
_INSTALLED = (".dist-info", ".egg-info")
# Where a program says how it names devices: the end of the path -> the dict.
_SOURCES = {
    "vllm/platforms/rocm.py": "_ROCM_DEVICE_ID_NAME_MAP",
    "aiter/ops/triton/utils/_triton/arch_info.py": "_ARCH_TO_DEVICE",
}


def is_wanted(path: str) -> bool:
    """Return whether a file is a table, or tells how tables are named."""
    return kind_of(path) is not None or path.endswith(tuple(_SOURCES))


class _Gathering:
    """Gathers the tables of one package."""

    def __init__(self, name: str, version: str = "") -> None:
        self.name, self.version = name, version
        self.entries: list[TunedEntry] = []
        self.problems: list[str] = []
        self.sources: dict[str, dict[str, str]] = {name: {} for name in _SOURCES.values()}
        self._tables = 0

    def take(self, path: str, raw: bytes) -> None:
        """Add a file's content."""
        for end, name in _SOURCES.items():
            if path.endswith(end):
                self.sources[name] = literal_dict(raw, name)
                return
        self._tables += 1
        if self._tables > MAX_TABLES or len(self.entries) > MAX_ENTRIES:
            self.problem("", "more tables than are read")
            return
        table = read_table(path, raw)
        self.entries += table.entries
        if table.problem:
            self.problem(path, table.problem)

    def problem(self, path: str, text: str) -> None:
        """Add a problem, once; of very many the first are told."""
        told = f"{printable(path)}: {text}" if path else text
        if told not in self.problems and len(self.problems) < MAX_PROBLEMS:
            self.problems.append(told)

    def take_file(self, path: str) -> None:
        """Read one file of the file system."""
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - one call for both
                return
            with Path(path).open("rb") as stream:
                limit = 1 if kind_of(path) == "tensile" else max(MAX_TABLE_BYTES, MAX_SOURCE_BYTES)
                raw = stream.read(limit + 1)
        except (OSError, ValueError) as error:
            self.problem(path, f"cannot be read: {getattr(error, 'strerror', None) or error}")
            return
        self.take(path, raw)

    def package(self) -> TunedPackage:
        """Return what was gathered, in the order of the files."""
        pci = self.sources["_ROCM_DEVICE_ID_NAME_MAP"].items()
        return TunedPackage(
            name=self.name,
            version=self.version,
            entries=tuple(self.entries),
            pci_names={key.lower().removeprefix("0x"): name for key, name in pci},
            arch_names=self.sources["_ARCH_TO_DEVICE"],
            problems=tuple(self.problems),
        )


def installed_tables(folders: list[str], *, only: str | None = None) -> list[TunedPackage]:
    """Return the installed distributions that have tables, or the one asked for, whether it has or not.

    Tables that somebody added beside the recorded ones count: the program finds them.
    """
    found = []
    for package in packages.installed(folders, only=only, keep=is_wanted):
        gathering = _Gathering(package.name, package.version)
        recorded = list(package.files)
        for path in dict.fromkeys([*recorded, *_added(recorded)]):
            gathering.take_file(path)
        if only is not None or gathering.entries or gathering.problems:
            found.append(gathering.package())
    return found


def _added(recorded: list[str]) -> Iterator[str]:
    """Yield the tables beside the recorded ones, those for other Triton versions included."""
    folders: dict[str, None] = {}
    for path in recorded:
        if kind_of(path) in ("device-json", "csv"):
            folders[path.rpartition("/")[0]] = None
    for folder in list(folders):
        above, _, last = folder.rpartition("/")
        if last.startswith("triton_"):
            folders.update(
                dict.fromkeys(f"{above}/{name}" for name in _names(above) if re.fullmatch(r"triton_[\d_]+", name))
            )
    for folder in folders:
        for name in _names(folder):
            if kind_of(f"{folder}/{name}"):
                yield f"{folder}/{name}"


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are wanted
    except OSError:
        return []


def tables_at(path: str) -> list[TunedPackage]:
    """Return the tables of a file, wheel or folder; of a folder with installed packages, those of each."""
    place = Path(path)
    if not place.is_dir():
        gathering = _archive(path) if _is_archive(path) else None
        if gathering is None:
            gathering = _Gathering(place.name)
            gathering.take_file(str(place.absolute()))
        return [gathering.package()]
    if any(name.endswith(_INSTALLED) for name in _names(path)):
        return installed_tables([str(place.resolve())])
    gathering = _Gathering(path)
    for found in walk(str(place.absolute())):
        if is_wanted(found):
            gathering.take_file(found)
    return [gathering.package()]


def _is_archive(path: str) -> bool:
    try:
        with Path(path).open("rb") as stream:
            return is_zip(stream.read(4))
    except OSError:
        return False


def _archive(path: str) -> _Gathering:
    name, version = distribution(path)
    gathering = _Gathering(name or Path(path).name, version)
    try:
        with zipfile.ZipFile(path) as archive:
            for info in sorted(archive.infolist(), key=lambda one: one.filename):
                if not info.is_dir() and is_wanted(info.filename):
                    _member(archive, info, gathering)
    except _BROKEN as error:
        gathering.problem(path, f"not a zip archive that can be read: {printable(str(error))}")
    return gathering


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, gathering: _Gathering) -> None:
    if info.file_size > MAX_TABLE_BYTES or info.file_size > MAX_RATIO * max(info.compress_size, 1024):
        gathering.problem(info.filename, f"says it unpacks {info.compress_size} bytes to {info.file_size}: not read")
        return
    try:
        with archive.open(info) as stream:
            raw = stream.read(MAX_TABLE_BYTES + 1)
    except _BROKEN as error:
        gathering.problem(info.filename, f"cannot be unpacked: {printable(str(error))}")
        return
    gathering.take(info.filename, raw)
