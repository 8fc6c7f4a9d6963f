"""Tests taking lines from a descriptor: whole and in parts, waiting or not, to the end."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from parity.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pipe:
    """A pipe and who reads it."""

    def __init__(self) -> None:
        descriptor, self.into = os.pipe()
        self.requests = Requests(descriptor)
        self.descriptor = descriptor

    def write(self, data: bytes) -> None:
        os.write(self.into, data)

    def end(self) -> None:
        os.close(self.into)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    os.close(made.descriptor)


def test_lines_come_one_by_one_also_empty_ones(pipe: Pipe) -> None:
    pipe.write(b"a\n\nb\n")
    pipe.end()
    assert [pipe.requests.next() for _ in range(5)] == [b"a\n", b"\n", b"b\n", b"", b""]


def test_a_line_in_parts_is_one_line(pipe: Pipe) -> None:
    pipe.write(b"a")
    assert pipe.requests.next(0.01) is None
    pipe.write(b"b\nc")
    assert pipe.requests.next() == b"ab\n"
    assert pipe.requests.next(0.0) is None
    pipe.write(b"\n")
    pipe.end()
    assert [pipe.requests.next() for _ in range(2)] == [b"c\n", b""]


def test_what_has_no_end_is_a_line_too(pipe: Pipe) -> None:
    pipe.write(b"a\nrest")
    pipe.end()
    assert [pipe.requests.next() for _ in range(3)] == [b"a\n", b"rest", b""]


def test_patience_is_kept(pipe: Pipe) -> None:
    start = time.monotonic()
    assert pipe.requests.next(0.05) is None
    assert time.monotonic() - start >= 0.05
    pipe.end()
    assert pipe.requests.next(0.05) == b""


def test_what_is_there_is_taken_without_patience(pipe: Pipe) -> None:
    pipe.write(b"x" * 50_000 + b"\ny\n")
    assert pipe.requests.next(0.0) == b"x" * 50_000 + b"\n"
    assert pipe.requests.next(0.0) == b"y\n"
    assert pipe.requests.next(0.0) is None
    pipe.end()
