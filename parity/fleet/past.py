"""Knows what a store of readings says: what became of a node since a time, and every value that was ever told."""

from __future__ import annotations

import datetime as dt
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from parity.errors import InputFileError, UnknownNameError
from parity.fleet.differences import differences, place_of
from parity.fleet.telling import Tellings
from parity.fleet.times import asked
from parity.inputs import near_names, printable
from parity.model.history import Drift, NodeHistory, Step
from parity.model.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.fleet.history import History

MIN_DRIFT = 0.02
"""Measurements that moved less than this say nothing: repeated runs on one machine differ as much."""


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


def since(history: History, name: str, when: str) -> NodeHistory:
    """Return what became of a node from its last reading before a time on.

    Args:
        history: the store.
        name: of the node, as it was stored.
        when: as people write it.

    Raises:
        UsageError: the time is not understood.
        UnknownNameError: no such node.
        InputFileError: the store is damaged.
    """
    start = asked(when, where="--since")
    with history.guarded():
        rows = history.base.execute(
            "SELECT at, told, measured FROM reading WHERE node = ? AND rtrim(at, 'Z') >= coalesce("
            "(SELECT max(rtrim(at, 'Z')) FROM reading WHERE node = ? AND rtrim(at, 'Z') <= ?), ?) "
            "ORDER BY rtrim(at, 'Z'), told",
            (name, name, start.rstrip("Z"), start.rstrip("Z")),
        ).fetchall()
        if not rows:
            raise _unknown(history, name, start)
        tellings = Tellings()
        blocks = {told: _blocks(history, tellings, told) for told in {row[1] for row in rows}}
        measured = _drifts((row[0], _measured(row[2])) for row in rows)
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
        measured=tuple(measured),
    )


def facts(history: History) -> Iterator[Fact]:
    """Yield every value that every reading tells, by node and time, measurements included.

    Raises:
        InputFileError: the store is damaged.
    """
    told: tuple[str, list[tuple[str, str, str, float | None]]] = ("", [])
    with history.guarded():
        for node, at, telling, measured in history.base.execute(
            "SELECT node, at, told, measured FROM reading ORDER BY node, rtrim(at, 'Z'), told"
        ):
            if told[0] != telling:
                told = (telling, list(_values(history, telling)))
            when = dt.datetime.fromisoformat(at.replace("Z", "+00:00"))
            for subject, name, value, number in (*told[1], *_rates(measured)):
                yield Fact(node, when, telling, subject, name, value, number)


def _values(history: History, telling: str) -> Iterator[tuple[str, str, str, float | None]]:
    tellings = Tellings()
    for position, block in enumerate(_blocks(history, tellings, telling)):
        subject = place_of(position)[1]
        for name, value in tellings.block(block).items():
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            yield subject, name, str(value), float(value) if is_number else None


def _blocks(history: History, tellings: Tellings, told: str) -> tuple[int, ...]:
    row = history.base.execute("SELECT fingerprint FROM telling WHERE told = ?", (told,)).fetchone()
    if row is None:
        what = f"a reading points to {printable(told)}, which is not there"
        raise InputFileError(what, where=history.path, mend="give a copy of before")
    return tellings.node(zlib.decompress(row[0])).blocks


def _unknown(history: History, name: str, start: str) -> UnknownNameError:
    names = [row[0] for row in history.base.execute("SELECT DISTINCT node FROM reading LIMIT 100000")]
    if name in names:
        return UnknownNameError(f"{name!r} has no reading at or after {start}", where=history.path, mend="ask earlier")
    close = near_names(name, names)
    return UnknownNameError(f"no node {printable(name)!r}", where=history.path, close=close, mend="check the name")


def _measured(body: bytes | None) -> tuple[Measurement, ...]:
    return () if body is None else msgspec.json.decode(zlib.decompress(body), type=tuple[Measurement, ...])


def _rates(body: bytes | None) -> Iterator[tuple[str, str, str, float | None]]:
    for one in _measured(body):
        name = f"measured {one.name} {one.unit}" + (f" to GPU {one.peer}" if one.peer is not None else "")
        yield f"GPU {one.device}", name, str(one.value), one.value


def _drifts(readings: Iterable[tuple[str, tuple[Measurement, ...]]]) -> list[Drift]:
    """Return each time that a measurement moved by more than noise from where it was told last, oldest first.

    What falls and recovers is told twice; what creeps is told when it has moved far enough.
    """
    level: dict[tuple[object, ...], float] = {}
    found: list[Drift] = []
    for at, reading in readings:
        for one in reading:
            key = (one.device, one.peer, one.name, one.kernel, one.bytes, one.unit)
            before = level.setdefault(key, one.value)
            if abs(one.value - before) <= MIN_DRIFT * before:
                continue
            level[key] = one.value
            ratio = round(one.value / before, 4) if before else 0.0
            found.append(
                Drift(
                    at=at, name=one.name, device=one.device, peer=one.peer, unit=one.unit, before=before,
                    after=one.value, ratio=ratio,
                )
            )  # fmt: skip
    return found
