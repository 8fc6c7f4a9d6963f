"""Knows where nodes come from: files, folders, standard input; JSON lines are read one by one, never held together."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec

from parity.errors import ParityError
from parity.inputs import MAX_BYTES, printable
from parity.model.fingerprint import SCHEMA
from parity.model.fleet import Unreadable
from parity.readers import read_report
from parity.readers.cluster import MAX_LIST_BYTES, read_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NODE_SCHEMA = "parity.node/1"
_CARRIERS = (NODE_SCHEMA, "parity.verdict/1")
SUFFIXES = (".json", ".jsonl", ".ndjson", ".txt", ".log", ".xml", ".csv")
STDIN = "-"


class Reading(NamedTuple):
    """One node as it stands in its file.

    Attributes:
        where: ``file`` or ``file:line``.
        name: as the file calls it; empty where it does not.
        raw: a fingerprint as JSON.
    """

    where: str
    name: str
    raw: bytes | msgspec.Raw


class _Envelope(msgspec.Struct, frozen=True):
    schema: str = SCHEMA  # left out where it is the default of its field
    node: str = ""
    problem: str = ""
    fingerprint: msgspec.Raw = msgspec.Raw(b"")


_envelope = msgspec.json.Decoder(_Envelope).decode


def readings(places: Iterable[str]) -> Iterator[Reading | Unreadable]:
    """Yield every node of files and folders, in order, and what could not be understood.

    Args:
        places: files, folders (searched for files with one of ``SUFFIXES``), ``-`` for standard input.
    """
    for place in places:
        if place != STDIN and Path(place).is_dir():
            files = list(_files(place))
            if not files:
                yield Unreadable(where=place, why=f"the folder holds no file with {', '.join(SUFFIXES)}")
            for file in files:
                yield from _of_file(file)
        else:
            yield from _of_file(place)


def _files(folder: str) -> Iterator[str]:
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                yield str(Path(base, name))


def _of_file(place: str) -> Iterator[Reading | Unreadable]:
    if place == STDIN:
        yield from _of_stream(sys.stdin.buffer, "standard input")
        return
    try:
        if not stat.S_ISREG(Path(place).stat().st_mode) and not stat.S_ISFIFO(Path(place).stat().st_mode):
            yield Unreadable(where=place, why="not a regular file")
            return
        with Path(place).open("rb") as stream:
            yield from _of_stream(stream, place)
    except (OSError, ValueError) as error:
        yield Unreadable(where=place, why=f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _of_stream(stream: IO[bytes], where: str) -> Iterator[Reading | Unreadable]:
    first = stream.readline(MAX_BYTES + 1)
    if not _is_line(first):
        yield from _whole(first + stream.read(MAX_LIST_BYTES), where)
        return
    number, line = 1, first
    while line:
        if len(line) > MAX_BYTES:
            yield Unreadable(where=f"{where}:{number}", why=f"a line over {MAX_BYTES >> 20} MiB")
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_BYTES)
        elif line.strip():
            yield of_line(line, f"{where}:{number}")
        line = stream.readline(MAX_BYTES + 1)
        number += 1


def _is_line(first: bytes) -> bool:
    """Return whether a file's first line is a document of its own."""
    if not first.lstrip().startswith(b"{"):
        return False
    try:
        _envelope(first)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True


def of_line(line: bytes, where: str) -> Reading | Unreadable:
    """Return the node of one JSON line."""
    try:
        envelope = _envelope(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return Unreadable(where=where, why=f"not a JSON document: {printable(str(error))[:200]}")
    if envelope.schema == SCHEMA:
        return Reading(where, envelope.node, line)
    if envelope.schema in _CARRIERS and bytes(envelope.fingerprint):
        return Reading(where, envelope.node, envelope.fingerprint)
    if envelope.problem:
        return Unreadable(where=where, why=printable(f"{envelope.node}: {envelope.problem}")[:300])
    return Unreadable(where=where, why=f"schema is {printable(envelope.schema)[:60]!r}, wanted {SCHEMA!r}")


def _whole(raw: bytes, where: str) -> Iterator[Reading | Unreadable]:
    """Yield the nodes of a file that is one document: a report, of this tool or another, or a list of cluster nodes."""
    named = read_nodes(raw) if raw[:1] == b"{" else []
    if not named and len(raw) > MAX_BYTES:
        yield Unreadable(where=where, why=f"over {MAX_BYTES >> 20} MiB, and neither JSON lines nor a list of nodes")
        return
    try:
        named = named or [("", read_report(raw, where=where))]
    except ParityError as error:
        yield Unreadable(where=where, why=printable(str(error).partition("\n")[0])[:300])
        return
    for name, fingerprint in named:
        yield Reading(where, name, msgspec.json.encode(fingerprint))
