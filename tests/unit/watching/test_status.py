"""The exit status of a watch: the command's own comes first, and where it is required a lost watch is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from parity.cli.watch import NOTHING, status_of
from parity.probes.piped import ChildLost
from parity.watching.command import Ended

LOST = ChildLost("failed", "killed by SIGKILL")


@pytest.mark.parametrize("answer", [None, {}])
@pytest.mark.parametrize(
    ("code", "lost", "required", "status"),
    [
        (0, None, True, 0),
        (0, LOST, False, 0),
        (0, LOST, True, NOTHING),
        (9, LOST, True, 9),
        (-9, LOST, True, 137),
        (9, None, False, 9),
    ],
)
def test_a_command_s_own_status_comes_first(
    code: int, lost: ChildLost | None, required: bool, status: int, answer: Any
) -> None:
    recording: Any = SimpleNamespace(ended=Ended(code), lost=lost, stopped=0, answer=answer)
    assert status_of(recording, required=required) == status


@pytest.mark.parametrize(
    ("answer", "lost", "stopped", "required", "status"),
    [
        ({}, None, 0, False, 0),
        ({}, None, 0, True, 0),
        (None, LOST, 0, False, NOTHING),
        (None, None, 0, False, NOTHING),
        ({}, LOST, 0, False, 0),  # not to the end, and it is told
        ({}, LOST, 0, True, NOTHING),
        ({}, None, 2, False, 130),
        (None, LOST, 15, True, 143),
    ],
)
def test_without_a_command_nothing_watched_is_no_success(
    answer: Any, lost: ChildLost | None, stopped: int, required: bool, status: int
) -> None:
    recording: Any = SimpleNamespace(ended=None, lost=lost, stopped=stopped, answer=answer)
    assert status_of(recording, required=required) == status


def test_nothing_watched_has_the_status_of_nothing_judged() -> None:
    assert NOTHING == 3
