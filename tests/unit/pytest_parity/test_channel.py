"""Tests pipes to a child: both directions at once, deadlines, a child that is gone, descriptors closed behind our back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pytest_parity import channel as channel_module
from pytest_parity import conditions, engine_client, records, run_report
from pytest_parity.channel import Channel, ChannelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

ECHO = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stdout.buffer.flush()"


class Child:
    """A child on a channel, reaped at the end."""

    def __init__(self, code: str) -> None:
        self.channel = Channel()
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=self.channel.child_in, stdout=self.channel.child_out
        )
        self.channel.release()

    def end(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def echo() -> Iterator[Child]:
    child = Child(ECHO)
    yield child
    child.end()


def test_lines_come_back_in_order(echo: Child) -> None:
    for number in range(3):
        echo.channel.send(b"%d\n" % number)
    assert [echo.channel.receive(60) for _ in range(3)] == [b"0\n", b"1\n", b"2\n"]


def test_large_lines_both_ways_do_not_lock(echo: Child) -> None:
    line = b"x" * 3_000_000 + b"\n"
    echo.channel.send(line)
    echo.channel.send(line)
    assert echo.channel.receive(60) == line
    assert echo.channel.receive(60) == line


def test_a_silent_child_costs_no_more_than_the_deadline() -> None:
    child = Child("import time; time.sleep(600)")
    start = time.monotonic()
    assert child.channel.receive(0.2) is None
    assert 0.2 <= time.monotonic() - start < 300, "the child is silent for twice as long"
    child.end()


def test_a_child_that_does_not_read_does_not_block_the_writer() -> None:
    child = Child("import time; time.sleep(600)")
    child.channel.send(b"x" * 1_000_000 + b"\n")
    assert child.channel.receive(0.1) is None
    child.end()


def test_the_end_of_the_stream_has_no_text() -> None:
    child = Child("print('unfinished', end='')")
    child.channel.send(b"question\n")
    with pytest.raises(ChannelError, match=r"^$"):
        child.channel.receive(60)
    child.end()


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "MAX_LINE_BYTES", 2 << 20)
    child = Child("import sys, time; sys.stdout.write('x' * (3 << 20)); sys.stdout.flush(); time.sleep(600)")
    with pytest.raises(ChannelError, match="its answer is over 2 MB"):
        child.channel.receive(60)
    child.end()


def test_descriptors_that_a_test_closed_are_left_alone(tmp_path: Path) -> None:
    child = Child(ECHO)
    ours = list(child.channel._ours)
    for number, descriptor in enumerate(ours):
        stranger = os.open(tmp_path / str(number), os.O_CREAT | os.O_RDWR)
        os.dup2(stranger, descriptor)  # closes ours, and its number is another file now
        os.close(stranger)
    with pytest.raises(ChannelError, match="its pipes were closed"):
        child.channel.send(b"question\n")
    child.end()
    for descriptor in ours:
        os.write(descriptor, b"still open")
        os.close(descriptor)
    assert (tmp_path / "0").read_bytes() == b"still open"


def test_a_stopped_clock_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "monotonic", lambda: 1.0)
    child = Child("import time; time.sleep(600)")
    assert child.channel.receive(0.1) is None
    child.end()


@pytest.mark.parametrize("module", [channel_module, conditions, engine_client, records, run_report])
def test_no_module_holds_a_clock_that_freezegun_would_replace(module: ModuleType) -> None:
    """It puts its own clock wherever a module has the real one; then an answer would seem to take for ever."""
    clocks = (time.monotonic, time.time, time.perf_counter, time.sleep)
    assert not [name for name, value in vars(module).items() if any(value is one for one in clocks)]
