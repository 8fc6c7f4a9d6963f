"""Knows one recording from end to end: begin to watch, start the command, drain the stream, end; whatever dies."""

from __future__ import annotations

import datetime as dt
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.errors import NothingToJudgeError
from parity.probes.piped import ChildLost
from parity.probes.watch import START_DEADLINE_S, Watch
from parity.watching.command import CommandError, Ended, Waiter
from parity.watching.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

END_DEADLINE_S = 5.0


@dataclass
class Recording:
    """What one recording gave.

    Attributes:
        command: its words.
        started: when, UTC.
        seconds: the command took, or that were watched.
        ended: how the command ended; None without one.
        problem: why the command could not be started, empty when it was.
        stopped: number of the signal that ended a recording without a command, 0 when none did.
        answer: what the watcher added up, as ``Watch.end`` returns it; of one that was lost, its last checkpoint; None
            when nothing could be watched.
        lost: why nothing was watched, or not to the end; None when all is well.
        recorder: the samples.
        core: the core of the watcher's own.
        parity_cpu_s: this process's processor time while the command ran.
    """

    command: tuple[str, ...]
    started: str
    seconds: float
    ended: Ended | None
    problem: str
    stopped: int
    answer: dict[str, Any] | None
    lost: ChildLost | None
    recorder: Recorder
    core: int | None
    parity_cpu_s: float


def record(
    command: Sequence[str],
    *,
    seconds: float | None = None,
    every_s: float = 0.1,
    visible: Mapping[str, str] | None = None,
    required: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Recording:
    """Run a command, or wait, and record the devices meanwhile.

    The command starts once the watcher is ready, at most a minute later; it is never stopped by anything of ours.

    Args:
        command: its words; empty: wait for ``seconds``.
        seconds: record at most so long; the command goes on.
        every_s: seconds between samples.
        visible: the visibility variables that are set.
        required: start nothing when nothing can be watched.
        options: for the watcher: ``root``, ``amdsmi``.

    Raises:
        NothingToJudgeError: it is required to watch, and nothing can be.
    """
    recorder = Recorder()
    child = {**(options or {}), "sample_every_s": every_s, "always": True}
    watch = Watch(child, answer_deadline_s=START_DEADLINE_S, sink=recorder.take)
    try:
        with Waiter() as waiter:
            watch.begin(os.getpid(), visible or {})
            if required and not watch.is_running:
                raise NothingToJudgeError(
                    f"nothing can be watched: {_why(watch)}",
                    where="--require-watch",
                    mend="run it on a machine with a GPU",
                )
            return _recorded(command, seconds, watch, recorder, waiter)
    finally:
        watch.close()


def _recorded(
    command: Sequence[str], seconds: float | None, watch: Watch, recorder: Recorder, waiter: Waiter
) -> Recording:
    core, context = watch.core, watch.context()
    started = dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds")
    begin, cpu = time.monotonic(), time.process_time()
    problem, ended = "", None
    if command and not waiter.stopped:
        try:
            waiter.start(command)
        except CommandError as error:
            problem, ended = str(error), Ended(error.status)
    if waiter.process is not None or (not command and watch.is_running):
        _drain(watch, waiter, None if seconds is None else begin + seconds)
    answer, lost = _end(watch, recorder, context)
    while waiter.process is not None and waiter.ended is None:  # the time to watch was up before
        for _ in waiter.wait(until=None, read=None):
            pass
    return Recording(
        command=tuple(command),
        started=started,
        seconds=time.monotonic() - begin,
        ended=waiter.ended or ended,
        problem=problem,
        stopped=waiter.stopped,
        answer=answer,
        lost=lost,
        recorder=recorder,
        core=core,
        parity_cpu_s=time.process_time() - cpu,
    )


def _drain(watch: Watch, waiter: Waiter, until: float | None) -> None:
    """Read the stream until the command ends or time is up; go on without it when the watcher is gone."""
    for _ in waiter.wait(until=until, read=watch.descriptor):
        try:
            watch.pump()
        except ChildLost:
            waiter.deaf()
            if waiter.process is None:
                return


def _end(watch: Watch, recorder: Recorder, context: dict[str, Any]) -> tuple[dict[str, Any] | None, ChildLost | None]:
    """Return what was added up to the end, or up to the last checkpoint with the reason."""
    try:
        answer = watch.end(END_DEADLINE_S)
    except ChildLost as error:
        partial = recorder.checkpoint
        return (None if partial is None else {**partial, **context}), error
    recorder.finished(answer)
    return answer, None


def _why(watch: Watch) -> str:
    try:
        watch.end()
    except ChildLost as error:
        return error.detail
    return "nothing began"
