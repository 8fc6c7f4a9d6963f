"""Knows a child process of our own from its parent's side: lines up to a deadline, its end told, nothing left behind.

Vendor libraries hang, print, raise and crash; all of that happens in such a child.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from parity.probes.death import told_end

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LINE_BYTES = 4 * 1024 * 1024
_KILLED_WITHIN_S = 2.0

# The parent's own copy of this package, whatever a user's repository calls ``parity``; then the path as it was, without
# the current directory.
_BOOT = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; sys.path.insert(0, {here!r}); import parity; "
    "del sys.path[0]; from parity.probes.child import main; main()"
)


class ChildLost(Exception):  # noqa: N818  (a state, told in its words)
    """There is nothing to be had from a child now: it died, hung, wrote something else, or was never begun.

    Attributes:
        why: ``timed_out``, ``failed``, ``lost`` or ``not_asked``.
        detail: one line.
    """

    def __init__(self, why: str, detail: str) -> None:
        """Keep both."""
        super().__init__(detail)
        self.why = why
        self.detail = detail


class Piped:
    """One child that runs a survey, the watcher or the measuring, told apart by name.

    Args:
        survey: a key of ``parity.probes.child.SURVEYS``.
        options: JSON for it.
        told_as: what a ``ChildLost`` calls it: ``the watcher``; empty: told without a subject.
        takes_input: whether it is asked by lines.
        own_session: whether a terminal's Ctrl-C reaches the parent alone.
        env: its environment; None: the parent's.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        survey: str,
        options: str,
        *,
        told_as: str = "",
        takes_input: bool = False,
        own_session: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start the process; what it prints goes to a temporary file."""
        self._told_as = told_as and f"{told_as} "
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115  (closed when the child is reaped)
        here = str(Path(__file__).resolve().parent.parent.parent)
        try:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-c", _BOOT.format(here=here), survey, options],
                stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._noise,
                start_new_session=own_session,
                env=env,
            )
        except BaseException:
            self._noise.close()
            raise
        self.pid = self._process.pid
        assert self._process.stdout is not None  # asked for a pipe
        self.descriptor = self._process.stdout.fileno()
        os.set_blocking(self.descriptor, False)
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.descriptor, selectors.EVENT_READ)

    def write(self, line: bytes) -> None:
        """Send a line.

        Raises:
            ChildLost: nobody reads it.
        """
        assert self._process.stdin is not None  # takes input
        try:
            os.write(self._process.stdin.fileno(), line + b"\n")
        except OSError:
            raise self.death() from None

    def line(self, end: float) -> bytes | None:
        """Return the next line without its end, None when there is none at ``end`` (monotonic).

        Raises:
            ChildLost: the child closed its output, or wrote an endless line.
        """
        while not self._lines:
            if not self._selector.select(max(0.0, end - time.monotonic())):
                return None
            chunk = os.read(self.descriptor, 1 << 16)
            if not chunk:
                raise self.death()
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._lines.extend(lines)
            if len(self._rest) > MAX_LINE_BYTES:
                raise ChildLost("failed", f"{self._told_as}wrote more than any answer can be")
        return self._lines.popleft()

    def death(self) -> ChildLost:
        """Return how the child ended, waiting a moment for its end."""
        return ChildLost("failed", f"{self._told_as}{told_end(self._process, self._noise)}")

    def end(self, grace_s: float = 0.0) -> None:
        """Leave no process behind: close its input, wait a moment for an orderly end, then kill. May be repeated.

        Its memory on the devices goes with it.
        """
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
        if process.poll() is None:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: no more can be done
                process.wait(_KILLED_WITHIN_S)
        self._selector.close()
        if process.stdout is not None:
            process.stdout.close()
        self._noise.close()
