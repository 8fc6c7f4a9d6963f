"""Knows the parent's side of a survey: a child with a deadline, restarted past the question that killed it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parity.probes.death import told_end

CALL_DEADLINE_S = 5.0
FIRST_CALL_DEADLINE_S = 20.0  # initialisation without the persistence daemon takes seconds per GPU
TOTAL_DEADLINE_S = 40.0
MAX_STARTS = 7
MAX_OUTPUT_BYTES = 32 * 1024 * 1024

MAX_LINE_BYTES = 4 * 1024 * 1024
_TIME_IS_UP = "was stopped: the time for the whole survey is up"

# The parent's own copy of this package, whatever a user's repository calls ``parity``; then the path as it was, without
# the current directory.
_BOOT = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; sys.path.insert(0, {here!r}); import parity; "
    "del sys.path[0]; from parity.probes.child import main; main()"
)


@dataclass
class Survey:
    """What one survey answered.

    Attributes:
        values: key -> plain value.
        reasons: key -> (why, detail) of every question without an answer.
        problems: what went wrong with the child itself.
        complete: whether the survey ran to its end.
    """

    values: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    complete: bool = False


def run_survey(
    name: str,
    options: dict[str, Any] | None = None,
    *,
    call_deadline_s: float = CALL_DEADLINE_S,
    first_call_deadline_s: float = FIRST_CALL_DEADLINE_S,
    total_deadline_s: float = TOTAL_DEADLINE_S,
) -> Survey:
    """Run one survey in a child process and return all it could say.

    A question that hangs past its deadline or kills the child costs itself: the child is started again without it,
    at most ``MAX_STARTS`` times in all.

    Args:
        name: a key of ``parity.probes.child.SURVEYS``.
        options: passed to the survey as JSON.
        call_deadline_s: seconds one question may take.
        first_call_deadline_s: seconds until the first answer, and for a question marked slow.
        total_deadline_s: seconds for everything, restarts included.
    """
    result = Survey()
    skip: dict[str, str] = {}
    end = time.monotonic() + total_deadline_s
    for _ in range(MAX_STARTS):
        try:
            run = _Child(name, {**(options or {}), "skip": skip}, result)
        except OSError as error:
            result.problems.append(f"{name}: the probe process could not be started: {error}")
            return result
        culprit = run.watch(end, call_deadline_s, first_call_deadline_s)
        if result.complete or culprit is None or culprit in skip:
            return result
        skip[culprit] = result.reasons[culprit][0]
        if time.monotonic() >= end:
            result.problems.append(f"{name}: not complete within {total_deadline_s:g} s")
            return result
    result.problems.append(f"{name}: gave up after {MAX_STARTS} starts")
    return result


class _Child:
    """One child process and the answers read from it."""

    def __init__(self, name: str, options: dict[str, Any], result: Survey) -> None:
        """Start the process; what it prints goes to a temporary file."""
        self._name = name
        self._result = result
        self._pending: str | None = None
        self._slow = True  # until the first answer
        self._garbled = False
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115  (closed when the child is reaped)
        here = str(Path(__file__).resolve().parent.parent.parent)
        try:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-c", _BOOT.format(here=here), name, json.dumps(options)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._noise,
            )
        except BaseException:
            self._noise.close()
            raise

    def watch(self, end: float, call_deadline_s: float, first_call_deadline_s: float) -> str | None:
        """Read until the child ends or a deadline passes; return the key that must be skipped next time."""
        try:
            why = self._read(end, call_deadline_s, first_call_deadline_s)
            self._reap(grace_s=0.0 if why else 1.0)
            if self._result.complete:
                return None
            detail = why or self._death()
        finally:
            self._reap(grace_s=0.0)
            self._noise.close()
        if self._pending is None:
            self._result.problems.append(f"{self._name}: the probe process {detail}")
            return None
        self._result.values.pop(self._pending, None)
        self._result.reasons[self._pending] = ("timed_out" if why else "failed", detail)
        return self._pending

    def _read(self, end: float, call_deadline_s: float, first_call_deadline_s: float) -> str:
        """Return why reading stopped early, empty at the end of the stream."""
        assert self._process.stdout is not None  # asked for a pipe
        descriptor = self._process.stdout.fileno()
        os.set_blocking(descriptor, False)
        buffered, total = b"", 0
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while True:
                patience = first_call_deadline_s if self._slow else call_deadline_s
                left = end - time.monotonic()
                if left <= 0 or not selector.select(min(patience, left)):
                    return f"gave no answer within {patience:g} s" if patience < left else _TIME_IS_UP
                chunk = os.read(descriptor, 1 << 16)
                if not chunk:
                    return ""
                total += len(chunk)
                *lines, buffered = (buffered + chunk).split(b"\n")
                if total > MAX_OUTPUT_BYTES or len(buffered) > MAX_LINE_BYTES:
                    return "wrote more than any survey can"
                for line in lines:
                    self._take(line)
                if self._result.complete:
                    return ""

    def _take(self, line: bytes) -> None:
        if line == b".":
            self._result.complete = True
            return
        try:
            if line[:1] in {b"?", b"~"}:
                self._pending = str(json.loads(line[1:]))
                self._slow = self._slow or line[:1] == b"~"
                return
            record = json.loads(line) if line else None
            if record is not None:
                self._keep(record)
        except (ValueError, KeyError, TypeError, RecursionError):
            if not self._garbled:
                self._garbled = True
                self._result.problems.append(f"{self._name}: the probe process wrote a line that is no answer")

    def _keep(self, record: dict[str, Any]) -> None:
        """Keep one answer. A later start's answer replaces an earlier one's, also when it is none."""
        key = record["k"]
        if not isinstance(key, str):
            raise TypeError(key)
        if "e" in record:
            self._result.values.pop(key, None)
            self._result.reasons[key] = (str(record["e"]), str(record.get("d", "")))
        else:
            self._result.values[key] = record["v"]
            self._result.reasons.pop(key, None)
        if key == self._pending:
            self._pending = None
            self._slow = False

    def _reap(self, grace_s: float) -> None:
        """Leave no process behind: wait for an orderly end, then kill."""
        try:
            self._process.wait(2.0 if self._result.complete else grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: no more can be done
                self._process.wait(2.0)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _death(self) -> str:
        return told_end(self._process, self._noise)
