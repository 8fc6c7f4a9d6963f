"""Knows how a plain message stands where pytest keeps a traceback. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pytest
    from _pytest._io import TerminalWriter


class Crash(NamedTuple):
    """Where and why, for ``--tb=line``, the short summary and the message attribute in JUnit files."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        """Return ``path:line: message``."""
        return f"{self.path}:{self.lineno}: {self.message}"


class Message:
    """A ``longrepr`` without a traceback, whose first line is the reason.

    A plain string would do on pytest 9.2, but older ones show no reason in the short summary for it, and 9.2
    shows all lines there on CI. Under xdist this becomes its text; the controller makes it a message again.
    """

    def __init__(self, text: str, location: tuple[str, int | None, str]) -> None:
        """Take the whole text and the report's ``location``: file, line counted from 0, name."""
        self._text = text
        path, line, _ = location
        self.reprcrash = Crash(path, (line or 0) + 1, text.partition("\n")[0])

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write the text."""
        for line in self._text.splitlines():
            tw.line(line)

    def __str__(self) -> str:
        """Return the text."""
        return self._text


def set_message(report: pytest.TestReport, text: str) -> None:
    """Make ``text`` all that the report shows."""
    report.__dict__["longrepr"] = Message(text, report.location)
