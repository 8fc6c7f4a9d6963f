"""Knows wheels and other zip archives: members are read in place, compressed ones from a nameless scratch file."""

from __future__ import annotations

import mmap
import tempfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from parity.binaries.collect import Collector
from parity.binaries.contents import HEAD_BYTES, Reading, is_loose, is_of_interest
from parity.binaries.names import is_told_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.binaries.buffer import Buffer
    from parity.model.code_objects import Library

MAX_MEMBER_BYTES = 16 * 1024**3
MAX_TOTAL_BYTES = 128 * 1024**3
IN_MEMORY_BYTES = 32 * 1024 * 1024
# CUDA libraries pack 1.1 to 8 times; deflate can do 1032, which is a bomb. Small ones are padding: cuDNN 9.28 has a
# library of 2 MB that packs 327 times.
MAX_RATIO, MAX_SWOLLEN_BYTES = 200, 512 * 1024 * 1024
_CHUNK = 1024 * 1024


class Member(NamedTuple):
    """The device code of one member; ``loose`` as in :func:`parity.binaries.contents.is_loose`."""

    library: Library
    loose: bool


class BrokenZipError(Exception):
    """The archive as a whole cannot be read."""


def is_zip(head: bytes) -> bool:
    """Return whether a file begins like a zip archive."""
    return head.startswith(b"PK\x03\x04")


def distribution(path: str) -> tuple[str, str]:
    """Return the (name, version) that a wheel's file name tells, empty for other archives.

    >>> distribution("dist/flash_attn-2.8.3+cu12-cp311-cp311-linux_x86_64.whl")
    ('flash_attn', '2.8.3+cu12')
    """
    parts = PurePosixPath(path.replace("\\", "/")).name.split("-")
    return (parts[0], parts[1]) if path.endswith(".whl") and len(parts) >= 5 else ("", "")


def read_wheel(path: str, *, scan: bool = True) -> Iterator[Member]:
    """Yield the members with device code, in name order.

    Raises:
        BrokenZipError: the archive's directory cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            budget, swollen = MAX_TOTAL_BYTES, MAX_SWOLLEN_BYTES
            for info in sorted(archive.infolist(), key=lambda one: one.filename):
                if info.is_dir() or info.file_size < 64 or is_told_text(info.filename):
                    continue
                into = Collector()
                limit = min(MAX_MEMBER_BYTES, budget)
                if info.file_size > MAX_RATIO * max(info.compress_size, 1024):
                    limit = min(IN_MEMORY_BYTES, swollen)
                    swollen -= min(swollen, info.file_size)
                loose = _read_member(archive, info, into, scan=scan, limit=limit)
                budget -= min(budget, info.file_size)
                if not into.empty:
                    yield Member(into.library(f"{path}/{info.filename}", info.file_size), loose)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, OverflowError, EOFError) as error:
        raise BrokenZipError(str(error) or type(error).__name__) from error


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, into: Collector, *, scan: bool, limit: int) -> bool:
    """Read one member into the collector and return whether it is loose device code."""
    try:
        with archive.open(info) as stream:
            head = stream.read(HEAD_BYTES)
            if not is_of_interest(head, info.filename):
                return False
            size = info.file_size
            if size > limit:
                into.problem(f"says it unpacks {info.compress_size} bytes to {size}: not read", weight="damaged")
                return False
            loose = is_loose(head, info.filename)
            if size <= IN_MEMORY_BYTES:
                _read(head + stream.read(size - len(head)), info, into, scan=scan)
                return loose
            with tempfile.TemporaryFile() as scratch:
                scratch.write(head)
                left = size - len(head)
                while left > 0:
                    chunk = stream.read(min(_CHUNK, left))
                    if not chunk:
                        into.problem(f"{left} bytes shorter than it says", weight="damaged")
                        break
                    scratch.write(chunk)
                    left -= len(chunk)
                scratch.flush()
                with mmap.mmap(scratch.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    _read(data, info, into, scan=scan)
            return loose
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        into.problem(f"cannot be unpacked: {error}", weight="damaged")
        return False


def _read(data: Buffer, info: zipfile.ZipInfo, into: Collector, *, scan: bool) -> None:
    Reading(data, into, scan=scan, path=None).read(info.filename)
