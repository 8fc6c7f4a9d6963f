"""Knows how to take stock: of a file, a folder, a wheel, an installed package, or everything that is installed."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from parity.binaries import kpack, packages
from parity.binaries.collect import joined
from parity.binaries.contents import HEAD_BYTES, is_loose, is_of_interest
from parity.binaries.duplicates import Contents
from parity.binaries.file import read_file
from parity.binaries.names import is_told_text
from parity.binaries.wheel import BrokenZipError, distribution, is_zip, read_wheel
from parity.model.code_objects import Inventory, Library, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.binaries.packages import Package
    from parity.binaries.process import Process

MAX_FILES = 2_000_000
_INSTALLED = (".dist-info", ".egg-info")


class Stocktaking:
    """Gathers libraries; a file that has several names or copies is read once, and told once per package.

    Attributes:
        scan: search data sections for hidden code.
    """

    def __init__(self, *, scan: bool = True) -> None:
        """Start empty."""
        self.scan = scan
        self._libraries: list[Library] = []
        self._loose: dict[tuple[str, str, str], list[Library]] = {}
        self._seen: dict[tuple[int, int], str] = {}
        self._contents = Contents()
        self._found: dict[str, tuple[Library, bool]] = {}
        self._told: dict[tuple[str, str], str] = {}
        self._copies: dict[str, list[str]] = {}
        self._owners: dict[str, Package] = {}
        self._files = self._bytes = self._unsearched = 0
        self._silent: list[str] = []

    def add_path(self, path: str) -> None:
        """Add a file, a folder or a wheel; what lies in a folder of installed packages is theirs."""
        self._own(_owners_below(path))
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

    def add_process(self, process: Process) -> None:
        """Add the files that a running process has mapped, by the names that it has for them."""
        for package in packages.installed([f"{process.root}{folder}" for folder in process.site_folders]):
            files = tuple(path.removeprefix(process.root) for path in package.files)
            self._own([package._replace(files=files)])
        for mapped in process.files:
            if mapped.why:
                self._tell(_unread(mapped.path, mapped.why), mapped.path, loose=False)
            else:
                self._file(mapped.opened, name=mapped.path)

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

    def _file(self, path: str, *, alone: bool = False, name: str = "") -> None:
        """Read one file.

        Args:
            path: where it is opened.
            alone: it was named by itself, and is told even if it holds nothing that can be read.
            name: how it is told; empty: its path.
        """
        name = name or path
        if is_told_text(name) and not alone:
            return
        try:
            status = os.stat(path)  # noqa: PTH116 - as below
            if not stat.S_ISREG(status.st_mode):
                return
            first = self._seen.get((status.st_dev, status.st_ino))
            if first is not None:
                self._again(name, first)
                return
            self._seen[status.st_dev, status.st_ino] = name
            with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - a hundred thousand files: pathlib is slower
                head = stream.read(HEAD_BYTES)
        except (OSError, ValueError) as error:
            if alone or Path(name).suffix == ".so":
                self._tell(_unread(name, getattr(error, "strerror", None) or str(error)), name, loose=False)
            return
        self._files += 1
        self._bytes += status.st_size
        if is_zip(head) and (alone or path.endswith(".whl")):
            self._wheel(path)
            return
        loose = is_loose(head, name) and not alone
        # comparing reads whole files, headers alone are a few pages: without the search, a copy is read like any other
        if self.scan and not loose and is_of_interest(head, name):
            first = self._contents.first_with(path, name, status.st_size, head)
            if first != name and not self._leads_elsewhere(first):
                self._again(name, first)
                return
        library = read_file(path, scan=self.scan, head=head)
        if library is not None and (alone or not self._is_plain(library)):
            self._found[name] = library, loose
            self._again(name, name)

    def _leads_elsewhere(self, first: str) -> bool:
        """Return whether a library names files beside it: its copy in another folder holds other device code."""
        library, _ = self._found.get(first, (None, False))
        return library is not None and (
            any(group.container == "kpack" for group in library.regions)
            or any(problem.text.startswith(kpack.SECTION) for problem in library.problems)
        )

    def _again(self, name: str, first: str) -> None:
        """Tell what was read as ``first`` by another name: once for each package that owns one, else as a copy."""
        library, loose = self._found.get(first, (None, False))
        if library is None:
            return
        owner = self._owners.get(name)
        key = first, "" if owner is None else owner.name
        told = self._told.get(key)
        if told is None:
            self._told[key] = name
            self._tell(library, name, loose=loose)
        elif told != name and name not in self._copies.setdefault(told, []):
            self._copies[told].append(name)

    def _is_plain(self, library: Library) -> bool:
        """Return whether a library holds nothing that was read, and count it as one whose data nobody searched."""
        plain = not library.regions and all(problem.weight == "unsearched" for problem in library.problems)
        self._unsearched += plain
        return plain

    def _tell(self, library: Library, name: str, *, loose: bool) -> None:
        """Keep what was read under the name it is told by."""
        owner = self._owners.get(name)
        if owner is not None:
            library = msgspec.structs.replace(library, package=owner.name, version=owner.version)
        if library.path != name:
            library = msgspec.structs.replace(library, path=name)
        if loose:
            self._loose.setdefault(_loose_key(name, owner), []).append(library)
        else:
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


def _owners_below(path: str) -> Iterable[Package]:
    """Yield the packages that own files at or below a path inside their folder; the names of files begin with it."""
    whole = os.path.abspath(path)  # noqa: PTH100 - links stay as they are
    folders = [str(parent) for parent in Path(whole).parents if parent.name in packages.SITE_FOLDERS]
    for package in packages.installed(folders[:1]) if folders else ():
        below = [file for file in package.files if file == whole or file.startswith(f"{whole}/")]
        if below:
            yield package._replace(files=tuple(path.rstrip("/") + file[len(whole) :] for file in below))


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
