"""Knows how tests wait for what happens in another process: for an event, with a deadline that only a hang reaches."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ENOUGH_S = 60.0
# A minute; a command that waits in vain ends with a status of its own.
_GROWS = (
    "n=0; until [ -e {file} ] && [ $(($(wc -c < {file}) - seen)) -ge {more} ]; "
    "do n=$((n+1)); [ $n -lt 1200 ] || exit 99; sleep 0.05; done"
)


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something is true; fail after a minute."""
    end = time.monotonic() + ENOUGH_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def until_there(file: Path) -> str:
    """Return a shell command that waits until a file has a byte."""
    return f"seen=0; {_GROWS.format(file=file, more=1)}"


def until_grown(file: Path, more: int) -> str:
    """Return a shell command that waits until a file has so many bytes more than when it begins."""
    return f"seen=$(cat {file} 2>/dev/null | wc -c); {_GROWS.format(file=file, more=more)}"


def state(pid: int) -> str:
    """Return a process's state as Linux names it, ``X`` when it is gone.

    By hand: ``ps -o state= -p PID``
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def sleeps(pid: int) -> int:
    """Return how often a process has gone to sleep by itself."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def wait_for_rest(pid: int) -> None:
    """Wait until a process waits for something, or is gone."""
    wait_for(lambda: state(pid) in "SZX")
