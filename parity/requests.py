"""Knows how to take lines from a descriptor one by one, and how long to wait for the next."""

from __future__ import annotations

import os
import select
from collections import deque

_CHUNK = 1 << 16


class Requests:
    """The lines of a descriptor."""

    def __init__(self, descriptor: int) -> None:
        """Read nothing yet."""
        self._descriptor = descriptor
        self._waiter = select.poll()
        self._waiter.register(descriptor, select.POLLIN)
        self._lines: deque[bytes] = deque()
        self._unfinished: list[bytes] = []
        self._ended = False

    def next(self, patience_s: float | None = None) -> bytes | None:
        """Return the next line with its end, ``b""`` when no more come, None when there is none in time.

        Args:
            patience_s: how long to wait; None: until there is one.
        """
        while not self._lines:
            if self._ended:
                return b""
            if not self._waiter.poll(None if patience_s is None else 1000 * patience_s):
                return None
            self._receive()
        return self._lines.popleft()

    def _receive(self) -> None:
        chunk = os.read(self._descriptor, _CHUNK)
        if not chunk:
            self._ended = True
            self._lines.extend(filter(None, [b"".join(self._unfinished)]))
            return
        first, *others = chunk.split(b"\n")
        self._unfinished.append(first)
        if others:
            *whole, rest = b"".join(self._unfinished), *others[:-1], others[-1]
            self._lines.extend(line + b"\n" for line in whole)
            self._unfinished = [rest]
