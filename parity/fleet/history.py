"""Knows how readings are kept: by node and time in one SQLite file that many writers may share.

What nodes tell is kept once for each different telling; a reading is a line that points to it. Readings are gathered
and written in batches, each one short transaction: a writer that waits for its input holds nobody up, and one that is
killed loses its last batch and nothing else.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, final
from urllib.parse import quote

import msgspec

from parity.errors import InputFileError, UsageError
from parity.fleet.network import is_shared
from parity.fleet.times import parsed, utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from parity.fleet.telling import Node

VERSION = 1
BATCH = 500
BUSY_S = 60.0
_TABLES = """
CREATE TABLE IF NOT EXISTS telling (
    told TEXT PRIMARY KEY, identity TEXT NOT NULL, fingerprint BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reading (
    node TEXT NOT NULL, at TEXT NOT NULL, told TEXT NOT NULL REFERENCES telling, measured BLOB,
    PRIMARY KEY (node, at, told)
) WITHOUT ROWID;
"""
_NEW = "INSERT INTO reading VALUES (?, ?, ?, ?)"
_SAME = "SELECT 1 FROM reading WHERE node = ? AND at >= ? AND at <= ? AND told = ? AND measured IS ?"
_IN_A_SECOND = 1000


@final
class History:
    """One store; a context manager that commits what was kept.

    Args:
        path: the file; made if ``create``.
        create: whether it is to be written, and made if it is missing; else it is only read.

    Raises:
        InputFileError: it is missing, no store, damaged, or of another version.
        UsageError: it cannot be opened.
    """

    def __init__(self, path: str, *, create: bool) -> None:
        """Open the store."""
        self.path = path
        self._tellings: list[tuple[str, str, bytes]] = []
        self._readings: list[tuple[str, str, str, bytes | None]] = []
        self._untimed: list[tuple[str, str, str, bytes | None]] = []
        self._known: set[str] = set()
        if not create and not Path(path).is_file():
            raise InputFileError("no such store", where=path, mend="fill one: parity fleet FILE --store FILE.sqlite")
        with self.guarded():
            self.base = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None) if create else _reader(path)
            try:
                self._open(create=create)
            except BaseException:
                self.base.close()
                raise

    def _open(self, *, create: bool) -> None:
        self.base.execute("BEGIN")  # both from one state: another writer may be making the tables
        (tables,) = self.base.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (version,) = self.base.execute("PRAGMA user_version").fetchone()
        self.base.execute("COMMIT")
        if version not in (0, VERSION) or (version == 0 and (tables or not create)):
            what = f"not a store of this version: {version} (wanted {VERSION})"
            mend = "upgrade gpu-parity" if version > VERSION else "give another file"
            raise InputFileError(what, where=self.path, mend=mend)
        if not create:
            return
        # The write-ahead log needs memory that all writers map; over a network the older journal takes locks alone.
        mode = "DELETE" if is_shared(self.path) else "WAL"
        with contextlib.suppress(sqlite3.OperationalError):  # another writer is just setting it, for good
            self.base.execute(f"PRAGMA journal_mode = {mode}")
        self.base.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            self.base.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")

    def __enter__(self) -> History:
        """Return the store."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Commit what was kept, and close."""
        try:
            self.commit()
        finally:
            self.base.close()

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
        if told not in self._known:
            self._tellings.append((told, _identity(raw), zlib.compress(bytes(raw), 6)))
            self._known.add(told)
        measured = zlib.compress(msgspec.json.encode(node.measured), 6) if node.measured else None
        is_timed = parsed(node.captured_at) is not None
        (self._readings if is_timed else self._untimed).append((name, utc(node.captured_at), told, measured))
        if len(self._readings) + len(self._untimed) >= BATCH:
            self.commit()

    def commit(self) -> None:
        """Write what was gathered in one transaction; what the store refuses is not tried again.

        Raises:
            UsageError: the store takes no more.
        """
        tellings, self._tellings = self._tellings, []
        readings, self._readings = self._readings, []
        untimed, self._untimed = self._untimed, []
        if not readings and not untimed:
            return
        with self.guarded():
            try:
                self.base.execute("BEGIN IMMEDIATE")
                self.base.executemany("INSERT OR IGNORE INTO telling VALUES (?, ?, ?)", tellings)
                kept = self.base.executemany("INSERT OR IGNORE INTO reading VALUES (?, ?, ?, ?)", readings).rowcount
                if kept < len(readings):
                    self._keep_apart(readings)
                for node, at, told, measured in untimed:
                    if not self.base.execute(_SAME, (node, "", "~", told, measured)).fetchone():
                        self.base.execute(_NEW, (node, self._free(node, at, told), told, measured))
                self.base.execute("COMMIT")
            except sqlite3.Error:
                with contextlib.suppress(sqlite3.Error):
                    self.base.execute("ROLLBACK")
                raise

    def _keep_apart(self, readings: list[tuple[str, str, str, bytes | None]]) -> None:
        """Keep what another reading of the same second stands in the way of: the same told, another thing measured."""
        for node, at, told, measured in readings:
            if not self.base.execute(_SAME, (node, at[:-1], at, told, measured)).fetchone():
                self.base.execute(_NEW, (node, self._free(node, at, told), told, measured))

    def _free(self, node: str, at: str, told: str) -> str:
        """Return a time in the same second that no reading like this one has; texts without Z sort as times."""
        for part in (at, *(f"{at[:-1]}.{number:03d}Z" for number in range(1, _IN_A_SECOND))):
            taken = "SELECT 1 FROM reading WHERE node = ? AND at = ? AND told = ?"
            if not self.base.execute(taken, (node, part, told)).fetchone():
                return part
        raise sqlite3.OperationalError(f"{_IN_A_SECOND} readings of one node in one second")

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Tell what the database, or something in it, says as an error of ours."""
        mend = "check the file, its folder and the disk"
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UsageError(f"the store cannot be used: {error}", where=self.path, mend=mend) from error
        except (sqlite3.Error, zlib.error, msgspec.MsgspecError, UnicodeError) as error:
            what = f"the store cannot be used: {error}"
            raise InputFileError(what, where=self.path, mend="give another file, or a copy of before") from error


def _reader(path: str) -> sqlite3.Connection:
    """Open a store to read it.

    Where its folder takes no files the log of a store cannot be opened beside it; then it is read as it stands, unless
    something is in that log.
    """
    name = quote(str(Path(path).absolute()))
    try:
        return _opened(f"file:{name}?mode=ro")
    except sqlite3.OperationalError:
        log = Path(f"{path}-wal")
        if log.exists() and log.stat().st_size:
            raise
        return _opened(f"file:{name}?mode=ro&immutable=1")


def _opened(uri: str) -> sqlite3.Connection:
    base = sqlite3.connect(uri, timeout=BUSY_S, isolation_level=None, uri=True)
    try:
        base.execute("SELECT count(*) FROM sqlite_master")
    except BaseException:
        base.close()
        raise
    return base


class _Identity(msgspec.Struct, frozen=True):
    identity_hash: str = ""


def _identity(raw: bytes | msgspec.Raw) -> str:
    return msgspec.json.decode(raw, type=_Identity).identity_hash
