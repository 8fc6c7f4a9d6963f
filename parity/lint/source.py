"""Knows one file's text and how places in it are told: lines and columns from 1, columns in characters."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of a file; the end is not included."""

    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        """Return the stretch as the cards' examples write it."""
        return f"{self.line}:{self.column}-{self.end_line}:{self.end_column}"


class Source:
    """A file's path below the root and its text.

    Attributes:
        path: with forward slashes.
        text: decoded; a byte order mark is gone.
    """

    def __init__(self, path: str, text: str) -> None:
        """Keep the path and the text."""
        self.path = path
        self.text = text

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines without their ends (LF or CR LF), as every format here counts them."""
        return [line.removesuffix("\r") for line in self.text.split("\n")]

    @cached_property
    def starts(self) -> list[int]:
        """Return the offset of each line's start."""
        found = [0]
        at = self.text.find("\n")
        while at >= 0:
            found.append(at + 1)
            at = self.text.find("\n", at + 1)
        return found

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """Return the stretch between two offsets."""
        return Span(*self.place(start), *self.place(end))


class Stretch(NamedTuple):
    """Text on one line of a file: where it starts, and what it says."""

    line: int
    column: int
    text: str


class Woven:
    """Text put together from stretches of a file, such as a command over continued lines.

    Attributes:
        text: the stretches one after the other, ``joint`` between them.
        stretches: where each came from.
    """

    def __init__(self, stretches: list[Stretch], joint: str = "") -> None:
        """Join the stretches."""
        self.stretches = stretches
        self._starts: list[int] = []
        at = 0
        for stretch in stretches:
            self._starts.append(at)
            at += len(stretch.text) + len(joint)
        self.text = joint.join(stretch.text for stretch in stretches)

    def place(self, offset: int, *, end: bool = False) -> tuple[int, int]:
        """Return the line and column of an offset; ``end``: of the end of what lies before it."""
        if not self.stretches:
            return 1, 1
        at = max(bisect_right(self._starts, offset - 1 if end and offset else offset) - 1, 0)
        stretch = self.stretches[at]
        return stretch.line, stretch.column + min(offset - self._starts[at], len(stretch.text))

    def span(self, start: int, end: int) -> Span:
        """Return the stretch of the file between two offsets of the text."""
        at = bisect_right(self._starts, start) - 1
        if at >= 0 and start < end:  # most words lie on one line, which one look finds
            line, column, text = self.stretches[at]
            if end - self._starts[at] <= len(text):
                return Span(line, column + start - self._starts[at], line, column + end - self._starts[at])
        return Span(*self.place(start), *self.place(end, end=True))
