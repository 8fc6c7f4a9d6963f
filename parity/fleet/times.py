"""Knows times as people and machines write them: ISO 8601 with or without a zone, and `2 weeks ago`."""

from __future__ import annotations

import datetime as dt
import re

from parity.errors import UsageError
from parity.inputs import printable

_AGO = re.compile(r"(\d{1,5}) ?(m|h|d|w|minute|hour|day|week|month|year)s?(?: ago)?")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800, "month": 30 * 86400, "y": 365 * 86400}


def parsed(text: str) -> dt.datetime | None:
    """Return a time in UTC; without a zone it is UTC; None where it is not understood.

    >>> str(parsed("2026-11-01T08:00:00+01:00"))
    '2026-11-01 07:00:00+00:00'
    """
    try:
        when = dt.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        when = when if when.tzinfo else when.replace(tzinfo=dt.timezone.utc)
        return when.astimezone(dt.timezone.utc)
    except (ValueError, OverflowError):
        return None


def utc(text: str) -> str:
    """Return a time as ISO 8601 UTC to the second; now, where none is told or it is not understood."""
    return written(parsed(text) or now())


def written(when: dt.datetime) -> str:
    """Return a time in UTC as ISO 8601 to the second, so that texts sort as times do."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def asked(text: str, *, where: str) -> str:
    """Return what a person means by a time: a date, a date with a time, ``3d``, ``2 weeks ago``, ``yesterday``.

    A month is 30 days, a year 365.

    Raises:
        UsageError: it is no time.
    """
    told = text.strip().lower()
    days = {"now": 0, "today": 0, "yesterday": 1}.get(told)
    ago = _AGO.fullmatch(told)
    if ago:
        when: dt.datetime | None = _before(int(ago[1]) * _SECONDS[ago[2] if ago[2] in _SECONDS else ago[2][0]])
    elif days is not None:
        when = now() if told == "now" else now().replace(hour=0, minute=0, second=0) - dt.timedelta(days=days)
    else:
        when = parsed(text)
    if when is None:
        mend = "for example 2026-11-01, 2026-11-01T08:00+01:00, 36h, '2 weeks ago'; without a zone it is UTC"
        raise UsageError(f"{printable(text)!r} is no time", where=where, mend=mend)
    return written(when)


def _before(seconds: int) -> dt.datetime | None:
    """Return that long ago; None before there were years."""
    try:
        return now() - dt.timedelta(seconds=seconds)
    except OverflowError:
        return None


def now() -> dt.datetime:
    """Return the present time in UTC."""
    return dt.datetime.now(dt.timezone.utc)
