"""Knows how to read one file on disk: mapped, headers only, with the outcome in the data and never an exception."""

from __future__ import annotations

import mmap
import os
import stat
from typing import TYPE_CHECKING

from parity.binaries import kpack
from parity.binaries.buffer import expect_headers
from parity.binaries.collect import Collector
from parity.binaries.contents import HEAD_BYTES, Reading, is_loose, is_of_interest

if TYPE_CHECKING:
    from parity.model.code_objects import Library

MIN_BYTES = 64
MAX_BYTES = 64 * 1024**3  # a sparse file may claim any size


def read_file(path: str, *, scan: bool = True, head: bytes | None = None) -> Library | None:
    """Return the device code of one file, None when it holds none and nothing went wrong.

    Args:
        path: of a regular file.
        scan: search its data for hidden code.
        head: its first 4 KiB, if the caller has them.
    """
    into = Collector()
    size = 0
    try:
        # O_NONBLOCK: a named pipe of that name would wait for a writer
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        into.problem(f"cannot be opened: {getattr(error, 'strerror', None) or error}", weight="damaged")
        return into.library(path, 0)
    try:
        status = os.fstat(descriptor)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            return None
        head = os.pread(descriptor, HEAD_BYTES, 0) if head is None else head
        if (size < MIN_BYTES and not is_loose(head, path)) or not (
            is_of_interest(head, path) or head.startswith(kpack.MAGIC)
        ):
            return None
        if size > MAX_BYTES:
            into.problem(f"larger than {MAX_BYTES // 1024**3} GiB: not read", weight="damaged")
        elif head.startswith(kpack.MAGIC):
            kpack.read_archive(path, into)
        else:
            _map(descriptor, path, into, scan=scan)
    except (OSError, ValueError, OverflowError) as error:
        into.problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", weight="damaged")
    finally:
        os.close(descriptor)
    return None if into.empty else into.library(path, size)


def _map(descriptor: int, path: str, into: Collector, *, scan: bool) -> None:
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
        expect_headers(data)
        Reading(data, into, scan=scan, path=path).read(path)
