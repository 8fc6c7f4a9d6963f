"""Knows static archives (``ar``): where their members lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.binaries.buffer import Buffer

MAGIC, THIN_MAGIC = b"!<arch>\n", b"!<thin>\n"
_HEADER_BYTES = 60
_END = b"`\n"
_INDEXES = ("/", "//", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED")
MAX_MEMBERS = 200_000


class Member(NamedTuple):
    """One member; ``name`` is as stored, long names are ``/offset``."""

    name: str
    start: int
    end: int


class DamagedArchiveError(Exception):
    """The rest of the archive cannot be read; members before it were given."""


def members(data: Buffer, start: int, end: int) -> Iterator[Member]:
    """Yield the members of the archive in ``data[start:end]``, symbol tables left out.

    Raises:
        DamagedArchiveError: a header is damaged or a size lies.
    """
    at = start + len(MAGIC)
    for _ in range(MAX_MEMBERS):
        if at >= end:
            return
        header = data[at : at + _HEADER_BYTES]
        if len(header) < _HEADER_BYTES or at + _HEADER_BYTES > end or header[58:60] != _END:
            raise DamagedArchiveError(f"no member at byte {at}")
        name, size_text = header[:16].decode("ascii", "replace").rstrip(), header[48:58].strip()
        if not size_text.isdigit():
            raise DamagedArchiveError(f"the member at byte {at} has no size")
        first = at + _HEADER_BYTES
        last = first + int(size_text)
        if last > end:
            raise DamagedArchiveError(f"the member at byte {at} is {last - end} bytes longer than the archive")
        if name not in _INDEXES:
            yield Member(name, first, last)
        at = last + (last - start) % 2
    raise DamagedArchiveError(f"more than {MAX_MEMBERS} members")
