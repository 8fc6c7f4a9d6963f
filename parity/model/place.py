"""Knows a place in a file of the repository."""

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a file; lines and columns count from 1, columns count characters, the end is not included.

    Attributes:
        path: relative to the top of the repository, with forward slashes, never above it.
    """

    path: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
