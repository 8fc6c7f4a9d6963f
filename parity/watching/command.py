"""Knows how to run somebody's command untouched: its streams, its signals, its exit status."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as shells say it
_TERMINAL_SENDS = ("SIGINT", "SIGQUIT")  # to everybody in its foreground group, so the command has it already
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_TICK_S = 0.5  # how often something is looked after that should have woken us


class CommandError(Exception):
    """The command could not be started.

    Attributes:
        status: 127 where it was not found, 126 where it cannot be run.
    """

    def __init__(self, message: str, status: int) -> None:
        """Keep both."""
        super().__init__(message)
        self.status = status


class Ended:
    """How the command ended.

    Attributes:
        status: its exit status, 128 + n when signal n ended it.
        signal: name of that signal, empty otherwise.
    """

    def __init__(self, code: int) -> None:
        """Take ``Popen.returncode``."""
        self.status = code if code >= 0 else 128 - code
        self.signal = ""
        if code < 0:
            try:
                self.signal = signal.Signals(-code).name
            except ValueError:
                self.signal = f"signal {-code}"


class Waiter:
    """Waits for what comes first: a signal, the end of a command, something to read, a time.

    Use it as a context: signals are handled inside and as before outside.

    Attributes:
        process: the command, None before its start.
        stopped: number of the last signal that asks to stop, 0 when none came.
    """

    def __init__(self) -> None:
        """Nothing is running yet."""
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped = 0
        self._kept: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = os.pipe()
        for end in (self._wake, self._woken):
            os.set_blocking(end, False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._read: int | None = None

    def __enter__(self) -> Waiter:  # noqa: PYI034  (Self is of Python 3.11)
        """Take over the signals."""
        self._before = signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        for name in ("SIGCHLD", *_TERMINAL_SENDS, *_PASSED_ON):
            number = getattr(signal, name, None)
            # Ignored on purpose (nohup, a shell's `&`): the command inherits that, and so do we.
            if number is not None and (name == "SIGCHLD" or signal.getsignal(number) != signal.SIG_IGN):
                self._kept[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        signal.set_wakeup_fd(self._before)
        for number, handler in self._kept.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._selector.close()
        os.close(self._wake)
        os.close(self._woken)

    def start(self, words: Sequence[str]) -> None:
        """Start a command with this process's standard streams.

        Raises:
            CommandError: there is no such program, or it cannot be run.
        """
        if not words[0]:  # some systems say of an empty name that it may not be run
            raise CommandError("'': command not found", NOT_FOUND)
        try:
            self.process = subprocess.Popen(list(words), close_fds=False)  # noqa: S603  (the user's own command and descriptors)
        except FileNotFoundError as error:
            # Also the interpreter of a script's first line.
            raise CommandError(f"{words[0]}: command not found", NOT_FOUND) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CommandError(f"{words[0]}: {reason}", NOT_EXECUTABLE) from error

    def wait(self, *, until: float | None, read: int | None) -> Iterator[None]:
        """Yield whenever there may be something to read; end when the command has, or time is up.

        Args:
            until: monotonic time; None: no limit.
            read: descriptor to wait for besides; None: none.
        """
        self._listen(read)
        while not self.ended and (until is None or time.monotonic() < until):
            if self.stopped and self.process is None:
                return
            left = _TICK_S if until is None else min(_TICK_S, max(0.0, until - time.monotonic()))
            for key, _ in self._selector.select(left):
                if key.fd == self._wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake, 4096)
            yield

    def deaf(self) -> None:
        """Read no more."""
        self._listen(None)

    @property
    def ended(self) -> Ended | None:
        """Return how the command ended, None while it runs or there is none."""
        code = None if self.process is None else self.process.poll()
        return None if code is None else Ended(code)

    def _listen(self, read: int | None) -> None:
        if self._read is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(self._read)
        self._read = read
        if read is not None:
            self._selector.register(read, selectors.EVENT_READ)

    def _arrived(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        if name == "SIGCHLD":
            return
        if name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
            self.stopped = number
        process = self.process
        if process is None or process.returncode is not None:
            return
        if name in _PASSED_ON or not _at_a_terminal():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                process.send_signal(number)


def _at_a_terminal() -> bool:
    """Return whether this process is in the foreground of a terminal, which then signals the command by itself."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
