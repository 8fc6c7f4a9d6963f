"""Knows a fleet's past: readings by node and time in one SQLite file that many writers may share.

What nodes tell is kept once for each different telling; a reading is a line that points to it. Every batch is one
transaction: a writer that is killed loses its last batch and nothing else.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import zlib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

import msgspec

from parity.errors import InputFileError, UnknownNameError, UsageError
from parity.fleet.differences import differences, place_of
from parity.fleet.telling import Tellings
from parity.fleet.times import asked, utc
from parity.inputs import near_names, printable
from parity.model.history import Drift, NodeHistory, Step
from parity.model.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from parity.fleet.telling import Node

VERSION = 1
BATCH = 500
BUSY_S = 60.0
MIN_DRIFT = 0.02
"""Measurements that moved less than this say nothing: repeated runs on one machine differ as much."""
_TABLES = """
CREATE TABLE IF NOT EXISTS telling (
    told TEXT PRIMARY KEY, identity TEXT NOT NULL, fingerprint BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reading (
    node TEXT NOT NULL, at TEXT NOT NULL, told TEXT NOT NULL REFERENCES telling, measured BLOB,
    PRIMARY KEY (node, at, told)
) WITHOUT ROWID;
"""


class Fact(NamedTuple):
    """One value of one reading.

    Attributes:
        at: when it was read, UTC.
        telling: digest of all that the reading tells.
        subject: ``machine``, ``GPU 0``.
        number: the value, where it is one.
    """

    node: str
    at: dt.datetime
    telling: str
    subject: str
    name: str
    value: str
    number: float | None


@final
class History:
    """One store; a context manager that commits what was kept.

    Args:
        path: the file; made if ``create``.
        create: whether a missing file is made.

    Raises:
        InputFileError: it is missing, no store, or of another version.
    """

    def __init__(self, path: str, *, create: bool) -> None:
        """Open the store."""
        self._path = path
        self._pending = 0
        self._known: set[str] = set()
        if not create and not Path(path).is_file():
            raise InputFileError("no such store", where=path, mend="fill one: parity fleet FILE --store FILE.sqlite")
        try:
            self._base = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            self._open(create=create)
        except sqlite3.Error as error:
            raise self._problem(error) from error

    def _open(self, *, create: bool) -> None:
        self._base.execute("BEGIN")  # both from one state: another writer may be making the tables
        (tables,) = self._base.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (version,) = self._base.execute("PRAGMA user_version").fetchone()
        self._base.execute("COMMIT")
        if version not in (0, VERSION) or (version == 0 and (tables or not create)):
            raise InputFileError(
                f"not a store of this version: {version} (wanted {VERSION})", where=self._path, mend="give another file"
            )
        with contextlib.suppress(sqlite3.OperationalError):  # another writer is just setting it, for good
            self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            self._base.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")

    def __enter__(self) -> History:
        """Return the store."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Commit what was kept, and close."""
        try:
            self._commit()
        finally:
            self._base.close()

    def keep(self, name: str, node: Node, told: str, raw: bytes | msgspec.Raw) -> None:
        """Keep one reading; one that is there already is kept once.

        Args:
            name: of the node.
            node: what it tells.
            told: digest of that.
            raw: its whole fingerprint as JSON, kept for the first of each telling.

        Raises:
            UsageError: the store takes no more.
        """
        try:
            if not self._pending:
                self._base.execute("BEGIN IMMEDIATE")
            self._pending += 1
            if told not in self._known:
                body = zlib.compress(bytes(raw), 6)
                row = (told, _identity(raw), body)
                self._base.execute("INSERT OR IGNORE INTO telling VALUES (?, ?, ?)", row)
                self._known.add(told)
            measured = msgspec.json.encode(node.measured) if node.measured else None
            line = (name, utc(node.captured_at), told, measured)
            self._base.execute("INSERT OR IGNORE INTO reading VALUES (?, ?, ?, ?)", line)
            if self._pending >= BATCH:
                self._commit()
        except sqlite3.Error as error:
            raise self._problem(error) from error

    def _commit(self) -> None:
        if self._pending:
            self._pending = 0
            try:
                self._base.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._problem(error) from error

    def since(self, name: str, when: str) -> NodeHistory:
        """Return what became of a node from its last reading before a time on.

        Args:
            name: of the node, as it was stored.
            when: a date or time, ISO 8601; without a zone it is UTC.

        Raises:
            UsageError: the time is not understood.
            UnknownNameError: no such node.
        """
        start = asked(when, where="--since")
        rows = self._base.execute(
            "SELECT at, told, measured FROM reading WHERE node = ? AND at >= coalesce("
            "(SELECT max(at) FROM reading WHERE node = ? AND at <= ?), ?) ORDER BY at",
            (name, name, start, start),
        ).fetchall()
        if not rows:
            raise self._unknown(name, start)
        tellings = Tellings()
        blocks = {told: self._blocks(tellings, told) for _, told, _ in rows}
        steps = [
            Step(at=at, differences=differences(tellings, blocks[before], blocks[told]))
            for (_, before, _), (at, told, _) in pairwise(rows)
            if blocks[before] != blocks[told]  # another version of this tool may call the same by another digest
        ]
        return NodeHistory(
            node=name,
            since=start,
            readings=len(rows),
            first=rows[0][0],
            last=rows[-1][0],
            steps=tuple(steps),
            measured=tuple(_drifts([_measured(row[2]) for row in rows])),
        )

    def facts(self) -> Iterator[Fact]:
        """Yield every value that every reading tells, by node and time, measurements included."""
        told: tuple[str, list[tuple[str, str, str, float | None]]] = ("", [])
        for node, at, telling, measured in self._base.execute(
            "SELECT node, at, told, measured FROM reading ORDER BY node, at"
        ):
            if told[0] != telling:
                told = (telling, list(self._values(telling)))
            when = dt.datetime.fromisoformat(at.replace("Z", "+00:00"))
            for subject, name, value, number in (*told[1], *_rates(measured)):
                yield Fact(node, when, telling, subject, name, value, number)

    def _values(self, telling: str) -> Iterator[tuple[str, str, str, float | None]]:
        tellings = Tellings()
        for position, block in enumerate(self._blocks(tellings, telling)):
            subject = place_of(position)[1]
            for name, value in tellings.block(block).items():
                is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
                yield subject, name, str(value), float(value) if is_number else None

    def _blocks(self, tellings: Tellings, told: str) -> tuple[int, ...]:
        (body,) = self._base.execute("SELECT fingerprint FROM telling WHERE told = ?", (told,)).fetchone()
        return tellings.node(zlib.decompress(body)).blocks

    def _unknown(self, name: str, start: str) -> UnknownNameError:
        names = [row[0] for row in self._base.execute("SELECT DISTINCT node FROM reading LIMIT 100000")]
        if name in names:
            return UnknownNameError(
                f"{name!r} has no reading at or after {start}", where=self._path, mend="ask earlier"
            )
        close = near_names(name, names)
        return UnknownNameError(f"no node {printable(name)!r}", where=self._path, close=close, mend="check the name")

    def _problem(self, error: sqlite3.Error) -> UsageError | InputFileError:
        kind = (
            InputFileError
            if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error)
            else UsageError
        )
        return kind(
            f"the store cannot be used: {error}", where=self._path, mend="check the file, its folder and the disk"
        )


class _Identity(msgspec.Struct, frozen=True):
    identity_hash: str = ""


def _identity(raw: bytes | msgspec.Raw) -> str:
    return msgspec.json.decode(raw, type=_Identity).identity_hash


def _measured(body: bytes | None) -> tuple[Measurement, ...]:
    return () if body is None else msgspec.json.decode(body, type=tuple[Measurement, ...])


def _rates(body: bytes | None) -> Iterator[tuple[str, str, str, float | None]]:
    for one in _measured(body):
        name = f"measured {one.name} {one.unit}" + (f" to GPU {one.peer}" if one.peer is not None else "")
        yield f"GPU {one.device}", name, str(one.value), one.value


def _drifts(readings: list[tuple[Measurement, ...]]) -> list[Drift]:
    """Return how each measurement moved from the first to the last reading that has it, if by more than noise."""
    first: dict[tuple[object, ...], Measurement] = {}
    last: dict[tuple[object, ...], Measurement] = {}
    for one in (one for reading in readings for one in reading):
        key = (one.device, one.peer, one.name, one.kernel, one.bytes, one.unit)
        first.setdefault(key, one)
        last[key] = one
    return [
        Drift(
            name=before.name,
            device=before.device,
            unit=before.unit,
            before=before.value,
            after=last[key].value,
            ratio=round(last[key].value / before.value, 4),
        )
        for key, before in first.items()
        if before.value and abs(last[key].value / before.value - 1) > MIN_DRIFT
    ]
