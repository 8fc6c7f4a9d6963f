"""Knows files of the same content: those of one size are compared byte by byte, so two different ones are never one.

No hash is taken: that reads both files whole too, and says less. Files that differ do so in the first or in one of a
few pages spread over them nearly always, so only true copies cost a reading.
"""

from __future__ import annotations

import os

MIN_BYTES = 64 * 1024  # below, reading twice costs less than comparing
MAX_RIVALS = 8  # of one size; more are no copies but one generator's output
SAMPLES, SAMPLE_BYTES, CHUNK_BYTES = 16, 4096, 1024 * 1024


class Contents:
    """The files seen so far, by size."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: dict[int, list[tuple[str, str, bytes]]] = {}

    def first_with(self, path: str, name: str, size: int, head: bytes) -> str:
        """Return the name of the first file that was seen with this content; this one's, when it is the first.

        Args:
            path: of a regular file.
            name: what it is known by.
            size: its bytes.
            head: its first bytes, the same number of each file.
        """
        if size < MIN_BYTES:
            return name
        rivals = self._known.setdefault(size, [])
        for rival, known_as, known in rivals:
            if known == head and same_content(rival, path, size):
                return known_as
        if len(rivals) < MAX_RIVALS:
            rivals.append((path, name, head))
        return name


def same_content(one: str, other: str, size: int) -> bool:
    """Return whether two files hold the same ``size`` bytes and no more; False when either cannot be read."""
    try:
        with open(one, "rb", buffering=0) as first, open(other, "rb", buffering=0) as second:  # noqa: PTH123 - no buffer
            pair = first.fileno(), second.fileno()
            if any(os.fstat(descriptor).st_size != size for descriptor in pair):
                return False
            step = max(1, (size - SAMPLE_BYTES) // SAMPLES)
            samples = all(_alike(*pair, at, SAMPLE_BYTES) for at in range(0, size, step))
            return samples and all(_alike(*pair, at, CHUNK_BYTES) for at in range(0, size, CHUNK_BYTES))
    except OSError:
        return False


def _alike(one: int, other: int, at: int, count: int) -> bool:
    first, second = os.pread(one, count, at), os.pread(other, count, at)
    return bool(first) and first == second
