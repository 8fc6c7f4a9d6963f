"""Knows how to talk to the engine: one child, JSON lines, a deadline for each answer, and a certain end.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from pytest_parity.channel import Channel, ChannelError, monotonic, pause

if TYPE_CHECKING:
    from collections.abc import Mapping

BYE_DEADLINE_S = 2.0
"""How long a polite end may take before the child is killed."""

# The real package whatever a user's repository calls ``parity``; then the path without the current directory, and with
# what PYTHONPATH adds at its end: neither that nor a backport beside this package may take the place of what it needs.
_BOOT = """
import os, sys
here = sys.argv.pop(1)
given = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
paths = [path for path in sys.path if path]
paths.sort(key=lambda path: os.path.abspath(path) in given)
sys.path[:] = [here, *paths]
import parity
sys.path[:] = paths
from parity.engine import main
main()
"""
_MEASURES_CHILDREN = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "COV_CORE_DATAFILE", "COV_CORE_SOURCE")
"""Variables by which coverage and pytest-cov reach child processes: the engine is none of the user's code, would start
later, and ends after the data files of a run are combined."""
_ID = re.compile(rb'\{"id": ?(\d{1,15})[,}]')
"""How an answer begins."""
_TAIL_BYTES = 4096
_TAIL_LINES = 6
# Taken here: what a test puts in their place must not reach the engine.
_Popen, _to_json, _from_json = subprocess.Popen, json.dumps, json.loads
_getpid, _killpg = os.getpid, os.killpg


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
    """One engine process. After the first failure it stays dead, and every request repeats the reason."""

    def __init__(self, *, directory: str, timeout_s: float) -> None:
        """Start nothing yet; ``directory`` is the child's working directory."""
        self._directory = directory
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._noise: IO[bytes] | None = None
        self._failure: EngineError | None = None
        self._owner = _getpid()
        self._last_id = 0
        self._answers: dict[int, dict[str, Any] | bytes] = {}
        self._awaited: list[int] = []
        self._owed: set[int] = set()

    def start(self) -> None:
        """Start the child; a failure shows in ``receive``."""
        if self._process is not None or self._failure is not None:
            return
        with contextlib.suppress(OSError):
            self._noise = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the child)
        try:
            self._channel = Channel()
            try:
                self._process = _Popen(
                    [sys.executable or "", "-c", _BOOT, engine_root()],
                    stdin=self._channel.child_in,
                    stdout=self._channel.child_out,
                    stderr=self._noise or subprocess.DEVNULL,
                    cwd=self._directory,
                    env={name: value for name, value in os.environ.items() if name not in _MEASURES_CHILDREN},
                    start_new_session=True,  # Ctrl-C is for pytest; the child ends with its standard input
                )
            finally:
                self._channel.release()
        except (OSError, ValueError) as error:
            self._failure = EngineError(f"the engine did not start: {error}")
            self._forget()

    def send(self, request: Mapping[str, Any] | str, *, later: bool = False) -> int:
        """Send one request without waiting; return its id. A failure shows in ``receive``.

        Args:
            request: its members; text: these as JSON already, ``"op": "watch", "rootdir": "..."``.
            later: whether requests that come after it may be answered before it.
        """
        self._last_id += 1
        if _getpid() != self._owner:
            return self._last_id
        if self._process is None:
            self.start()
        if self._channel is not None and self._failure is None:
            try:
                members = f"{request}}}" if isinstance(request, str) else _to_json(request)[1:]
                line = "".join((f'{{"id": {self._last_id}, ', members, "\n")).encode()
            except Exception as error:  # a test put something of its own in the place of what a request tells
                why = f"the question could not be written: {type(error).__name__}: {error}"
                self._answers[self._last_id] = {"id": self._last_id, "ok": False, "kind": "internal", "error": why}
                return self._last_id
            if later:
                self._owed.add(self._last_id)
            else:
                self._awaited.append(self._last_id)
            with contextlib.suppress(ChannelError):  # told by ``receive``
                self._channel.send(line)
        return self._last_id

    def receive(self, request_id: int, timeout_s: float | None = None) -> dict[str, Any]:
        """Return the answer to a request, ``ok`` or not; requests are answered in their order, but for ``later`` ones.

        Args:
            request_id: as ``send`` returned it.
            timeout_s: how long to wait; the run's deadline by default. It starts here, not while tests were collected.

        Raises:
            EngineError: the child is dead, silent past the deadline, or wrote something else than the answer.
        """
        if _getpid() != self._owner:
            message = "not asked in a forked copy of the test process"
            raise EngineError(message)
        if self._failure is None or request_id in self._answers:
            try:
                return self._await(request_id, self._timeout_s if timeout_s is None else timeout_s)
            except EngineError as error:
                self._fail(error)
            except BaseException:  # Ctrl-C, or the alarm of a time limit: the stream is out of step from here on
                self._fail(EngineError("interrupted while it worked"))
                raise
        raise cast("EngineError", self._failure)

    def _await(self, request_id: int, timeout_s: float) -> dict[str, Any]:
        end = monotonic() + timeout_s
        while request_id not in self._answers:
            if self._channel is None or not (self._awaited or self._owed):
                message = "the engine is not running"
                raise EngineError(message)
            try:
                line = self._channel.receive(max(0.0, end - monotonic()))
            except ChannelError as error:
                raise EngineError(f"the engine: {error}" if str(error) else self._death()) from error
            if line is None:
                message = f"the engine gave no answer within {timeout_s:g} s"
                raise EngineError(message)
            self._take(line, request_id)
        answer = self._answers.pop(request_id)
        return _parse(answer, request_id) if isinstance(answer, bytes) else answer

    def _take(self, line: bytes, request_id: int) -> None:
        """Keep an answer; one that was owed is looked into when it is asked for, not between two tests."""
        told = _ID.match(line) if self._owed else None
        number = int(told[1]) if told else 0
        if number in self._owed:
            self._owed.discard(number)
            self._answers[number] = line
        else:
            expected = self._awaited.pop(0) if self._awaited else request_id
            self._answers[expected] = _parse(line, expected)

    def is_owed(self, request_id: int) -> bool:
        """Tell whether a request that may be answered later has no answer yet."""
        return request_id in self._owed

    def _fail(self, error: EngineError) -> None:
        self._end(force=True)
        self._failure = self._failure or self._with_last_words(error)
        self._forget()

    def close(self) -> None:
        """Say goodbye, then make sure; safe to call again, and a no-op in a forked copy of this process."""
        if _getpid() != self._owner:
            return
        busy = bool(self._awaited or self._owed)  # interrupted while it works: do not wait for it
        if self._process is not None and self._failure is None:
            self.send({"op": "bye"})
        self._end(force=busy)
        self._forget()
        self._failure = self._failure or EngineError("the engine was stopped")

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
        if self._channel is not None:
            self._channel.hang_up()
        if not force:
            _wait(process, BYE_DEADLINE_S)
        if process.poll() is None:  # what it started dies with it: its own children ask the kernel for that
            _kill(process)
            _wait(process, BYE_DEADLINE_S)  # if not even then, it is stuck in the kernel: nothing more can be done

    def _with_last_words(self, error: EngineError) -> EngineError:
        lines = _tail(self._noise)
        text = f"{error}: {lines[-1][:200]}" if lines else str(error)
        return EngineError(text, lines if len(lines) > 1 else ())

    def _forget(self) -> None:
        """Close what the child leaves open."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._noise is not None:
            with contextlib.suppress(OSError):  # a test may have closed it
                self._noise.close()
            self._noise = None
        self._awaited.clear()
        self._owed.clear()


def engine_root() -> str:
    """Return the folder that holds the real ``parity`` package, beside this one.

    ``PARITY_ENGINE_PATH`` replaces it; it is there for the tests of this plugin only.
    """
    return os.environ.get("PARITY_ENGINE_PATH") or str(Path(__file__).resolve().parent.parent)


def _parse(line: bytes, request_id: int) -> dict[str, Any]:
    if line == b'{"id":%d,"ok":true}\n' % request_id:  # what a test waits for needs no decoder
        return {"id": request_id, "ok": True}
    try:
        answer = _from_json(line)
    except Exception:  # no JSON, or a test put something of its own in the place of what reads it
        answer = None
    agreed = isinstance(answer, dict) and answer.get("id") == request_id and isinstance(answer.get("ok"), bool)
    if not agreed:
        start = line[:60].decode("utf-8", errors="replace").strip()
        message = f"the engine wrote something else than an answer: {start!r}"
        raise EngineError(message)
    return cast("dict[str, Any]", answer)


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Wait for a child's end; ``Popen.wait`` does so with ``time.sleep``, which tests replace and count."""
    pause_s, left_s = 0.0005, timeout_s
    while process.poll() is None and left_s > 0:
        pause(min(pause_s, left_s))
        left_s -= pause_s
        pause_s = min(2 * pause_s, 0.05)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and what it started; it leads a session of its own."""
    with contextlib.suppress(OSError):
        _killpg(process.pid, signal.SIGKILL)


def _tail(noise: IO[bytes] | None) -> tuple[str, ...]:
    if noise is None:
        return ()
    try:
        noise.seek(max(0, noise.seek(0, os.SEEK_END) - _TAIL_BYTES))
        text = noise.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except (OSError, ValueError):
        return ()
    return tuple(line.rstrip()[:300] for line in text.splitlines() if line.strip())[-_TAIL_LINES:]
