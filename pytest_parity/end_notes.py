"""Knows what must still be said when the run is over: in the terminal summary, else on standard error.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest

from pytest_parity.verdict import printable


class Note(NamedTuple):
    """One line.

    Attributes:
        is_problem: it is said under ``--no-summary`` and without a terminal plugin, too.
        comes_first: it stands before what other plugins write.
    """

    text: str
    is_problem: bool
    comes_first: bool


class EndNotes:
    """Lines that other parts of the plugin hand in, said once."""

    def __init__(self, config: pytest.Config) -> None:
        """Hold nothing yet."""
        self._config = config
        self._notes: list[Note] = []

    def add(self, text: str, *, is_problem: bool, comes_first: bool = False) -> None:
        """Take one line for the end of the run."""
        self._notes.append(Note(text, is_problem, comes_first))

    def write_first(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the lines that stand before what other plugins write, which may raise."""
        first = [note for note in self._notes if note.comes_first]
        self._write(terminalreporter, first)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write what has not been said."""
        self._write(terminalreporter, list(self._notes))

    def _write(self, terminalreporter: pytest.TerminalReporter, notes: list[Note]) -> None:
        if self._config.getoption("no_summary", default=False):
            return
        self._notes = [note for note in self._notes if note not in notes]
        if notes:
            terminalreporter.ensure_newline()
        stream = getattr(getattr(terminalreporter, "_tw", None), "_file", None) or sys.stdout
        for note in notes:
            markup = {"red": True, "bold": True} if note.is_problem else {}
            text = printable(note.text, getattr(stream, "encoding", None) or "utf-8")
            terminalreporter.write_line(text, **markup)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Say on standard error what the terminal summary did not."""
        notes, self._notes = self._notes, []
        if sys.__stderr__ is not None:
            for note in notes:
                if note.is_problem:
                    print(printable(note.text, sys.__stderr__.encoding or "utf-8"), file=sys.__stderr__)


NOTES = pytest.StashKey[EndNotes]()
"""On the config of the process that has the terminal."""


def new_notes(config: pytest.Config) -> EndNotes:
    """Return the run's notes, ready to be registered."""
    notes = config.stash[NOTES] = EndNotes(config)
    return notes
