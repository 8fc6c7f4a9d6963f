"""Knows how to talk to the engine: one child, JSON lines, a deadline for each answer, and a certain end.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ANSWER_BYTES = 16 * 1024 * 1024
BYE_DEADLINE_S = 2.0
"""How long a polite end may take before the child is killed."""

_BOOT = (
    "import sys; HERE = sys.argv.pop(1); sys.path[:] = [HERE] + [p for p in sys.path if p and p != HERE]; "
    "from parity.engine import main; main()"
)
_TAIL_BYTES = 4096
_TAIL_LINES = 6
_POLL_S = 0.2


class EngineError(Exception):
    """The engine gave no usable answer; the text is one line, why.

    Attributes:
        detail: the last lines the engine wrote to standard error.
    """

    def __init__(self, why: str, detail: tuple[str, ...] = ()) -> None:
        """Keep the reason and the engine's last words."""
        super().__init__(why)
        self.detail = detail


class Engine:
    """One engine process. After the first failure it stays dead, and every request repeats the reason.

    No thread outlives a call: a thread reads only while the caller waits, so tests that fork see one thread.
    """

    def __init__(self, *, directory: str, timeout_s: float) -> None:
        """Start nothing yet; ``directory`` is the child's working directory."""
        self._directory = directory
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._noise: IO[bytes] | None = None
        self._failure: EngineError | None = None
        self._owner = os.getpid()
        self._last_id = 0
        self._unanswered = 0

    def start(self) -> None:
        """Start the child; a failure shows in ``receive``."""
        if self._process is not None or self._failure is not None:
            return
        with contextlib.suppress(OSError):
            self._noise = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the child)
        try:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-c", _BOOT, engine_root()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._noise or subprocess.DEVNULL,
                cwd=self._directory,
                start_new_session=True,  # Ctrl-C is for pytest; the child ends with its standard input
            )
        except (OSError, ValueError) as error:
            self._failure = EngineError(f"the engine did not start: {error}")

    def send(self, request: Mapping[str, Any]) -> int:
        """Send one request without waiting; return its id. A failure shows in ``receive``."""
        self.start()
        self._last_id += 1
        self._unanswered += 1
        if self._process is not None and self._failure is None and self._process.stdin is not None:
            line = json.dumps({"id": self._last_id, **request}) + "\n"
            with contextlib.suppress(OSError):  # a dead child: its end of file tells more
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()
        return self._last_id

    def receive(self, request_id: int) -> dict[str, Any]:
        """Return the answer to a request, ``ok`` or not.

        Raises:
            EngineError: the child is dead, silent past the deadline, or wrote something else than the answer.
        """
        if self._failure is None:
            try:
                answer = _parse(self._read_line(), request_id)
            except EngineError as error:
                self._end(force=True)
                self._failure = self._with_last_words(error)
                self._forget()
            else:
                self._unanswered -= 1
                return answer
        raise self._failure

    def kill(self) -> None:
        """End the child at once, also while another thread is stuck writing to it."""
        if self._process is not None:
            _kill(self._process)
        self._failure = self._failure or EngineError("the engine was stopped")

    def close(self) -> None:
        """Say goodbye, then make sure; safe to call again, and a no-op in a forked copy of this process."""
        if os.getpid() != self._owner:
            return
        busy = self._unanswered > 0  # interrupted while it works: do not wait for it
        if self._process is not None and self._failure is None:
            self.send({"op": "bye"})
        self._end(force=busy)
        self._forget()
        self._failure = self._failure or EngineError("the engine was stopped")

    def _read_line(self) -> bytes:
        """Return the next line. The deadline runs while we wait, not while tests were collected."""
        process = self._process
        if process is None or process.stdout is None:
            message = "the engine is not running"
            raise EngineError(message)
        stream = process.stdout
        box: list[bytes] = []

        def read() -> None:
            with contextlib.suppress(OSError, ValueError):
                box.append(stream.readline(MAX_ANSWER_BYTES + 1))

        reader = threading.Thread(target=read, name="parity-engine-answer", daemon=True)
        reader.start()
        end = time.monotonic() + self._timeout_s
        while reader.is_alive() and time.monotonic() < end:
            reader.join(min(_POLL_S, self._timeout_s))
        if reader.is_alive():
            self._end(force=True)
            reader.join(1.0)
            message = f"the engine gave no answer within {self._timeout_s:g} s"
            raise EngineError(message)
        line = box[0] if box else b""
        if len(line) > MAX_ANSWER_BYTES:
            message = f"the engine's answer is over {MAX_ANSWER_BYTES // (1 << 20)} MB"
            raise EngineError(message)
        if not line.endswith(b"\n"):
            raise EngineError(self._death())
        return line

    def _death(self) -> str:
        """Return how the child ended; its standard output is at its end."""
        self._end(force=False)
        status = None if self._process is None else self._process.returncode
        if status is None or status >= 0:
            return f"the engine ended with status {status}"
        try:
            return f"the engine was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"the engine was killed by signal {-status}"

    def _end(self, *, force: bool) -> None:
        """Close the child's standard input, give it a moment unless forced, then kill and reap it."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        if process.poll() is not None:
            return
        if not force:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(BYE_DEADLINE_S)
                return
        _kill(process)
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: nothing more can be done
            process.wait(BYE_DEADLINE_S)

    def _with_last_words(self, error: EngineError) -> EngineError:
        lines = _tail(self._noise)
        text = f"{error}: {lines[-1][:200]}" if lines else str(error)
        return EngineError(text, lines if len(lines) > 1 else ())

    def _forget(self) -> None:
        """Close what the reaped child leaves open."""
        process = self._process
        if process is not None and process.stdout is not None and process.returncode is not None:
            process.stdout.close()
        if self._noise is not None:
            self._noise.close()
            self._noise = None


def engine_root() -> str:
    """Return the folder that holds the real ``parity`` package, beside this one.

    ``PARITY_ENGINE_PATH`` replaces it; it is there for the tests of this plugin only.
    """
    return os.environ.get("PARITY_ENGINE_PATH") or str(Path(__file__).resolve().parent.parent)


def _parse(line: bytes, request_id: int) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    agreed = isinstance(answer, dict) and answer.get("id") == request_id and isinstance(answer.get("ok"), bool)
    if not agreed:
        start = line[:60].decode("utf-8", errors="replace").strip()
        message = f"the engine wrote something else than an answer: {start!r}"
        raise EngineError(message)
    return cast("dict[str, Any]", answer)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and what it started; it leads a session of its own."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
            return
    with contextlib.suppress(OSError):
        process.kill()


def _tail(noise: IO[bytes] | None) -> tuple[str, ...]:
    if noise is None:
        return ()
    try:
        noise.seek(max(0, noise.seek(0, os.SEEK_END) - _TAIL_BYTES))
        text = noise.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except (OSError, ValueError):
        return ()
    return tuple(line.rstrip()[:300] for line in text.splitlines() if line.strip())[-_TAIL_LINES:]
