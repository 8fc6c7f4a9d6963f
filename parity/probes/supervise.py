"""Knows the parent's side of a survey: a child with a deadline, restarted past the question that killed it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from parity.probes.piped import ChildLost, Piped

CALL_DEADLINE_S = 5.0
FIRST_CALL_DEADLINE_S = 20.0  # initialisation without the persistence daemon takes seconds per GPU
TOTAL_DEADLINE_S = 40.0
MAX_STARTS = 7
MAX_OUTPUT_BYTES = 32 * 1024 * 1024
_ORDERLY_END_S = 2.0
_TIME_IS_UP = "was stopped: the time for the whole survey is up"


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
        """Start the process."""
        self._name = name
        self._result = result
        self._pending: str | None = None
        self._slow = True  # until the first answer
        self._garbled = False
        self._child = Piped(name, json.dumps(options))

    def watch(self, end: float, call_deadline_s: float, first_call_deadline_s: float) -> str | None:
        """Read until the child ends or a deadline passes; return the key that must be skipped next time."""
        try:
            why, detail = self._read(end, call_deadline_s, first_call_deadline_s)
        finally:
            self._child.end(grace_s=_ORDERLY_END_S if self._result.complete else 0.0)
        if self._result.complete:
            return None
        if self._pending is None:
            self._result.problems.append(f"{self._name}: the probe process {detail}")
            return None
        self._result.values.pop(self._pending, None)
        self._result.reasons[self._pending] = (why, detail)
        return self._pending

    def _read(self, end: float, call_deadline_s: float, first_call_deadline_s: float) -> tuple[str, str]:
        """Read until the survey is complete; return why it is not, as a reason and in words."""
        total = 0
        while not self._result.complete:
            patience = first_call_deadline_s if self._slow else call_deadline_s
            now = time.monotonic()
            try:
                line = self._child.line(min(now + patience, end))
            except ChildLost as lost:
                return lost.why, lost.detail
            if line is None:
                return "timed_out", f"gave no answer within {patience:g} s" if now + patience < end else _TIME_IS_UP
            total += len(line)
            if total > MAX_OUTPUT_BYTES:
                return "failed", "wrote more than any survey can"
            self._take(line)
        return "", ""

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
