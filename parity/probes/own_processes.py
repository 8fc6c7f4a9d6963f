"""Knows which processes belong to the test run: pytest, whatever it started, and which of those hold a GPU.

Process ids that a driver lists are the host's. They mean something here only in the initial pid namespace; elsewhere
they are counted, never compared. Standard library only.
"""

# pathlib takes 9 ms to import.
# ruff: noqa: PTH115, PTH208, PTH123
from __future__ import annotations

import os

_INITIAL_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of linux/proc_ns.h
_COMPUTE_FILES = ("/dev/nvidia-uvm", "/dev/kfd")  # open in a process with a compute context, not in one that only asks
_MAX_DEPTH = 64
_MAX_FILES = 4096


def ids_are_ours(root: str = "") -> bool:
    """Return whether the driver's process ids and ours are the same, that is: outside of any container."""
    try:
        return os.readlink(f"{root}/proc/self/ns/pid") == _INITIAL_NAMESPACE
    except OSError:
        return False


def parent_of(pid: int, root: str = "") -> int | None:
    """Return the parent's id, None when there is no such process or it may not be asked."""
    try:
        with open(f"{root}/proc/{pid}/stat", "rb") as file:
            text = file.read(4096)
        return int(text.rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def core_of(pid: int, root: str = "") -> int | None:
    """Return the core that a process's first thread runs on or ran on last; None when that cannot be told."""
    try:
        with open(f"{root}/proc/{pid}/stat", "rb") as file:
            text = file.read(4096)
        return int(text.rpartition(b")")[2].split()[36])
    except (OSError, ValueError, IndexError):
        return None


def is_own(pid: int, ancestor: int, root: str = "") -> bool:
    """Return whether a process is ``ancestor`` or descends from it."""
    current: int | None = pid
    for _ in range(_MAX_DEPTH):
        if current == ancestor:
            return True
        if current is None or current <= 1:
            return False
        current = parent_of(current, root)
    return False


def name_of(pid: int, root: str = "") -> str:
    """Return a process's short name, empty when it cannot be read."""
    try:
        with open(f"{root}/proc/{pid}/comm", "rb") as file:
            return file.read(64).decode("utf-8", errors="replace").strip()
    except OSError:
        return ""


def holders(ancestor: int, root: str = "", *, but: tuple[int, ...] = ()) -> int | None:
    """Return how many processes of the test run have a compute context open; None when that cannot be told.

    Args:
        ancestor: the pytest process.
        root: prefix of ``/proc``.
        but: processes not to count: our own, which hold a device to ask it.
    """
    if parent_of(ancestor, root) is None:
        return None
    try:
        pids = [int(name) for name in os.listdir(f"{root}/proc") if name.isdecimal()]
    except OSError:
        return None
    count = 0
    for pid in pids:
        if pid not in but and is_own(pid, ancestor, root):
            held = _holds(pid, root)
            if held is None:
                return None
            count += held
    return count


def _holds(pid: int, root: str) -> bool | None:
    folder = f"{root}/proc/{pid}/fd"
    try:
        names = os.listdir(folder)[:_MAX_FILES]
    except FileNotFoundError:
        return False  # ended meanwhile
    except OSError:
        return None
    for name in names:
        try:
            if os.readlink(f"{folder}/{name}") in _COMPUTE_FILES:
                return True
        except OSError:
            continue
    return False
