"""Knows which files of a folder are a fleet's: by their names, else by what is in them; what is left out is told."""

from __future__ import annotations

import gzip
import os
import re
import stat
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".json", ".jsonl", ".ndjson", ".txt", ".log", ".xml", ".csv")
PACKED = (".gz", ".zst", ".xz", ".bz2", ".lz4")
_PROSE = (".md", ".rst", ".html", ".py", ".sh", ".yaml", ".yml")
"""Quote documents rather than hold them."""
_DOCUMENT = re.compile(rb'\{\s{0,99}"schema"\s{0,9}:\s{0,9}"parity\.(?:node|fingerprint|verdict)/1"')
_GZIP = b"\x1f\x8b"
_CHUNK, _OVERLAP = 1 << 20, 256
MAX_LOOK = 1 << 26
"""So much of a file of another name is looked through."""


class PassedOver(NamedTuple):
    """A file of a folder that nothing speaks for being a fleet's."""

    where: str


def files(folder: str, closed: list[OSError]) -> Iterator[str]:
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


def is_named_so(file: str) -> bool:
    """Return whether a file has the name of one that holds nodes."""
    return _unpacked_name(file).endswith(SUFFIXES)


def kin(file: str) -> str:
    """Return what files of one origin have in common: their suffix, else their name but for numbers."""
    low = _unpacked_name(file)
    return Path(low).suffix or re.sub(r"\d+", "#", low)


def holds_documents(file: str) -> bool:
    """Return whether a file of another name holds a document of ours, whole or cut off, packed with gzip or not.

    A packed one that is damaged may. What a scheduler keeps as a job's output has any name.

    Raises:
        OSError: it cannot be read.
    """
    if not stat.S_ISREG(Path(file).stat().st_mode) or _unpacked_name(file).endswith(_PROSE):
        return False
    with Path(file).open("rb") as stream:
        start = stream.read(2)
        stream.seek(0)
        try:
            return _has_document(gzip.GzipFile(fileobj=stream) if start == _GZIP else stream)  # type: ignore[arg-type]
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return True


def _has_document(stream: IO[bytes]) -> bool:
    kept, looked = b"", 0
    while looked < MAX_LOOK and (chunk := stream.read(_CHUNK)):
        if not looked and b"\0" in chunk[:4096]:
            return False  # no text
        looked += len(chunk)
        if _DOCUMENT.search(kept + chunk):
            return True
        kept = chunk[-_OVERLAP:]
    return False


def _unpacked_name(file: str) -> str:
    low = Path(Path(file).name.lower())
    return low.stem if low.suffix in PACKED else low.name
