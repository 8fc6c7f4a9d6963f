"""A recording in a terminal: whatever the width, and whatever the command is called."""

from __future__ import annotations

import msgspec
import pytest
from html_page import HOSTILE
from pages import watch_report

from parity.reports import watch_rows, watch_text


def test_the_table_and_the_sentences() -> None:
    told = watch_text.render(watch_report()).splitlines()
    assert told[0] == "parity watch: python train.py: status 0, 90 s"
    assert told[2] == "GPU 0 (NVIDIA H100 80GB HBM3): busy 67 % of the time"
    assert told[3].split() == ["unit", "mean", "max", "while", "busy"]
    assert "  DRAM                 53 %       80 %        80 %" in told
    assert "  throttled      sw-thermal 0.3 s (26 % of the time)" in told
    assert "  bound by       DRAM bandwidth: DRAM 80 % and tensor cores 30 % active while busy" in told
    assert any(line.startswith("cost: watcher 0.50 s of processor time (0.6% of a core) on core 1") for line in told)


def test_a_target_out_of_reach_says_more_than_100_percent() -> None:
    told = " ".join(watch_text.render(watch_report()).split())
    assert "this pace takes 160 % of its DRAM and at most 60 % of its tensor cores: DRAM side" in told


def test_a_watch_without_a_command_says_so_once() -> None:
    report = msgspec.structs.replace(watch_report(), command=(), exit_status=None)
    assert watch_text.render(report).splitlines()[0] == "parity watch: no command: only watched, 90 s"


def test_a_lost_watch_says_until_when() -> None:
    told = watch_text.render(watch_report(samples=20, lost="the watcher was killed by SIGSEGV"))
    assert "the watch was lost after 2 s, what follows is up to then: the watcher was killed by SIGSEGV" in told


@pytest.mark.parametrize("width", [1, 40, 72, 200])
def test_every_line_fits(width: int) -> None:
    told = watch_text.render(watch_report(), width=width)
    assert max(len(line) for line in told.splitlines()) <= max(width, 40, 53)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_command_moves_no_cursor(text: str) -> None:
    report = msgspec.structs.replace(watch_report(samples=5), command=(text,), lost=text)
    told = watch_text.render(report, verbose=True)
    assert all(one.isprintable() or one == "\n" for one in told)


def test_a_counter_less_cause_is_told_by_readings() -> None:
    watched = watch_report(samples=5).interval.devices[0]
    cause = msgspec.structs.replace(watched.throttled[0], seconds=None, share=None, seen=3, readings=9)
    held = msgspec.structs.replace(watched, throttled=(cause,))
    assert watch_rows.throttles_of(held) == ["sw-thermal at 3 of 9 readings"]
    assert dict(watch_rows.conditions_of(msgspec.structs.replace(watched, throttled=(), throttle_known=False)))[
        "throttled"
    ].startswith("unknown")
