"""A child of our own: its lines, its deadlines, its end, and that nothing of it is left."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from parity.probes import piped
from parity.probes.piped import ChildLost, Piped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., Piped]

LONG_S = 60.0  # only a hang takes so long


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a child that runs the given Python; it sees its two words as ``sys.argv``."""
    begun: list[Piped] = []

    def run(body: str, **options: object) -> Piped:
        monkeypatch.setattr(piped, "_BOOT", f"import os, sys, time\n{body}".replace("{", "{{").replace("}", "}}"))
        begun.append(Piped("name", "{}", **options))  # type: ignore[arg-type]
        return begun[-1]

    yield run
    for child in begun:
        child.end()


def soon() -> float:
    return time.monotonic() + LONG_S


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_lines_come_whole_however_they_were_written(start: Start) -> None:
    child = start("for part in (b'a', b'b\\nc\\n\\nd', b'e\\n'): os.write(1, part); time.sleep(0.05)")
    assert [child.line(soon()) for _ in range(4)] == [b"ab", b"c", b"", b"de"]
    with pytest.raises(ChildLost, match=r"^ended with status 0$") as lost:
        child.line(soon())
    assert lost.value.why == "failed"


def test_what_was_written_before_the_end_is_read_before_the_end_is_told(start: Start) -> None:
    child = start("print('last'); sys.stdout.flush(); os.kill(os.getpid(), 11)", told_as="the child")
    assert child.line(soon()) == b"last"
    with pytest.raises(ChildLost, match=r"^the child was killed by SIGSEGV$"):
        child.line(soon())


def test_last_words_are_told(start: Start) -> None:
    child = start("raise RuntimeError('no driver')")
    with pytest.raises(ChildLost, match=r"^ended with status 1: RuntimeError: no driver$"):
        child.line(soon())


def test_silence_is_none_at_the_deadline_and_costs_nothing_else(start: Start) -> None:
    hang = "open(os.environ['STUB_HANGS'] + f'/{os.getpid()}', 'w')"  # without it the tests' patience waits on
    child = start(f"{hang}; sys.stdin.readline(); print('late', flush=True); time.sleep(600)", takes_input=True)
    assert child.line(time.monotonic() + 0.05) is None
    child.write(b"go")
    assert child.line(soon()) == b"late"


def test_an_endless_line_is_cut_off(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piped, "MAX_LINE_BYTES", 10_000)
    child = start("while True: os.write(1, b'x' * 4096)")
    with pytest.raises(ChildLost, match="wrote more than any answer can be"):
        child.line(soon())


def test_a_flood_of_short_lines_comes_whole(start: Start) -> None:
    child = start("for _ in range(4): os.write(1, b'\\n' * 8192)")
    assert [child.line(soon()) for _ in range(4 * 8192)] == [b""] * (4 * 8192)


def test_writing_to_a_dead_child_tells_its_end(start: Start) -> None:
    child = start("os._exit(3)", takes_input=True)
    with pytest.raises(ChildLost, match="ended with status 3"):
        child.line(soon())
    with pytest.raises(ChildLost, match="ended with status 3"):
        child.write(b"x")


def test_its_end_leaves_no_process_also_twice(start: Start) -> None:
    child = start("import signal; signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)")
    pid = int(child.line(soon()) or b"")
    assert is_there(pid)
    child.end()
    child.end()
    assert not is_there(pid)


def test_an_orderly_end_is_waited_for(start: Start) -> None:
    marker = "sys.stdin.read(); os.write(1, b'closed\\n')"
    child = start(f"print('up', flush=True); {marker}", takes_input=True)
    assert child.line(soon()) == b"up"
    child.end(grace_s=LONG_S)
    assert child._process.returncode == 0


def test_a_session_of_its_own_is_not_the_parents(start: Start) -> None:
    inside = start("print(os.getsid(0), flush=True)")
    outside = start("print(os.getsid(0), flush=True)", own_session=True)
    assert int(inside.line(soon()) or b"") == os.getsid(0)
    assert int(outside.line(soon()) or b"") != os.getsid(0)


def test_the_given_environment_is_all_it_has(start: Start) -> None:
    child = start("print(sorted(os.environ), flush=True)", env={"ONLY": "1"})
    assert b"'ONLY'" in (child.line(soon()) or b"")
    child = start("print(os.environ.get('PATH', 'none'), flush=True)", env={"ONLY": "1"})
    assert child.line(soon()) == b"none"
