"""A recording as a report: which rules hold with and without a command, and what a lost watch leaves unsaid."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from parity.config.project import Project
from parity.model.fingerprint import Fingerprint
from parity.probes.piped import ChildLost
from parity.watching.record import Recording
from parity.watching.recorder import Recorder
from parity.watching.report import report_of

if TYPE_CHECKING:
    from parity.model.watch import WatchReport

HELD = "limited_ns.hw-thermal"
ANSWER: dict[str, Any] = {
    "seconds": 2.0, "samples": 3, "sampled_every_s": 0.5, "note": "", "ids_are_ours": True, "holders": None,
    "units": {
        "nvml:0": {
            "id": "nvml:0",
            "facts": {"vendor": "nvidia", "index": 0, "name": "A GPU", "uuid": "GPU-a", "bus": "00000000:01:00.0"},
            "fixed": {},
            "missing": {},
        }
    },
    "devices": [
        {
            "id": "nvml:0", "series": {HELD: [0.0, 0.0, 0.0, 0.0, 0.0, 2]}, "reasons": {}, "events": {},
            "processes": [
                {"pid": 7, "kind": "compute", "bytes": 1 << 30, "at_begin": True, "at_end": True},
            ],
            "listed": None, "listed_bytes": None,
        }
    ],
}  # fmt: skip


def reported(
    *, command: tuple[str, ...] = (), lost: ChildLost | None = None, answer: dict[str, Any] | None = None
) -> WatchReport:
    recorder = Recorder()
    for at in (0.5, 1.0):
        told = {"nvml:0": {"clock_sm_mhz": 1980.0}}
        recorder.take({"stream": "sample", "at": at, "cpu_s": 0.1, "devices": told})
    assert recorder.problem == ""
    recording = Recording(
        command=command, started="2026-11-22T08:00:00Z", seconds=2.0, ended=None, problem="", stopped=0,
        answer=answer or copy.deepcopy(ANSWER), lost=lost, recorder=recorder, core=None, parity_cpu_s=0.0,
    )  # fmt: skip
    return report_of(recording, Project(), None)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """How often the machine was read once more."""
    times: list[None] = []

    def fingerprint_of(_: object) -> Fingerprint:
        times.append(None)
        return Fingerprint()

    monkeypatch.setattr("parity.session.fingerprint_of", fingerprint_of)
    return times


@pytest.mark.parametrize(
    ("command", "rules", "state"),
    [((), [], "clean"), (("python", "train.py"), ["other-process-during-test"], "disturbed")],
)
def test_who_else_is_there_disturbs_a_command_and_is_what_a_look_is_for(
    command: tuple[str, ...], rules: list[str], state: str
) -> None:
    report = reported(command=command)
    assert [one.rule for one in report.interval.findings] == rules
    assert report.interval.state == state
    assert len(report.interval.devices[0].processes) == 1, "told in any case"


@pytest.mark.parametrize(
    ("why", "is_read", "state"), [(None, True, "clean"), ("failed", True, "unknown"), ("timed_out", False, "unknown")]
)
def test_a_driver_that_does_not_answer_is_not_asked_once_more(
    why: str | None, is_read: bool, state: str, asked: list[None]
) -> None:
    report = reported(lost=None if why is None else ChildLost(why, "the watcher was killed by SIGKILL"))
    assert len(asked) == is_read
    assert report.interval.state == state, "a lost watch is never clean"
    assert report.lost == ("" if why is None else "the watcher was killed by SIGKILL")
    assert report.watched_until_s == 1.0
