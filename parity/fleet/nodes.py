"""Knows where nodes come from: files, folders, standard input; JSON lines are read one by one, never held together.

What a shell, a launcher or a log adds on the way costs nothing that is a node: a byte order mark, a banner before the
first line, `srun --label`'s numbers, gzip.
"""

from __future__ import annotations

import gzip
import io
import itertools
import os
import re
import stat
import sys
import zlib
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
PACKED = (".gz", ".zst")
STDIN = "-"
_GZIP, _ZSTD, _BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"
_LABEL = re.compile(rb"\d{1,7}: ?(?=\{)")  # of `srun --label`: the rank, before each line
_FIRST_LINES = 64
"""So many lines of a file are looked at for one that is a node; what a launcher prints comes before them."""


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
    schema: str
    node: str = ""
    problem: str = ""
    fingerprint: msgspec.Raw = msgspec.Raw(b"")


_envelope = msgspec.json.Decoder(_Envelope).decode


def readings(places: Iterable[str]) -> Iterator[Reading | Unreadable]:
    """Yield every node of files and folders, in order, and what could not be understood.

    Args:
        places: files, folders (searched for files with one of ``SUFFIXES``, packed or not), ``-``: standard input.
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
        yield from _of_file(file)
        count += 1
    for error in closed:
        yield Unreadable(where=str(error.filename or folder), why=f"cannot be read: {error.strerror or error}")
    if not count and not closed:
        yield Unreadable(where=folder, why=f"the folder holds no file with {', '.join(SUFFIXES)}")


def _files(folder: str, closed: list[OSError]) -> Iterator[str]:
    """Yield the files of a folder and those below, in order; folders that cannot be read are added to ``closed``."""
    for base, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            low = Path(name.lower())
            plain = low.stem if low.suffix in PACKED else low.name
            if not name.startswith(".") and plain.endswith(SUFFIXES):
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
    """Yield the nodes of a stream, unpacked if it is packed."""
    peekable = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    magic = peekable.peek(4)[:4]
    if magic == _ZSTD:
        yield Unreadable(where=where, why="packed with zstd; unpack it on the way: zstd -dc FILE | parity fleet -")
    elif magic[:2] == _GZIP:
        try:
            yield from _of_plain(gzip.GzipFile(fileobj=peekable), where)  # type: ignore[arg-type]  # reads like a file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield Unreadable(where=where, why=f"a damaged gzip file: {printable(str(error))[:200]}")
    else:
        yield from _of_plain(peekable, where)


def _of_plain(stream: IO[bytes], where: str) -> Iterator[Reading | Unreadable]:
    head, has_lines = _head(stream)
    if has_lines:
        yield from _of_lines(stream, head, where)
    else:
        yield from _whole(b"".join(head) + stream.read(MAX_LIST_BYTES), where)


def _head(stream: IO[bytes]) -> tuple[list[bytes], bool]:
    """Return the first lines of a stream, and whether one of them is a document of ours: then the stream is lines."""
    head: list[bytes] = []
    while len(head) < _FIRST_LINES and sum(map(len, head)) <= MAX_BYTES:
        line = stream.readline(MAX_BYTES + 1)
        if not line:
            break
        if not head:
            line = line.removeprefix(_BOM)
        head.append(line)
        if _is_line(line):
            return head, True
    return head, False


def _of_lines(stream: IO[bytes], head: list[bytes], where: str) -> Iterator[Reading | Unreadable]:
    rest = iter(lambda: stream.readline(MAX_BYTES + 1), b"")
    for number, line in enumerate(itertools.chain(head, rest), start=1):
        if len(line) > MAX_BYTES:
            yield Unreadable(where=f"{where}:{number}", why=f"a line over {MAX_BYTES >> 20} MiB")
            part = line
            while part and not part.endswith(b"\n"):
                part = stream.readline(MAX_BYTES)
        elif line.strip():
            yield of_line(line, f"{where}:{number}")


def _is_line(line: bytes) -> bool:
    """Return whether a line is a document that names its schema; reports of other tools may stand in one line, too."""
    line = _unlabelled(line)
    if not line.lstrip().startswith(b"{"):
        return False
    try:
        _envelope(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True


def _unlabelled(line: bytes) -> bytes:
    label = _LABEL.match(line)
    return line[label.end() :] if label else line


def of_line(line: bytes, where: str) -> Reading | Unreadable:
    """Return the node of one JSON line."""
    line = _unlabelled(line)
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
    """Yield the nodes of a file that is one document: a report of any tool, a list, or a cluster's nodes."""
    ours = list(_ours(raw))
    if ours:
        for number, one in enumerate(ours):
            yield of_line(bytes(one), f"{where}[{number}]" if len(ours) > 1 else where)
        return
    named = read_nodes(raw) if raw.lstrip()[:1] == b"{" else []
    if not named and len(raw) > MAX_BYTES:
        yield Unreadable(where=where, why=f"over {MAX_BYTES >> 20} MiB, and neither JSON lines nor a list of nodes")
        return
    try:
        told = named or [("", read_report(raw, where=where))]
    except ParityError as error:
        why = str(error).partition("\n")[0].removeprefix(f"{where}: ")
        yield Unreadable(where=where, why=printable(why)[:300])
        return
    for name, fingerprint in told:
        if fingerprint is None:
            yield Unreadable(where=where, why=printable(f"{name}: offers GPUs, and no label says which")[:300])
        else:
            yield Reading(where, name, msgspec.json.encode(fingerprint))


def _ours(raw: bytes) -> list[bytes | msgspec.Raw]:
    """Return the documents of a list (`jq -s`) that begins with one of ours, or the one envelope that a file is."""
    try:
        if raw.lstrip()[:1] == b"[":
            items = msgspec.json.decode(raw, type=list[msgspec.Raw])
            return list(items) if items and _envelope(items[0]).schema in (SCHEMA, *_CARRIERS) else []
        return [raw] if _envelope(raw).schema == NODE_SCHEMA else []
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
