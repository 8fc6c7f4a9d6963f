"""The child's side of a survey: what is on the channel, and in what order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity.probes.ask import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator


class Channel:
    """A pipe, read line by line."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()

    def lines(self) -> list[str]:
        os.write(self.write, b"end\n")
        data = b""
        while not data.endswith(b"end\n"):
            data += os.read(self.read, 1 << 16)
        return data.decode().splitlines()[:-1]


@pytest.fixture
def channel() -> Iterator[Channel]:
    pipe = Channel()
    yield pipe
    os.close(pipe.read)
    os.close(pipe.write)


def test_question_is_on_the_channel_before_it_is_asked(channel: Channel) -> None:
    seen: list[str] = []
    ask = Ask(channel.write)
    assert ask("a", lambda: seen.extend(channel.lines()) or 7) == 7
    assert seen == ['?"a"']
    assert channel.lines() == ['{"k": "a", "v": 7}']


def test_slow_question_is_marked(channel: Channel) -> None:
    Ask(channel.write)("a", int, slow=True)
    assert channel.lines()[0] == '~"a"'


def test_what_is_told_travels_with_the_next_question(channel: Channel) -> None:
    ask = Ask(channel.write)
    ask.told("a", 1)
    ask.absent("b", "lost", "x" * 900)
    assert channel.lines() == []
    ask.done()
    first, second, end = channel.lines()
    assert (json.loads(first), end) == ({"k": "a", "v": 1}, ".")
    assert len(json.loads(second)["d"]) == 500


def test_skipped_question_is_not_asked(channel: Channel) -> None:
    assert Ask(channel.write, {"a": "failed"})("a", os.abort) is None
    assert channel.lines() == []


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit("x"), Exception("x"), NotImplementedError()])
def test_whatever_a_binding_raises_is_a_reason(channel: Channel, error: BaseException) -> None:
    def question() -> None:
        raise error

    assert Ask(channel.write)("a", question) is None
    assert json.loads(channel.lines()[1])["e"] == "failed"


def test_error_that_cannot_be_printed_is_a_reason(channel: Channel) -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise OSError("the library is gone")

    def question() -> None:
        raise UnprintableError

    Ask(channel.write)("a", question)
    assert json.loads(channel.lines()[1]) == {"k": "a", "e": "failed", "d": "UnprintableError"}


def test_answer_that_is_no_plain_data_is_a_reason(channel: Channel) -> None:
    assert Ask(channel.write)("a", object) is None
    assert "not JSON serializable" in json.loads(channel.lines()[1])["d"]


def test_interrupt_is_not_swallowed(channel: Channel) -> None:
    def question() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Ask(channel.write)("a", question)


def test_many_told_values_do_not_pile_up(channel: Channel) -> None:
    ask = Ask(channel.write)
    for number in range(501):
        ask.told("a", number)
    assert len(channel.lines()) == 500


def test_child_side_imports_no_third_party_package() -> None:
    """The child must start in milliseconds; ``pynvml`` comes only when the driver's library is there."""
    code = (
        "import sys\n"
        "import parity.probes.child, parity.probes.nvidia_survey\n"
        "bad = {'msgspec', 'yaml', 'packaging', 'rich', 'pynvml', 'dataclasses', 'importlib.metadata'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    root = str(Path(__file__).resolve().parents[3])
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
