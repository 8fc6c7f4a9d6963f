"""Times as people and machines write them."""

from __future__ import annotations

import datetime as dt

import pytest

from parity.errors import UsageError
from parity.fleet import times

NOW = dt.datetime(2026, 11, 20, 12, 30, tzinfo=dt.timezone.utc)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-01", "2026-11-01T00:00:00Z"),
        (" 2026-11-01 ", "2026-11-01T00:00:00Z"),
        ("2026-11-01 08:15", "2026-11-01T08:15:00Z"),
        ("2026-11-01T08:15:30", "2026-11-01T08:15:30Z"),
        ("2026-11-01T08:15:30Z", "2026-11-01T08:15:30Z"),
        ("2026-11-01T08:15:30.250+00:00", "2026-11-01T08:15:30Z"),
        ("2026-11-01T08:15+02:00", "2026-11-01T06:15:00Z"),
        ("90m", "2026-11-20T11:00:00Z"),
        ("36h", "2026-11-19T00:30:00Z"),
        ("3d", "2026-11-17T12:30:00Z"),
        ("2 weeks ago", "2026-11-06T12:30:00Z"),
        ("1 day ago", "2026-11-19T12:30:00Z"),
        ("1 month ago", "2026-10-21T12:30:00Z"),
        ("2 years", "2024-11-20T12:30:00Z"),
        ("Yesterday", "2026-11-19T00:00:00Z"),
        ("today", "2026-11-20T00:00:00Z"),
        ("now", "2026-11-20T12:30:00Z"),
    ],
)
def test_what_is_asked(text: str, wanted: str) -> None:
    assert times.asked(text, where="--since") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "last tuesday",
        "2026-13-45",
        "2 parsecs ago",
        "999999d",
        "99999 years ago",
        "0001-01-01T00:00+10:00",
        "9" * 400,
    ],
)
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="is no time") as raised:
        times.asked(text, where="--since")
    assert "2 weeks ago" in raised.value.mend


def test_times_sort_as_texts() -> None:
    assert times.utc("2026-11-02T00:30:00+01:00") == "2026-11-01T23:30:00Z"
    assert times.written(dt.datetime(26, 1, 1, tzinfo=dt.timezone.utc)) < times.utc("2026-11-01")
    assert times.utc("") == times.utc("not a time") == "2026-11-20T12:30:00Z"
