"""A fleet's past: kept once, by several writers at a time, whole after a kill; what changed since when."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.errors import InputFileError, ParityError, UnknownNameError, UsageError
from parity.fleet import past
from parity.fleet.documents import Reading as Found
from parity.fleet.gather import Gathering
from parity.fleet.history import History
from parity.model.absent import Reading
from parity.model.fingerprint import Fingerprint, Host, Origin, Stack
from parity.model.measurement import Measurement
from parity.reports import history_text

ROOT = Path(__file__).resolve().parents[3]
SPEC = as_fingerprint(store.device_spec("h100-sxm5-80gb"))


def node(name: str, at: str, *, driver: str = "570.86.15", rate: float | None = None) -> Fingerprint:
    measured = (
        () if rate is None else (Measurement(name="dram_copy", device=0, value=rate, unit="GB/s", kernel="copy"),)
    )
    return msgspec.structs.replace(
        SPEC,
        identity_hash="sha256:abc",
        origin=Origin(kind="live", captured_at=at),
        host=Host(hostname=Reading(value=name, source="test")),
        stack=Stack(components={"driver": Reading(value=driver, source="test")}),
        measured=measured,
    )


def keep(path: Path, *nodes: Fingerprint) -> None:
    with History(str(path), create=True) as history:
        Gathering(history=history).take(Found("f", "", msgspec.json.encode(one)) for one in nodes)


def rows(path: Path, query: str) -> list[Any]:
    base = sqlite3.connect(path)
    try:
        return base.execute(query).fetchall()
    finally:
        base.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fleet.sqlite"


def since(path: Path, name: str, when: str) -> Any:
    with History(str(path), create=False) as history:
        return past.since(history, name, when)


def test_what_changed_and_when(path: Path) -> None:
    keep(
        path,
        node("a", "2026-11-01T08:00:00Z", rate=2900.0),
        node("a", "2026-11-03T08:00:00Z"),
        node("a", "2026-11-05T08:00:00Z", driver="580.1"),
        node("a", "2026-11-07T08:00:00+01:00", driver="580.2", rate=2610.0),
        node("b", "2026-11-02T08:00:00Z", driver="1.0"),
    )
    found = since(path, "a", "2026-11-04")
    assert (found.readings, found.first, found.last) == (3, "2026-11-03T08:00:00Z", "2026-11-07T07:00:00Z")
    assert [(step.at, [(one.name, one.a, one.b) for one in step.differences]) for step in found.steps] == [
        ("2026-11-05T08:00:00Z", [("driver", "570.86.15", "580.1")]),
        ("2026-11-07T07:00:00Z", [("driver", "580.1", "580.2")]),
    ]
    assert found.measured == ()
    whole = since(path, "a", "2026-10-01")
    assert [(one.name, one.ratio) for one in whole.measured] == [("dram_copy", 0.9)]
    assert len(whole.steps) == 2


def test_measurements_that_hardly_moved_are_not_told(path: Path) -> None:
    keep(path, node("a", "2026-11-01", rate=2900.0), node("a", "2026-11-02", rate=2860.0))
    assert since(path, "a", "2026-11-01").measured == ()


def test_a_reading_is_kept_once_and_a_telling_once(path: Path) -> None:
    for _ in range(2):
        keep(path, node("a", "2026-11-01"), node("a", "2026-11-02"), node("a", "2026-11-03", driver="1.0"))
    assert rows(path, "SELECT count(*) FROM reading") == [(3,)]
    assert rows(path, "SELECT count(*), min(identity) FROM telling") == [(2, "sha256:abc")]


def test_what_is_asked_wrongly_is_said(path: Path) -> None:
    with pytest.raises(InputFileError, match="no such store"):
        History(str(path), create=False)
    keep(path, node("node-1", "2026-11-01"))
    with pytest.raises(UsageError, match="is no time"):
        since(path, "node-1", "last tuesday")
    with pytest.raises(UnknownNameError, match="no node 'node-2'") as raised:
        since(path, "node-2", "2026-11-01")
    assert raised.value.close == "node-1"
    assert since(path, "node-1", "2027-01-01").readings == 1


def test_a_file_that_is_no_store_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"precious text, not a database" * 100)
    with pytest.raises(ParityError, match="not a database"):
        keep(path, node("a", "2026-11-01"))
    assert path.read_bytes().startswith(b"precious")
    other = path.with_name("other.sqlite")
    base = sqlite3.connect(other)
    base.execute("CREATE TABLE precious (x)")
    base.commit()
    base.close()
    with pytest.raises(InputFileError, match="not a store of this version"):
        keep(other, node("a", "2026-11-01"))
    assert rows(other, "SELECT name FROM sqlite_master") == [("precious",)]


@pytest.mark.parametrize(("table", "column"), [("telling", "fingerprint"), ("reading", "measured")])
def test_a_damaged_entry_is_told_and_never_raised(path: Path, table: str, column: str) -> None:
    keep(path, node("a", "2026-11-01", rate=2900.0))
    base = sqlite3.connect(path)
    base.execute(f"UPDATE {table} SET {column} = x'00ff'")
    base.commit()
    base.close()
    with pytest.raises(InputFileError, match="the store cannot be used"):
        since(path, "a", "2026-11-01")
    with pytest.raises(InputFileError), History(str(path), create=False) as history:
        list(past.facts(history))


def test_a_reading_that_points_nowhere_is_told(path: Path) -> None:
    keep(path, node("a", "2026-11-01"))
    base = sqlite3.connect(path)
    base.execute("DELETE FROM telling")
    base.commit()
    base.close()
    with pytest.raises(InputFileError, match="is not there"):
        since(path, "a", "2026-11-01")


@pytest.mark.parametrize("place", [100, 5000, 9000, 20_000])
def test_pages_that_were_overwritten_are_told_and_never_raised(path: Path, place: int) -> None:
    keep(path, *(node(f"n{number}", "2026-11-01", driver=str(number)) for number in range(40)))
    raw = bytearray(path.read_bytes())
    raw[place : place + 3000] = b"\xa5" * 3000
    path.write_bytes(bytes(raw))
    try:
        for number in range(40):
            assert since(path, f"n{number}", "2026-11-01").readings == 1
    except ParityError as error:
        assert error.where == str(path)  # noqa: PT017


def test_a_store_of_a_later_version_is_left_alone(path: Path) -> None:
    keep(path, node("a", "2026-11-01"))
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version = 2")
    base.close()
    for create in (True, False):
        with pytest.raises(InputFileError, match="not a store of this version: 2") as raised:
            History(str(path), create=create)
        assert raised.value.mend == "upgrade gpu-parity"


def test_a_writer_that_waits_for_its_input_holds_nobody_up(path: Path) -> None:
    with History(str(path), create=True) as slow:
        Gathering(history=slow).take([Found("f", "", msgspec.json.encode(node("slow", "2026-11-01")))])
        keep(path, node("quick", "2026-11-01"))
        assert since(path, "quick", "2026-11-01").readings == 1
    assert since(path, "slow", "2026-11-01").readings == 1


def test_a_full_disk_is_told_and_what_was_kept_before_stays(path: Path) -> None:
    keep(path, node("a", "2026-11-01"))
    nodes = [node(f"n{number}", "2026-11-01", driver=str(number)) for number in range(700)]
    found = [Found("f", "", msgspec.json.encode(one)) for one in nodes]
    with History(str(path), create=True) as history:
        history.base.execute("PRAGMA max_page_count = 4")
        gathering = Gathering(history=history)
        gathering.take(found)
    assert gathering.fleet().nodes == 700, "what is said of the fleet is not lost with the store"
    assert isinstance(gathering.unstored, UsageError)
    assert "full" in str(gathering.unstored)
    assert since(path, "a", "2026-11-01").readings == 1
    assert rows(path, "SELECT count(*) FROM reading") == [(1,)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_in_a_folder_that_takes_no_files_is_read(path: Path) -> None:
    keep(path, node("a", "2026-11-01"))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert since(path, "a", "2026-11-01").readings == 1
    finally:
        path.parent.chmod(0o755)


def test_a_clock_that_goes_back_orders_readings_by_what_it_said(path: Path) -> None:
    keep(path, node("a", "2026-11-05", driver="2"), node("a", "2026-11-03", driver="1"))
    found = since(path, "a", "2026-11-01")
    assert (found.first, found.last) == ("2026-11-03T00:00:00Z", "2026-11-05T00:00:00Z")
    assert [(one.a, one.b) for step in found.steps for one in step.differences] == [("1", "2")]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        History(str(tmp_path / "none" / "x.sqlite"), create=True)


_WRITER = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests/unit/fleet"]
from test_history import keep, node
from pathlib import Path
number, count = int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
keep(Path(sys.argv[2]), *(node(f"n{number}-{one}", "2026-11-01") for one in range(count)))
print("done", flush=True)
"""


def writer(path: Path, number: int, count: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", _WRITER, str(ROOT), str(path), str(number), str(count)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_several_writers_at_a_time(path: Path) -> None:
    writers = [writer(path, number, 700) for number in range(4)]
    assert [process.wait(300) for process in writers] == [0, 0, 0, 0]
    assert rows(path, "SELECT count(*) FROM reading") == [(2800,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    for process in writers:
        assert process.stdout is not None
        process.stdout.close()


def test_a_killed_writer_loses_nothing_that_was_committed(path: Path) -> None:
    keep(path, *(node(f"old-{number}", "2026-11-01") for number in range(50)))
    process = writer(path, 1, 200_000)
    deadline = time.monotonic() + 300
    while rows(path, "SELECT count(*) FROM reading")[0][0] < 550 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(120)
    assert process.stdout is not None
    process.stdout.close()
    (count,) = rows(path, "SELECT count(*) FROM reading")[0]
    assert count >= 550
    assert (count - 50) % 500 == 0, "whole batches"
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    keep(path, node("new", "2026-11-02"))
    assert since(path, "old-7", "2026-11-01").readings == 1
    assert rows(path, "SELECT count(*) FROM reading") == [(count + 1,)]


def test_a_dip_that_recovered_is_told_with_its_days(path: Path) -> None:
    rates = (2900.0, 2890.0, 1740.0, 2895.0)
    keep(path, *(node("a", f"2026-11-0{day}", rate=rate) for day, rate in enumerate(rates, start=1)))
    assert [(one.at[:10], one.before, one.after, one.ratio) for one in since(path, "a", "2026-11-01").measured] == [
        ("2026-11-03", 2900.0, 1740.0, 0.6),
        ("2026-11-04", 1740.0, 2895.0, 1.6638),
    ]


def test_what_creeps_is_told_when_it_has_come_far(path: Path) -> None:
    keep(path, *(node("a", f"2026-11-0{day}", rate=2900.0 - 25 * day) for day in range(1, 8)))
    assert [one.at[:10] for one in since(path, "a", "2026-11-01").measured] == ["2026-11-04", "2026-11-07"]


def test_a_reading_without_a_time_is_kept_once(path: Path) -> None:
    for _ in range(2):
        keep(path, node("a", ""), node("a", "not a time", driver="1.0"), node("a", "", rate=2900.0))
    assert rows(path, "SELECT count(*) FROM reading") == [(3,)]


def test_a_fall_within_one_second_is_told_as_a_fall(path: Path) -> None:
    keep(path, node("a", "2026-11-01T08:00:00Z", rate=2898.0), node("a", "2026-11-01T08:00:00Z", rate=2608.0))
    for start in ("2026-11-01", "2026-11-01T08:00:00Z", "2026-11-02"):
        assert [(one.before, one.after) for one in since(path, "a", start).measured] in ([(2898.0, 2608.0)], []), start
    assert [(one.before, one.after) for one in since(path, "a", "2026-11-01").measured] == [(2898.0, 2608.0)]


def test_two_measurements_of_one_second_are_both_kept_and_neither_twice(path: Path) -> None:
    for _ in range(2):
        keep(path, *(node("a", "2026-11-01T08:00:00Z", rate=rate) for rate in (2900.0, 1450.0, 2900.0)))
    assert rows(path, "SELECT count(*) FROM reading") == [(2,)]
    assert since(path, "a", "2026-10-01").readings == 2
    assert since(path, "a", "2026-10-01").measured


def test_eight_devices_that_fell_together_are_one_line(path: Path) -> None:
    def eight(at: str, rate: float) -> Fingerprint:
        one = node("a", at, rate=rate)
        return msgspec.structs.replace(
            one, measured=tuple(msgspec.structs.replace(one.measured[0], device=number) for number in range(8))
        )

    keep(path, eight("2026-11-01", 2900.0), eight("2026-11-02", 2610.0))
    lines = history_text.render(since(path, "a", "2026-11-01")).splitlines()
    assert lines[-2:] == ["2026-11-02T00:00:00Z", "  GPU 0-7 dram_copy 2900 -> 2610 GB/s (0.90x) at most"]
