"""Knows what became of one node over time."""

from __future__ import annotations

import msgspec

from parity.model.difference import Difference


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a reading told otherwise than the one before it.

    Attributes:
        at: when it was taken, ISO 8601 UTC.
    """

    at: str
    differences: tuple[Difference, ...]


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How a measurement moved from where it was told last: from the first reading on, or since it moved before.

    Attributes:
        at: when the reading that has the new value was taken, ISO 8601 UTC.
        name: of the measurement.
        peer: the other device of ``peer_to_peer``; None elsewhere.
        before, after: in ``unit``.
        ratio: after / before.
    """

    at: str
    name: str
    device: int
    unit: str
    before: float
    after: float
    ratio: float
    peer: int | None = None


class NodeHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The readings of one node from the last one before a time on.

    Attributes:
        since: the time asked for, ISO 8601 UTC.
        readings: how many, the one before ``since`` included.
        first, last: when the first and the last of them were taken.
        steps: those that told something else than the one before, oldest first.
    """

    schema: str = "parity.history/1"
    node: str
    since: str
    readings: int
    first: str
    last: str
    steps: tuple[Step, ...] = ()
    measured: tuple[Drift, ...] = ()
