"""The progress bar of measuring: on a terminal, on standard error, and nowhere else."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from parity.cli import measuring_options
from parity.measure.plan import Job

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    """A standard error that is, or is not, a terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


def test_a_bar_at_a_terminal_names_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with measuring_options._progress() as told:
        assert told is not None
        told(1, 4, Job(name="dram_read", device=0))
    assert "dram_read" in screen.getvalue()
    assert "1/4" in screen.getvalue()


def test_no_bar_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", screen)
    with measuring_options._progress() as told:
        assert told is None
    assert screen.getvalue() == ""
