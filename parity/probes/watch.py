"""Knows the parent's side of the watcher: one child around all tests, a deadline for each answer, restarted rarely.

A vendor library that hangs, crashes or talks nonsense costs the test it did so in its conditions, and nothing else.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec

from parity.probes.piped import ChildLost, Piped
from parity.probes.supervise import CALL_DEADLINE_S, FIRST_CALL_DEADLINE_S
from parity.probes.watch_devices import chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

START_DEADLINE_S = 60.0  # without the persistence daemon a first handle takes seconds, of each of eight GPUs
ANSWER_DEADLINE_S = 2.0
MAX_STARTS = 4
_PIPE_BYTES = 1 << 20
_LIBRARY_KEYS = ("nvml:", "amdsmi:")


class Watch:
    """The watcher of one engine.

    Args:
        options: for the child: ``root``, ``amdsmi``, ``sample_every_s``.
        start_deadline_s: seconds from a start to readiness.
        answer_deadline_s: seconds for one answer; also the longest that ``begin`` waits for a start.
        sink: takes each line of the stream between ``begin`` and ``end``: a sample, or all added up so far. Then the
            child is in a session of its own, so that a terminal's Ctrl-C does not reach it, and it is not replaced when
            it is lost after a ``begin``.
    """

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        start_deadline_s: float = START_DEADLINE_S,
        answer_deadline_s: float = ANSWER_DEADLINE_S,
        sink: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Start nothing yet."""
        self._sink = sink
        self._options = dict(options or {})
        self._start_deadline_s = start_deadline_s
        self._answer_deadline_s = answer_deadline_s
        self._starts = 0
        self._child: _Child | None = None
        self._skip: dict[str, str] = {}
        self._given_up: ChildLost | None = None
        self._chosen: dict[tuple[tuple[str, str], ...], tuple[tuple[str, ...], str]] = {}
        self._running: str | None = None
        self._lost: ChildLost | None = None
        self._begun = False

    @property
    def problem(self) -> str:
        """Return why the watch was given up, empty while it was not."""
        return self._given_up.detail if self._given_up else ""

    @property
    def is_running(self) -> bool:
        """Return whether a test is being watched."""
        return self._running is not None

    @property
    def descriptor(self) -> int | None:
        """Return what can be waited for until ``pump`` has something to read; None without a child."""
        return None if self._child is None else self._child.descriptor

    @property
    def core(self) -> int | None:
        """Return the core that the child keeps to, None when it has none of its own."""
        return None if self._child is None else self._child.core

    def pump(self) -> None:
        """Hand what has streamed in to the sink, without waiting.

        Raises:
            ChildLost: the child is gone; ``end`` will say the same.
        """
        if self._child is None:
            return
        try:
            self._child.pump()
        except ChildLost as error:
            self._running = None
            self._fail(error)
            raise

    def start(self) -> None:
        """Start the child without waiting for it."""
        if self._child is not None or self._given_up is not None:
            return
        if self._starts >= MAX_STARTS:
            last = f": {self._lost.detail}" if self._lost else ""
            self._given_up = ChildLost("failed", f"the watcher was given up after {MAX_STARTS} starts{last}")
            return
        self._starts += 1
        try:
            self._child = _Child({**self._options, "skip": self._skip}, self._start_deadline_s, self._sink)
        except OSError as error:
            self._given_up = ChildLost("failed", f"the watcher could not be started: {error}")

    def begin(self, pid: int, visible: Mapping[str, str]) -> tuple[str, float]:
        """Begin a test; a test that was never ended is dropped.

        Args:
            pid: the pytest process.
            visible: CUDA_VISIBLE_DEVICES and its like as they stand in that process now.

        Returns:
            Why nothing, or not exactly what was asked, is watched (empty: all is well), and the seconds waited for the
            watcher's start.
        """
        self._running = None
        self._lost = None
        try:
            waited = self._ready()
        except ChildLost as error:
            self._lost = error
            return error.detail, 0.0
        child = self._child
        assert child is not None  # ready
        key = tuple(sorted(visible.items()))
        if key not in self._chosen:
            self._chosen[key] = chosen([unit["facts"] | {"id": unit["id"]} for unit in child.units], visible)
        names, note = self._chosen[key]
        if not names:
            self._lost = ChildLost("not_asked", note or child.nothing())
            return self._lost.detail, waited
        try:
            child.request(
                {"op": "begin", "ids": names, "pid": pid, "stream": self._sink is not None},
                self._answer_deadline_s,
            )
        except ChildLost as error:
            self._fail(error)
            return error.detail, waited
        self._running = note
        self._begun = True
        return note, waited

    def end(self, deadline_s: float | None = None) -> dict[str, Any]:
        """End the test; return what was read: the child's answer with ``units``, ``note`` and ``sampled_every_s``.

        Args:
            deadline_s: seconds for the answer; None: the deadline of all answers.

        Raises:
            ChildLost: nothing began, or the watcher did not survive the test.
        """
        if self._running is None:
            raise self._lost or ChildLost("not_asked", "no test had begun")
        note, self._running = self._running, None
        child = self._child
        assert child is not None  # running
        try:
            answer = child.request({"op": "end"}, self._answer_deadline_s if deadline_s is None else deadline_s)
        except ChildLost as error:
            self._fail(error)
            raise
        return {
            **(answer.get("test") or {}),
            **self.context(note),
        }

    def context(self, note: str | None = None) -> dict[str, Any]:
        """Return what a test's raw numbers need to be understood; also while it runs."""
        child = self._child
        return {
            "units": {} if child is None else child.by_id,
            "note": (self._running or "") if note is None else note,
            "sampled_every_s": None if child is None else child.sampled_every_s,
        }

    def close(self) -> None:
        """End the child for good."""
        if self._child is not None:
            self._child.end()
            self._child = None
        self._running = None
        self._given_up = self._lost = self._given_up or ChildLost("not_asked", "the watch is closed")

    def _fail(self, error: ChildLost) -> None:
        """End a child that failed, and start its successor without waiting for it."""
        self._lost = error
        if self._child is not None:
            self._child.end()
            self._child = None
        self._chosen.clear()
        if self._sink is None or not self._begun:
            self.start()
        else:
            self._given_up = error

    def _ready(self) -> float:
        """Return the seconds waited until the child is ready.

        Raises:
            ChildLost: it is not, or not yet.
        """
        start = time.monotonic()
        end = start + self._answer_deadline_s
        while True:
            self.start()
            if self._given_up is not None:
                raise self._given_up
            child = self._child
            assert child is not None  # started
            try:
                if child.wait_ready(end):
                    return time.monotonic() - start
            except ChildLost as error:
                if child.pending is not None:
                    self._skip[child.pending] = error.why
                self._fail(error)
                continue
            raise ChildLost("timed_out", f"the watcher was still starting after {time.monotonic() - start:.1f} s")


def _enlarge(pipe: int) -> None:
    """Let the announcements of a machine with many GPUs wait in the pipe until somebody reads them."""
    try:
        import fcntl  # POSIX only

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, AttributeError, OSError):
        return


class _Child:
    """One watcher process."""

    def __init__(
        self, options: dict[str, Any], start_deadline_s: float, sink: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        """Start the process."""
        self.units: list[dict[str, Any]] = []
        self.by_id: dict[str, dict[str, Any]] = {}
        self.sampled_every_s: float | None = None
        self.core: int | None = None
        self.pending: str | None = None
        self._sink = sink
        self._reasons: dict[str, str] = {}
        self._is_ready = False
        self._seq = 0
        self._start_ends = self._dead_line = time.monotonic() + start_deadline_s
        self._pipe = Piped(
            "watch", json.dumps(options), told_as="the watcher", takes_input=True, own_session=sink is not None
        )
        _enlarge(self._pipe.descriptor)

    def wait_ready(self, end: float) -> bool:
        """Return whether the child is ready at ``end`` (monotonic) or before.

        Raises:
            ChildLost: it died, or took longer than a start may.
        """
        while not self._is_ready:
            until = min(end, self._dead_line)
            line = self._pipe.line(until)
            if line is None:
                if time.monotonic() >= self._dead_line:
                    where = f" in {self.pending}" if self.pending else ""
                    raise ChildLost("timed_out", f"the watcher hung at its start{where}")
                return False
            self._take(line)
        return True

    def request(self, request: dict[str, Any], deadline_s: float) -> dict[str, Any]:
        """Send a request and return its answer.

        Raises:
            ChildLost: the child died, is silent past the deadline, or wrote something else.
        """
        self._seq += 1
        end = time.monotonic() + deadline_s
        self._pipe.write(json.dumps({**request, "seq": self._seq}).encode())
        while True:
            line = self._pipe.line(end)
            if line is None:
                raise ChildLost("timed_out", f"the watcher gave no answer within {deadline_s:g} s")
            answer = self._decoded(line)
            if answer.get("seq") == self._seq:
                return answer
            self._streamed(answer, line)

    @property
    def descriptor(self) -> int:
        """Return where the child writes."""
        return self._pipe.descriptor

    def pump(self) -> None:
        """Hand all that is there to the sink.

        Raises:
            ChildLost: the child died or wrote something else.
        """
        while (line := self._pipe.line(0.0)) is not None:
            self._streamed(self._decoded(line), line)

    def _streamed(self, record: dict[str, Any], line: bytes) -> None:
        if self._sink is None or "stream" not in record:
            shown = line[:60].decode("utf-8", errors="replace")
            raise ChildLost("failed", f"the watcher wrote something else than an answer: {shown!r}")
        self._sink(record)

    @staticmethod
    def _decoded(line: bytes) -> dict[str, Any]:
        """Return a line's object, an empty one when it is none."""
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError:
            return {}
        return record if isinstance(record, dict) else {}

    def nothing(self) -> str:
        """Return why there is no device to watch."""
        told = dict.fromkeys(
            detail for key, detail in self._reasons.items() if detail and key.startswith(_LIBRARY_KEYS)
        )
        return "no GPU to watch" + (f" ({'; '.join([*told][:3])})" if told else "")

    def end(self) -> None:
        """End the process."""
        self._pipe.end()

    def _take(self, line: bytes) -> None:
        """Take one line of the start: a question announced, an answer, or readiness."""
        try:
            if line[:1] in {b"?", b"~"}:
                self.pending = str(json.loads(line[1:]))
                patience = FIRST_CALL_DEADLINE_S if line[:1] == b"~" else CALL_DEADLINE_S
                self._dead_line = min(self._start_ends, time.monotonic() + patience)
                return
            record = json.loads(line) if line else {}
            if "e" in record:
                self._reasons[str(record["k"])] = str(record.get("d", ""))
            if record.get("k") == self.pending:
                self.pending = None
                self._dead_line = self._start_ends
            if "ready" in record:
                self.units = list(record["ready"])
                self.by_id = {unit["id"]: unit for unit in self.units}
                self.sampled_every_s = record["sampled_every_s"]
                self.core = record.get("core")
                self._is_ready = True
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ChildLost("failed", f"the watcher wrote nonsense at its start: {line[:60]!r}") from None
