"""Knows the measuring process from its parent's side: started once, asked line by line, each answer with a deadline."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from parity.probes.death import told_end
from parity.probes.supervise import _BOOT

MAX_LINE_BYTES = 4 * 1024 * 1024
# What is set to find bugs: each waits after every launch, allocates anew, or makes an error of a warning.
NOT_PASSED_ON = (
    "AMD_SERIALIZE_COPY",
    "AMD_SERIALIZE_KERNEL",
    "CUDA_LAUNCH_BLOCKING",
    "HIP_LAUNCH_BLOCKING",
    "PYTHONWARNINGS",
    "PYTORCH_NO_CUDA_MEMORY_CACHING",
    "PYTORCH_NO_HIP_MEMORY_CACHING",
)


class WorkerLost(Exception):  # noqa: N818  (a state, told in its words)
    """The process gave no answer: it died, hung, or wrote something else.

    Attributes:
        why: ``timed_out`` or ``failed``.
        detail: one line.
    """

    def __init__(self, why: str, detail: str) -> None:
        """Keep both."""
        super().__init__(detail)
        self.why = why
        self.detail = detail


class Worker:
    """One measuring process; in a session of its own, so that the terminal's Ctrl-C reaches the parent alone."""

    def __init__(self) -> None:
        """Start it; what it prints goes to a temporary file.

        Raises:
            OSError: it cannot be started.
        """
        self._buffered = b""
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115  (closed when the child is reaped)
        here = str(Path(__file__).resolve().parent.parent.parent)
        try:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-c", _BOOT.format(here=here), "measure", "{}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._noise,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON},
            )
        except BaseException:
            self._noise.close()
            raise
        assert self._process.stdin is not None  # asked for pipes
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)

    def hello(self, deadline_s: float) -> dict[str, Any]:
        """Return what the process says first: ``devices``, ``backend`` and ``reasons``.

        Raises:
            WorkerLost: it says nothing of the kind in time.
        """
        return self._answer(deadline_s, "devices")

    def request(self, request: dict[str, Any], deadline_s: float) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            WorkerLost: there is none in time.
        """
        try:
            os.write(self._in, json.dumps(request).encode() + b"\n")
        except OSError:
            raise WorkerLost("failed", self._death()) from None
        return self._answer(deadline_s, "ok")

    def close(self) -> None:
        """Leave no process behind: close its input, wait a moment for an orderly end, then kill."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
        self.kill()

    def kill(self) -> None:
        """End the process now; its memory on the devices goes with it."""
        process = self._process
        if process.poll() is None:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: no more can be done
                process.wait(2.0)
        self._selector.close()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._noise.close()

    def _answer(self, deadline_s: float, key: str) -> dict[str, Any]:
        line = self._line(time.monotonic() + deadline_s)
        if line is None:
            raise WorkerLost("timed_out", f"the measuring process gave no answer within {deadline_s:.0f} s")
        try:
            answer = msgspec.json.decode(line)
        except msgspec.DecodeError:
            answer = None
        if not isinstance(answer, dict) or key not in answer:
            shown = line[:60].decode("utf-8", errors="replace")
            raise WorkerLost("failed", f"the measuring process wrote something else than an answer: {shown!r}")
        return answer

    def _line(self, end: float) -> bytes | None:
        """Return the next line that is not empty, None when there is none at ``end``."""
        while True:
            line, found, rest = self._buffered.partition(b"\n")
            if found:
                self._buffered = rest
                if line.strip():
                    return line
                continue
            if not self._selector.select(max(0.0, end - time.monotonic())):
                return None
            chunk = os.read(self._out, 1 << 16)
            if not chunk:
                raise WorkerLost("failed", self._death())
            self._buffered += chunk
            if len(self._buffered) > MAX_LINE_BYTES:
                raise WorkerLost("failed", "the measuring process wrote more than any answer can be")

    def _death(self) -> str:
        return f"the measuring process {told_end(self._process, self._noise)}"
