"""Knows which nodes a stream of bytes holds; JSON lines are read one by one, never held together.

What a shell, a launcher or a log adds on the way costs nothing that is a node: a byte order mark, a banner before the
first line, a label before each, gzip.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import zlib
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec

from parity.errors import ParityError
from parity.inputs import MAX_BYTES, printable
from parity.model.fingerprint import SCHEMA
from parity.model.fleet import NODE_SCHEMA, Unreadable
from parity.readers import read_report
from parity.readers.cluster import MAX_LIST_BYTES, ClusterNode, read_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

_CARRIERS = (NODE_SCHEMA, "parity.verdict/1")
_GZIP, _BOM = b"\x1f\x8b", b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # what PowerShell redirects
_PACKED = {
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -dc"),
    b"\xfd7zX": ("xz", "xz -dc"),
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"\x04\x22\x4d\x18": ("lz4", "lz4 -dc"),
}
MOST_BANNER_LINES = 8
"""So many lines before the first node are told one by one."""
MAX_HEAD_LINES = 4_000_000
"""So many lines are looked at for one that is a node; a cluster's list over many lines has fewer."""
MAX_NAME = 200
MAX_LABEL = 256
"""So much may stand before a document in its line: `srun --label`, mpirun, torchrun, pdsh, `kubectl logs --prefix`."""


class Reading(NamedTuple):
    """One node as it stands in its file.

    Attributes:
        where: ``file`` or ``file:line``.
        name: as the file calls it; empty where it does not.
        raw: a fingerprint as JSON.
        ailments: what whoever told of the node says is wrong with it.
        file: what a node is called that nobody names: its file below the folder that was searched; empty: its own name.
    """

    where: str
    name: str
    raw: bytes | msgspec.Raw
    ailments: tuple[str, ...] = ()
    file: str = ""

    def called(self, hostname: str) -> str:
        """Return the node's name: what its file calls it, else its host name, else its place."""
        stem = self.file or self.where.replace("\\", "/").rpartition("/")[2]
        return printable(self.name or hostname or stem)[:MAX_NAME]


class _Envelope(msgspec.Struct, frozen=True):
    schema: str
    node: str = ""
    problem: str = ""
    fingerprint: msgspec.Raw = msgspec.Raw(b"")


_envelope = msgspec.json.Decoder(_Envelope).decode


def of_stream(stream: IO[bytes], where: str) -> Iterator[Reading | Unreadable]:
    """Yield the nodes of a stream, unpacked if it is packed."""
    peekable = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    magic = peekable.peek(4)[:4]
    packed = next((told for start, told in _PACKED.items() if magic.startswith(start)), None)
    if not magic:
        yield Unreadable(where=where, why="empty")
    elif packed:
        name, command = packed
        yield Unreadable(where=where, why=f"packed with {name}; unpack it on the way: {command} FILE | parity fleet -")
    elif magic[:2] in _UTF_16:
        text = peekable.read(MAX_LIST_BYTES).decode("utf-16", errors="replace")
        yield from _of_plain(io.BytesIO(text.encode()), where)
    elif magic[:2] == _GZIP:
        try:
            yield from _of_plain(gzip.GzipFile(fileobj=peekable), where)  # type: ignore[arg-type]  # reads like a file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield Unreadable(where=where, why=f"a damaged gzip file: {printable(str(error))[:200]}")
    else:
        yield from _of_plain(peekable, where)


def _of_plain(stream: IO[bytes], where: str) -> Iterator[Reading | Unreadable]:
    head = _head(stream)
    if head.node:
        yield from _of_lines(stream, head, where)
    else:
        yield from _whole(bytes(head.raw) + stream.read(max(0, MAX_LIST_BYTES - len(head.raw))), where)


class _Head(NamedTuple):
    """The beginning of a stream, up to its first line that is a document of ours.

    Attributes:
        raw: all of it.
        first: its first lines, that one left out.
        lines: how many it has, that one counted.
        node: that line; empty when there is none: then the stream is no lines.
    """

    raw: bytearray
    first: list[bytes]
    lines: int
    node: bytes


def _head(stream: IO[bytes]) -> _Head:
    raw, first, count = bytearray(), list[bytes](), 0
    while len(raw) <= MAX_LIST_BYTES and count < MAX_HEAD_LINES:
        line = stream.readline(MAX_BYTES + 1)
        if not line:
            break
        if not count:
            line = line.removeprefix(_BOM)
        count += 1
        if _is_line(line):
            return _Head(raw, first, count, line)
        raw += line
        if count <= MOST_BANNER_LINES:
            first.append(line)
    return _Head(raw, first, count, b"")


def _of_lines(stream: IO[bytes], head: _Head, where: str) -> Iterator[Reading | Unreadable]:
    """Yield the nodes of lines, and what each other line is; a long banner before the first node is told in one."""
    before, start = head.first, 0
    if head.lines > MOST_BANNER_LINES + 1:
        before, start = [], head.lines - 1
        yield Unreadable(where=f"{where}:1-{start}", why=f"{start} lines before the first node are no documents")
    head.raw.clear()
    pieces = itertools.chain((*before, head.node), iter(lambda: stream.readline(MAX_BYTES + 1), b""))
    for number, piece in enumerate(pieces, start=start + 1):
        if len(piece) > MAX_BYTES:
            yield Unreadable(where=f"{where}:{number}", why=f"a line over {MAX_BYTES >> 20} MiB")
            part = piece
            while part and not part.endswith(b"\n"):
                part = next(pieces, b"")
        elif piece.strip():
            yield of_line(piece, f"{where}:{number}")


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
    """Return a line without the label before its document: the shortest start after which one begins."""
    at = line.find(b"{", 0, MAX_LABEL)
    return line[at:] if at > 0 else line


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
    if envelope.schema in _CARRIERS:
        return Unreadable(where=where, why=printable(f"{envelope.node}: holds no fingerprint".removeprefix(": "))[:300])
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
        told = named or [ClusterNode("", read_report(raw, where=where), ())]
    except ParityError as error:
        why = str(error).partition("\n")[0].removeprefix(f"{where}: ")
        yield Unreadable(where=where, why=printable(why)[:300])
        return
    for name, fingerprint, ailments in told:
        if fingerprint is None:
            yield Unreadable(where=where, why=printable(f"{name}: offers GPUs, and no label says which")[:300])
        else:
            yield Reading(where, name, msgspec.json.encode(fingerprint), tuple(map(printable, ailments)))


def _ours(raw: bytes) -> list[bytes | msgspec.Raw]:
    """Return the documents of a list (`jq -s`) that begins with one of ours, or the one envelope that a file is."""
    try:
        if raw.lstrip()[:1] == b"[":
            if b'"parity.' not in raw[:MAX_BYTES]:  # nobody's list may be taken apart for nothing
                return []
            items = msgspec.json.decode(raw, type=list[msgspec.Raw])
            return list(items) if items and _envelope(items[0]).schema in (SCHEMA, *_CARRIERS) else []
        return [raw] if _envelope(raw).schema == NODE_SCHEMA else []
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _one_after_another(raw)


def _one_after_another(raw: bytes) -> list[bytes | msgspec.Raw]:
    """Return the documents of a file that is several, each over many lines (`cat node*.json`); the first is ours."""
    if raw.lstrip()[:1] != b"{" or b'"parity.' not in raw:
        return []
    found: list[bytes | msgspec.Raw] = []
    try:
        text = raw.decode()
        decoder, at = json.JSONDecoder(), 0
        while (at := _next(text, at)) < len(text):
            _, end = decoder.raw_decode(text, at)
            found.append(text[at:end].encode())
            at = end
    except (ValueError, RecursionError):
        found.append(text[at:].encode() if found else b"")  # what is cut off is told, and costs itself
    try:
        is_ours = bool(found[0]) and _envelope(found[0]).schema in (SCHEMA, *_CARRIERS)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        is_ours = False
    return found if is_ours and len(found) > 1 else []


def _next(text: str, at: int) -> int:
    """Return where the next document begins, or the end."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at
