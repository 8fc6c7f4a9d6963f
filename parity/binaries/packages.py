"""Knows installed distributions: which there are, and which file belongs to which."""

from __future__ import annotations

import os
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from parity.binaries.names import is_told_text

if TYPE_CHECKING:
    from collections.abc import Callable


SITE_FOLDERS = ("site-packages", "dist-packages")


class Package(NamedTuple):
    """One installed distribution; ``files`` are the absolute paths that were asked for."""

    name: str
    version: str
    files: tuple[str, ...]


def site_folders(search: list[str] | None = None) -> list[str]:
    """Return the folders on the module path that packages are installed in, in order."""
    found: dict[str, None] = {}
    for entry in sys.path if search is None else search:
        folder = os.path.realpath(entry or ".")
        if Path(folder).name in SITE_FOLDERS and Path(folder).is_dir():
            found[folder] = None
    return list(found)


def folded(name: str) -> str:
    """Return a distribution name as names are compared: ``Flash_Attn`` is ``flash-attn``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def holds_code(path: str) -> bool:
    """Return whether a file may hold device code, as far as its name tells."""
    return not is_told_text(path)


def installed(
    folders: list[str], *, only: str | None = None, keep: Callable[[str], bool] = holds_code
) -> list[Package]:
    """Return the distributions installed in the folders, in name order; the first of a name wins, as on import.

    Args:
        folders: ``site-packages`` and the like.
        only: the one distribution wanted; None: all.
        keep: which files, by their recorded path.
    """
    found: dict[str, Package] = {}
    for distribution in metadata.distributions(path=folders):
        try:
            name, version = distribution.metadata["Name"] or "", distribution.version or ""
            key = folded(name)
            if not name or key in found or (only is not None and key != folded(only)):
                continue
            found[key] = Package(name, version, _files(distribution, keep))
        except Exception:  # noqa: S112 - metadata of somebody's broken package: its files are found without it
            continue
    return [found[key] for key in sorted(found)]


def _files(distribution: metadata.Distribution, keep: Callable[[str], bool]) -> tuple[str, ...]:
    record = distribution.read_text("RECORD")
    if record is None:
        names = [str(path) for path in distribution.files or ()]
    else:
        names = [_first_field(line) for line in record.splitlines()]
    root = str(distribution.locate_file(""))
    return tuple(
        os.path.normpath(os.path.join(root, name))  # noqa: PTH118 - thousands of names; pathlib takes ten times as long
        for name in names
        if name and keep(name)
    )


def _first_field(line: str) -> str:
    """Return the path of a RECORD line; one with a comma is in quotes.

    >>> _first_field('"a,b.so",sha256=x,1'), _first_field("a.so,sha256=x,1")
    ('a,b.so', 'a.so')
    """
    if line.startswith('"'):
        return line[1:].partition('",')[0].replace('""', '"')
    return line.partition(",")[0]


def names(folders: list[str]) -> list[str]:
    """Return the names of all distributions in the folders."""
    found = set()
    for distribution in metadata.distributions(path=folders):
        try:
            found.add(distribution.metadata["Name"] or "")
        except Exception:  # noqa: S112 - as above
            continue
    return sorted(found - {""})
