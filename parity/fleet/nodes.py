"""Knows where nodes come from: files, folders, standard input."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from parity.fleet.documents import Reading, holds_nodes, of_stream
from parity.model.fleet import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES = (".json", ".jsonl", ".ndjson", ".txt", ".log", ".xml", ".csv")
PACKED = (".gz", ".zst", ".xz", ".bz2", ".lz4")
STDIN = "-"


def readings(places: Iterable[str]) -> Iterator[Reading | Unreadable]:
    """Yield every node of files and folders, in order, and what could not be understood.

    Args:
        places: files, folders (searched for files with one of ``SUFFIXES``, packed or not, and for others with a line
            that is a node), ``-``: standard input.
    """
    for place in places:
        if place != STDIN and Path(place).is_dir():
            yield from _of_folder(place)
        else:
            yield from _of_file(place)


def _of_folder(folder: str) -> Iterator[Reading | Unreadable]:
    closed: list[OSError] = []
    count = 0
    for file in _files(folder, closed):
        if not _is_named_so(file) and not _holds_nodes(file):
            continue
        count += 1
        below = Path(file).relative_to(folder).as_posix()
        for one in _of_file(file, within=True):
            yield one._replace(file=below + one.where[len(file) :]) if isinstance(one, Reading) else one
    for error in closed:
        yield Unreadable(where=str(error.filename or folder), why=f"cannot be read: {error.strerror or error}")
    if not count and not closed:
        yield Unreadable(where=folder, why=f"the folder holds no file with {', '.join(SUFFIXES)}")


def _files(folder: str, closed: list[OSError]) -> Iterator[str]:
    """Yield the files of a folder and those below, in order; folders that cannot be read are added to ``closed``.

    Links to folders are followed, each folder once.
    """
    seen = {os.path.realpath(folder)}
    for base, folders, names in os.walk(folder, onerror=closed.append, followlinks=True):
        told, folders[:] = sorted(folders), []
        for name in told:
            real = os.path.realpath(Path(base, name))
            if not name.startswith(".") and real not in seen:
                seen.add(real)
                folders.append(name)
        yield from (str(Path(base, name)) for name in sorted(names) if not name.startswith("."))


def _is_named_so(file: str) -> bool:
    low = Path(Path(file).name.lower())
    return (low.stem if low.suffix in PACKED else low.name).endswith(SUFFIXES)


def _holds_nodes(file: str) -> bool:
    """Return whether a file with another name has a line that is a node: what a scheduler keeps as a job's output."""
    try:
        if not stat.S_ISREG(Path(file).stat().st_mode):
            return False
        with Path(file).open("rb") as stream:
            return holds_nodes(stream)
    except OSError:
        return False


def _of_file(place: str, *, within: bool = False) -> Iterator[Reading | Unreadable]:
    """Yield the nodes of a file; one ``within`` a folder must be a regular one: nobody may ever write to a pipe."""
    if place == STDIN:
        yield from of_stream(sys.stdin.buffer, "standard input")
        return
    try:
        mode = Path(place).stat().st_mode
        if not stat.S_ISREG(mode) and (within or not stat.S_ISFIFO(mode)):
            yield Unreadable(where=place, why="not a regular file")
            return
        with Path(place).open("rb") as stream:
            yield from of_stream(stream, place)
    except (OSError, ValueError) as error:
        yield Unreadable(where=place, why=f"cannot be read: {getattr(error, 'strerror', None) or error}")
