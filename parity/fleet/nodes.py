"""Knows where nodes come from: files, folders, standard input."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from parity.fleet.documents import Reading, of_stream
from parity.fleet.folders import SUFFIXES, PassedOver, files, holds_documents, is_named_so, kin
from parity.model.fleet import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STDIN = "-"


def readings(places: Iterable[str]) -> Iterator[Reading | Unreadable | PassedOver]:
    """Yield every node of files and folders, in order, what could not be understood, and what was passed over.

    Args:
        places: files, folders (searched for files with one of ``SUFFIXES``, packed or not, and for others that hold a
            document of ours), ``-``: standard input.
    """
    for place in places:
        if place != STDIN and Path(place).is_dir():
            yield from _of_folder(place)
        else:
            yield from _of_file(place)


def _of_folder(folder: str) -> Iterator[Reading | Unreadable | PassedOver]:
    closed: list[OSError] = []
    found, passed_over, gave = 0, list[str](), set[str]()
    for file in files(folder, closed):
        try:
            if not is_named_so(file) and not holds_documents(file):
                passed_over.append(file)
                continue
        except OSError as refused:
            closed.append(refused)
            continue
        found += 1
        below = Path(file).relative_to(folder).as_posix()
        for one in _of_file(file, within=True):
            if isinstance(one, Reading):
                gave.add(kin(file))
                one = one._replace(file=below + one.where[len(file) :])  # noqa: PLW2901
            yield one
    for file in passed_over:
        if kin(file) in gave:
            yield Unreadable(where=file, why="holds no node, though files of such a name do")
        else:
            yield PassedOver(file)
    for error in closed:
        yield Unreadable(where=str(error.filename or folder), why=f"cannot be read: {error.strerror or error}")
    if not found and not closed:
        yield Unreadable(where=folder, why=f"the folder holds no file with {', '.join(SUFFIXES)}")


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
