"""Knows what stands for one observed value: a reading with its source, or why there is none."""

from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")

Why = Literal[
    "library_missing",  # the vendor library, package or file is not there
    "not_supported",  # asked; this device, driver or report has no such value
    "no_permission",  # asked; this process may not know
    "timed_out",  # asked; no answer before the deadline
    "lost",  # the device fell off the bus or its driver state is gone
    "failed",  # asked; the answer was an error or cannot be true
    "not_asked",  # nobody asked: the source of this fingerprint does not carry it
]


class Absent(msgspec.Struct, frozen=True, kw_only=True, tag="absent"):
    """Stands where a value would be; carries why, and which call said so.

    Attributes:
        why: the reason, one of ``Why``.
        source: the call, file or report that was asked: ``nvml:nvmlDeviceGetMemoryBusWidth``.
        detail: the error text or code, if any.
    """

    why: Why
    source: str
    detail: str = ""


class Reading(msgspec.Struct, Generic[T], frozen=True, kw_only=True, tag="reading"):
    """One value as it was read, with the call, file or report line that gave it."""

    value: T
    source: str


# Somebody asked and got no answer, though there is one; unlike a value that a report or device does not have.
UNANSWERED: tuple[Why, ...] = ("failed", "timed_out", "lost", "no_permission", "library_missing")

NOT_ASKED = Absent(why="not_asked", source="")


def value_of(observed: Reading[T] | Absent) -> T | None:
    """Return the value of a reading, None for an absent one.

    >>> value_of(Reading(value=132, source="cuda")), value_of(NOT_ASKED)
    (132, None)
    """
    return observed.value if isinstance(observed, Reading) else None
