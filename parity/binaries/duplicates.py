"""Knows files of the same content: those of one size are compared byte by byte, so two different ones are never one.

No hash is taken: that reads both files whole too, and says less. Files that differ do so in the first or in one of a
few pages spread over them nearly always, so only true copies cost a reading: 0.3 s per GB, measured warm. Taking stock
of a library is cheaper than that, so after the first gigabytes of copies the rest is read like any other file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO

MIN_BYTES = 64 * 1024  # below, reading twice costs less than comparing
MAX_RIVALS = 8  # of one size; more are no copies but one generator's output
MAX_COMPARED_BYTES = 2 * 1024**3  # in one run
SAMPLES, SAMPLE_BYTES = 16, 4096
CHUNK_BYTES = 128 * 1024  # both buffers stay in the processor's cache: seven times as fast as new ones of 1 MiB


class Contents:
    """The files seen so far, by size."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: dict[int, list[tuple[str, str, bytes]]] = {}
        self._left = MAX_COMPARED_BYTES

    def first_with(self, path: str, name: str, size: int, head: bytes) -> str:
        """Return the name of the first file that was seen with this content; this one's, when it is the first.

        Args:
            path: of a regular file.
            name: what it is known by.
            size: its bytes.
            head: its first bytes, the same number of each file.
        """
        if not MIN_BYTES <= size <= self._left:
            return name
        rivals = self._known.setdefault(size, [])
        for rival, known_as, known in rivals:
            if known == head and same_content(rival, path, size):
                self._left -= size
                return known_as
        if len(rivals) < MAX_RIVALS:
            rivals.append((path, name, head))
        return name


def same_content(one: str, other: str, size: int) -> bool:
    """Return whether two files hold the same ``size`` bytes and no more; False when either cannot be read."""
    try:
        with open(one, "rb", buffering=0) as first, open(other, "rb", buffering=0) as second:  # noqa: PTH123 - no buffer
            if any(os.fstat(stream.fileno()).st_size != size for stream in (first, second)):
                return False
            buffers = bytearray(CHUNK_BYTES), bytearray(CHUNK_BYTES)
            spread = range(0, size, max(1, (size - SAMPLE_BYTES) // SAMPLES))
            return all(
                _alike((first, second), buffers, at, min(count, size - at))
                for count, places in ((SAMPLE_BYTES, spread), (CHUNK_BYTES, range(0, size, CHUNK_BYTES)))
                for at in places
            )
    except OSError:
        return False


def _alike(files: tuple[FileIO, FileIO], buffers: tuple[bytearray, bytearray], at: int, count: int) -> bool:
    """Return whether ``count`` bytes at ``at`` are there in both files, and the same.

    Whole buffers are compared: what an earlier call left in them was the same in both, or it was the last call.
    """
    for file, buffer in zip(files, buffers, strict=True):
        file.seek(at)
        if file.readinto(memoryview(buffer)[:count]) != count:
            return False
    return buffers[0] == buffers[1]
