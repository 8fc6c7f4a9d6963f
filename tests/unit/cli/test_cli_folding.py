"""Long lines on a terminal: folded between words, below their start, and nowhere but on a terminal."""

import io
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.cli.folding import columns_of, folded, for_terminal, tell

LONG = "  rejected  l2: PCI id 10de:2684, not 10de:27b6; default power 450 W, not 72 W"


class Terminal(io.StringIO):
    """A stream that is said to be a terminal of 60 columns."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((60, 24)))


def test_what_fits_stays() -> None:
    assert folded("a  b\n\n    c\n", width=40) == "a  b\n\n    c\n"


def test_a_line_goes_on_below_its_own_start() -> None:
    assert folded(LONG, width=60).split("\n") == [
        "  rejected  l2: PCI id 10de:2684, not 10de:27b6; default",
        "      power 450 W, not 72 W",
    ]


def test_a_long_word_stays_whole() -> None:
    path = "/a" * 40
    assert folded(f"see {path} there", width=40).split("\n") == [f"see {path}".split()[0], f"    {path}", "    there"]


def test_code_is_kept() -> None:
    assert folded("    " + "x " * 50, width=40, keep=4) == "    " + "x " * 50
    assert "\n" in folded("   " + "x " * 50, width=40, keep=4)


@given(st.lists(st.text(alphabet="ab,;: ", max_size=200), max_size=5), st.integers(0, 100), st.integers(0, 40))
def test_no_word_is_lost_or_cut(lines: list[str], width: int, hang: int) -> None:
    text = "\n".join(lines)
    told = folded(text, width=width, hang=hang)
    assert told.split() == text.split()
    for line in told.split("\n"):
        assert len(line.rstrip()) <= max(width, 40) or len(line.split()) == 1


def test_a_pipe_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert columns_of(None) is None
    assert columns_of(io.StringIO()) is None
    assert for_terminal(LONG) == LONG
    tell(LONG)
    assert capsys.readouterr().err == LONG + "\n"


@pytest.mark.usefixtures("narrow")
def test_a_terminal_gets_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys, "stderr", screen)
    assert for_terminal(LONG) == folded(LONG, width=60)
    tell(LONG)
    assert screen.getvalue() == folded(LONG, width=60, hang=2) + "\n"


@pytest.mark.usefixtures("narrow")
def test_a_terminal_that_tells_no_width_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((0, 0)))
    assert columns_of(Terminal()) is None


def test_control_characters_of_a_name_are_spelled_out(capsys: pytest.CaptureFixture[str]) -> None:
    tell("x\x1b[31m.no\r: no such file\n  mend: check the path " + "y" * 400)
    assert capsys.readouterr().err == "x\\x1b[31m.no\\r: no such file\n  mend: check the path " + "y" * 400 + "\n"
