"""Knows what a backend hands over for one measurement: something to time, and how to let go of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.model.measurement import Unit


class NotMeasured(Exception):  # noqa: N818  (a state, told in its words)
    """A measurement that cannot be made here.

    Attributes:
        why: ``not_supported``, ``failed``, ``library_missing``.
        detail: one line.
    """

    def __init__(self, why: str, detail: str) -> None:
        """Keep both."""
        super().__init__(detail)
        self.why = why
        self.detail = detail


@dataclass(frozen=True)
class Work:
    """One measurement, ready to be timed; its buffers are filled.

    Attributes:
        sample: runs that many operations between two events of the device; returns the seconds of one.
        amount: what one operation moves or computes: bytes, FLOP; 0 for a latency.
        unit: of the result.
        kernel: what runs, with versions.
        free: gives all memory back.
        bytes: size of one buffer.
    """

    sample: Callable[[int], float]
    amount: float
    unit: Unit
    kernel: str
    free: Callable[[], None]
    bytes: int | None = None


class Backend(Protocol):
    """A way to run something on the devices of this machine."""

    name: str

    def devices(self) -> list[dict[str, Any]]:
        """Return ``ordinal``, ``uuid``, ``bus_id`` and ``name`` of each device that this process may use."""

    def prepare(self, name: str, ordinal: int, peer: int | None, cache_bytes: int, seconds: float) -> Work:
        """Return the work of one measurement.

        Raises:
            NotMeasured: it cannot be made here, for a reason that is known.
        """

    def release(self, ordinal: int) -> None:
        """Give back what a measurement that failed may have left behind."""

    def is_usable(self, ordinal: int) -> bool:
        """Return whether the device still answers after an error; a context may be lost for good."""


def rate(seconds: float, work: Work) -> float:
    """Return the result in the work's unit: decimal GB/s, TFLOPS, TOPS, or microseconds."""
    if work.unit == "us":
        return seconds * 1e6
    return work.amount / seconds / (1e9 if work.unit == "GB/s" else 1e12)
