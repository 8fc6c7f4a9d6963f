"""Where reports go, and what the terminal can show."""

import argparse
import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from parity.cli import options
from parity.errors import UsageError


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add_output(parser)
    return parser.parse_args(words)


def render(name: str) -> str:
    return f"<{name}>\n"


def test_text_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    options.write_reports(asked(), render)
    assert capsys.readouterr().out == "<text>\n"


def test_each_format_goes_to_its_file_and_the_rest_to_standard_output(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    options.write_reports(asked("--format", "json", "-o", "a.json", "--format", "markdown", "--format", "text"), render)
    assert capsys.readouterr().out == "<markdown>\n<text>\n"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.json": "<json>\n"}


def test_two_files_take_two_formats_in_order(folder: Path) -> None:
    options.write_reports(asked("-o", "a", "-o", "b", "--format", "markdown", "--format", "json"), render)
    assert (Path("a").read_text(), Path("b").read_text()) == ("<markdown>\n", "<json>\n")


def test_more_files_than_formats_are_refused_and_none_is_written(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        options.write_reports(asked("-o", "a", "-o", "b"), render)
    assert str(caught.value) == "-o: 2 files for 1 format\n  mend: give one --format per -o, in order"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/null/gone/a.txt", "Not a directory"),
        ("", "Is a directory"),
        (".", "Is a directory"),
        ("/", "Is a directory"),
        ("a\0b", "embedded null byte"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_written_is_named(path: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        options.write_file(path, "x")
    assert str(caught.value).endswith(f"cannot be written: {reason}\n  mend: check the folder and permissions")


def test_an_older_report_is_replaced_whole(folder: Path) -> None:
    Path("a").write_text("old and long")
    options.write_file("a", "é")
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert Path("a").read_bytes() == "é".encode()


def test_a_failed_write_leaves_the_older_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, text: str, encoding: str) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    Path("a").write_text("old")
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match=r"^a: cannot be written: No space left on device"):
        options.write_file("a", "new")
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("a", "old")]


def test_a_link_is_written_through_not_replaced(folder: Path) -> None:
    Path("real").write_text("old")
    Path("link").symlink_to("real")
    options.write_file("link", "new")
    assert Path("link").is_symlink()
    assert Path("real").read_text() == "new"


def test_a_pipe_is_written_to_not_replaced(folder: Path) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        options.write_file("pipe", "through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert Path("pipe").is_fifo()


def test_the_device_of_standard_output_is_not_replaced(program: Any, saved: Any) -> None:
    name = saved("h100")
    command = f'"$@" --target h100 --fingerprint {name} -o link > log.txt'
    Path("link").symlink_to("/dev/stdout")
    assert program("doctor", shell=command).status == 0
    assert Path("link").is_symlink()
    assert "MATCH" in Path("log.txt").read_text()


def test_a_file_gets_no_colour(program: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--fingerprint", saved("l4"), "-o", "report.txt")
    assert program(*words, FORCE_COLOR="1").status == 1
    assert "MISMATCH" in Path("report.txt").read_text()
    assert "\x1b" not in Path("report.txt").read_text()


def test_characters_the_stream_cannot_carry_become_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    options.emit("é 1\n")
    assert raw.getvalue() == b"? 1\n"


class Stream(io.TextIOWrapper):
    """A standard output that says whether it is a terminal."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "environment", "colour"),
    [
        (False, {}, False),
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_follows_the_terminal_and_the_users_wish(
    terminal: bool, environment: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Stream(terminal=terminal))
    assert options.terminal()[1] is colour


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("", 80), ("0", 80), ("wide", 80), ("-5", 80)])
def test_the_width_follows_columns(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", Stream(terminal=False))
    assert options.terminal()[0] == width


def test_a_terminal_that_does_not_say_its_width_has_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Stream(terminal=True))
    assert options.terminal()[0] == 80


@pytest.mark.parametrize(
    ("encoding", "ascii_only"), [("utf-8", False), ("utf8", False), ("ascii", True), ("latin-1", True)]
)
def test_only_unicode_streams_get_block_characters(
    encoding: str, ascii_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Stream(terminal=False, encoding=encoding))
    assert options.terminal()[2] is ascii_only
