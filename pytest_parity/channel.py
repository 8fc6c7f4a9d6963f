"""Knows how lines go to and from a child over pipes that can hang, break or be closed by a test.

No thread and no blocking call: everything waits in ``poll`` with a deadline. PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import contextlib
from functools import partial

# By name: what a test puts in their place must not reach us.
from os import close, fstat, pipe, read, set_blocking, write
from select import POLLIN, POLLOUT, poll
from time import monotonic as _monotonic
from time import time as _time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LINE_BYTES = 16 * 1024 * 1024
_CHUNK = 1 << 16

monotonic = partial(_monotonic)
"""Seconds; an object of its own, since freezegun replaces the clock itself wherever a module holds it."""
now = partial(_time)
"""Seconds since 1970, likewise."""
del _monotonic, _time


def pause(seconds: float) -> None:
    """Let time pass, whatever a test puts in the place of ``time.sleep``."""
    poll().poll(1000 * seconds)


class ChannelError(Exception):
    """The other side is gone or wrote too much; the text says which, ``""`` at the end of the stream."""


class Channel:
    """Two pipes to a child: bytes out, lines in; ``child_in`` and ``child_out`` are its ends, until ``release``."""

    def __init__(self) -> None:
        """Open both pipes.

        Raises:
            OSError: no descriptors are left.
        """
        self.child_in, self._out = pipe()
        try:
            self._in, self.child_out = pipe()
        except OSError:
            close(self.child_in)
            close(self._out)
            raise
        for descriptor in (self._out, self._in):
            set_blocking(descriptor, False)
        self._ours = {descriptor: _same(descriptor) for descriptor in (self._out, self._in)}
        self._unsent = bytearray()
        self._unread = bytearray()
        self._lines: list[bytes] = []

    def release(self) -> None:
        """Close the child's ends in this process, once the child has them."""
        close(self.child_in)
        close(self.child_out)

    def send(self, line: bytes) -> None:
        """Take a line for the child and send what can be sent now.

        Raises:
            ChannelError: see ``receive``.
        """
        if not self._unsent:
            self._check(self._out)
            line = line[self._write(line) :]  # nearly always all of it, and nothing else is looked at
        if line:
            self._unsent += line
            self._exchange(0.0, until=lambda: not self._unsent)

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next line with its end, None when there is none in time.

        Raises:
            ChannelError: the stream ended, a line has no end, or a test closed the pipes.
        """
        if not self._lines:
            self._exchange(timeout_s, until=lambda: bool(self._lines))
        return self._lines.pop(0) if self._lines else None

    def hang_up(self) -> None:
        """Close our end towards the child, which ends an orderly child."""
        self._close(self._out)

    def close(self) -> None:
        """Close what is left."""
        self._close(self._out)
        self._close(self._in)

    def _close(self, descriptor: int) -> None:
        """Close a descriptor that is still ours: a test may have closed it, and the number may be another file now."""
        mark = self._ours.pop(descriptor, None)
        if mark is not None and _same(descriptor) == mark:
            with contextlib.suppress(OSError):
                close(descriptor)

    def _exchange(self, timeout_s: float, *, until: Callable[[], bool]) -> None:
        """Send and receive until a condition holds or time is up; both at once, so that neither side waits for ever."""
        end = monotonic() + timeout_s
        self._check(self._in)
        waiter = poll()
        waiter.register(self._in, POLLIN)
        if self._unsent:
            self._check(self._out)
            waiter.register(self._out, POLLOUT)
        while not until():
            left_ms = max(0.0, end - monotonic()) * 1000
            ready = dict(waiter.poll(left_ms))
            if not ready:
                return  # also with a clock that a test has stopped
            if self._out in ready and self._unsent:
                del self._unsent[: self._write(self._unsent[:_CHUNK])]
                if not self._unsent:
                    waiter.unregister(self._out)
            if self._in in ready:
                self._receive()

    def _check(self, descriptor: int) -> None:
        if descriptor not in self._ours or _same(descriptor) != self._ours[descriptor]:
            message = "its pipes were closed, by a test for one"
            raise ChannelError(message)

    def _write(self, data: bytes | bytearray) -> int:
        """Return how many bytes are done with."""
        try:
            return write(self._out, data)
        except BlockingIOError:
            return 0
        except OSError:  # the child is gone: the end of its stream tells more
            return len(data)

    def _receive(self) -> None:
        try:
            chunk = read(self._in, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            message = ""
            raise ChannelError(message)
        self._unread += chunk
        if b"\n" in chunk:
            *lines, rest = bytes(self._unread).split(b"\n")
            self._lines += [line + b"\n" for line in lines]
            self._unread = bytearray(rest)
        if len(self._unread) > MAX_LINE_BYTES:
            message = f"its answer is over {MAX_LINE_BYTES // (1 << 20)} MB"
            raise ChannelError(message)


def _same(descriptor: int) -> tuple[int, int] | None:
    """Return what a descriptor stands for, None when it is closed."""
    try:
        told = fstat(descriptor)
    except OSError:
        return None
    return told.st_dev, told.st_ino
