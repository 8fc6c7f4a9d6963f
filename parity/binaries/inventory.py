"""Knows how to take stock: of a file, a folder, a wheel, an installed package, or everything that is installed."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from parity.binaries import packages
from parity.binaries.collect import joined
from parity.binaries.contents import HEAD_BYTES, is_loose
from parity.binaries.file import read_file
from parity.binaries.names import is_told_text
from parity.binaries.wheel import BrokenZipError, distribution, is_zip, read_wheel
from parity.model.code_objects import Inventory, Library, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.binaries.packages import Package

MAX_FILES = 2_000_000
_INSTALLED = (".dist-info", ".egg-info")


class Stocktaking:
    """Gathers libraries; a file that has several names is read once.

    Attributes:
        scan: search data sections for hidden code.
    """

    def __init__(self, *, scan: bool = True) -> None:
        """Start empty."""
        self.scan = scan
        self._libraries: list[Library] = []
        self._loose: dict[tuple[str, str, str], list[Library]] = {}
        self._seen: dict[tuple[int, int], str] = {}
        self._copies: dict[str, list[str]] = {}
        self._owners: dict[str, Package] = {}
        self._files = self._bytes = self._unsearched = 0
        self._silent: list[str] = []

    def add_path(self, path: str) -> None:
        """Add a file, a folder or a wheel."""
        if not Path(path).is_dir():
            self._file(path, alone=True)
            return
        if any(name.endswith(_INSTALLED) for name in _names(path)):
            self._own(packages.installed([path]))
        for found in walk(path):
            self._file(found)

    def add_package(self, package: Package) -> None:
        """Add the files of an installed distribution."""
        self._own([package])
        before = len(self._libraries) + sum(map(len, self._loose.values()))
        for path in package.files:
            self._file(path)
        if len(self._libraries) + sum(map(len, self._loose.values())) == before:
            self._silent.append(package.name)

    def inventory(self) -> Inventory:
        """Return everything that was found, in path order."""
        libraries = list(self._libraries)
        for (_, name, version), parts in self._loose.items():
            one = parts[0] if len(parts) == 1 else joined(parts, _common_folder([part.path for part in parts]))
            libraries.append(msgspec.structs.replace(one, package=name, version=version))
        told = [
            msgspec.structs.replace(library, copies=tuple(sorted(self._copies[library.path])))
            if library.path in self._copies
            else library
            for library in libraries
        ]
        return Inventory(
            libraries=tuple(sorted(told, key=lambda library: (packages.folded(library.package), library.path))),
            files=self._files,
            bytes=self._bytes,
            silent=tuple(self._silent),
            unsearched=self._unsearched,
        )

    def _own(self, owners: Iterable[Package]) -> None:
        for package in owners:
            for path in package.files:
                self._owners.setdefault(path, package)

    def _file(self, path: str, *, alone: bool = False) -> None:
        """Read one file; ``alone``: it was named by itself, and is told even if it holds nothing that can be read."""
        if is_told_text(path) and not alone:
            return
        try:
            status = os.stat(path)  # noqa: PTH116 - as below
            if not stat.S_ISREG(status.st_mode):
                return
            first = self._seen.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                self._copies.setdefault(first, []).append(path)
                return
            with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - a hundred thousand files: pathlib is slower
                head = stream.read(HEAD_BYTES)
        except (OSError, ValueError) as error:
            if alone or Path(path).suffix == ".so":
                self._add(_unread(path, getattr(error, "strerror", None) or str(error)), path)
            return
        self._files += 1
        self._bytes += status.st_size
        if is_zip(head) and (alone or path.endswith(".whl")):
            self._wheel(path)
            return
        library = read_file(path, scan=self.scan, head=head)
        if library is None or (not alone and self._is_plain(library)):
            return
        if is_loose(head, path) and not alone:
            owner = self._owners.get(path)
            self._loose.setdefault(_loose_key(path, owner), []).append(library)
        else:
            self._add(library, path)

    def _is_plain(self, library: Library) -> bool:
        """Return whether a library holds nothing that was read, and count it as one whose data nobody searched."""
        plain = not library.regions and all(problem.weight == "unsearched" for problem in library.problems)
        self._unsearched += plain
        return plain

    def _add(self, library: Library, path: str) -> None:
        owner = self._owners.get(path)
        if owner is not None:
            library = msgspec.structs.replace(library, package=owner.name, version=owner.version)
        self._libraries.append(library)

    def _wheel(self, path: str) -> None:
        name, version = distribution(path)
        try:
            for library, loose in read_wheel(path, scan=self.scan):
                if self._is_plain(library):
                    continue
                owned = msgspec.structs.replace(library, package=name, version=version)
                if loose:
                    self._loose.setdefault((path, name, version), []).append(owned)
                else:
                    self._libraries.append(owned)
        except BrokenZipError as error:
            broken = _unread(path, f"not a zip archive that can be read: {error}")
            self._libraries.append(msgspec.structs.replace(broken, package=name, version=version))


_ARCH_FOLDER = re.compile(r"(?<=/)(?:gfx[0-9a-f]{3,4}|sm_?\d{2,3}[af]?)(?=/)")


def _loose_key(path: str, owner: Package | None) -> tuple[str, str, str]:
    """Return what loose code objects are told together: those of a package, else of a folder.

    Folders that differ by the name of an architecture alone (``hsa/gfx942/fmoe``, ``hsa/gfx950/fmoe``) are one.
    """
    if owner is not None:
        return "", owner.name, owner.version
    return _ARCH_FOLDER.sub("*", f"{Path(path).parent}/"), "", ""


def _common_folder(paths: list[str]) -> str:
    return os.path.commonpath([path.rpartition("/")[0] or "/" for path in paths])


def _unread(path: str, why: str) -> Library:
    return Library(path=path, size_bytes=0, problems=(Problem(text=f"cannot be read: {why}", weight="damaged"),))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are wanted
    except OSError:
        return []


def walk(folder: str) -> Iterable[str]:
    """Yield the files below a folder in name order; links to folders are followed once."""
    seen: set[tuple[int, int]] = set()
    stack, count = [folder], 0
    while stack:
        here = stack.pop()
        try:
            status = os.stat(here)  # noqa: PTH116 - as above
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        below = []
        for entry in listed:
            count += 1
            if count > MAX_FILES:
                return
            try:
                if entry.is_dir():
                    below.append(entry.path)
                else:
                    yield entry.path
            except OSError:
                continue
        stack.extend(reversed(below))
