"""Knows which files a running process has mapped, and where the very file that was mapped can still be opened.

Source: ``/proc/PID/maps``. By hand: ``grep 'so' /proc/PID/maps``. A file is opened through ``/proc/PID/root``, so that
a process in a container is read in its own file system, and only when the inode there is the one that is mapped; else
through ``/proc/PID/map_files``, which also holds files that were deleted or replaced since, and needs a privilege. The
process is neither stopped nor attached to, and its memory is not read.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from parity.errors import NothingToJudgeError

PROC = "/proc"
MAX_MAPS_BYTES = 64 * 1024 * 1024
_LINE = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) (\S{4}) [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) (\d+) +(/.*)")
_DELETED = " (deleted)"
_PRIVILEGE = "needs root, or CAP_CHECKPOINT_RESTORE"
# Shared memory: no library is loaded from it, and every framework has some.
_MEMORY = ("/dev/zero", "/SYSV", "/dev/shm/", "/anon_hugepage", "/memfd:")  # noqa: S108 - names, not paths to write to
_CODE_FILE = re.compile(r"\.so(\.[\w.]+)?$|\.(cubin|fatbin|co|hsaco|kpack)$")
_SITE = re.compile(r".*?/(?:site|dist)-packages(?=/)")


class Mapped(NamedTuple):
    """One file that a process has mapped.

    Attributes:
        path: as the process names it.
        opened: where it can be opened from here; empty when it cannot.
        why: why it cannot.
        gone: it was deleted since, or another file lies in its place: what runs is not what is installed.
    """

    path: str
    opened: str
    why: str = ""
    gone: bool = False


class Process(NamedTuple):
    """A running process.

    Attributes:
        pid: its number here.
        command: its short name.
        root: what comes before its paths to reach them from here.
        files: regular files, each once, in the order of its memory.
    """

    pid: int
    command: str
    root: str
    files: tuple[Mapped, ...]

    @property
    def site_folders(self) -> tuple[str, ...]:
        """Return the package folders that files were mapped from, as the process names them."""
        found = (_SITE.match(mapped.path) for mapped in self.files)
        return tuple(dict.fromkeys(match[0] for match in found if match))


def read_process(pid: int, *, proc: str = PROC) -> Process:
    """Return a running process with the files it has mapped.

    Args:
        pid: as ``ps`` shows it in this PID namespace.
        proc: where the kernel's process files are.

    Raises:
        NothingToJudgeError: there is no such process, it is not ours to read, or it maps no file.
    """
    where = f"process {pid}"
    try:
        with open(f"{proc}/{pid}/maps", "rb", buffering=0) as stream:  # noqa: PTH123 - one read, as the kernel made it
            raw = _all_of(stream.fileno())
    except (FileNotFoundError, ProcessLookupError) as error:
        told = "no such process" if Path(proc, "self").exists() else f"{proc} is not there"
        mend = "check the number: ps -e | grep python; in a container, its own processes alone are seen"
        raise NothingToJudgeError(told, where=where, mend=mend) from error
    except OSError as error:
        told = f"its mapped files may not be read: {error.strerror}"
        mend = "run as the user who runs it or as root; in a container, with --cap-add SYS_PTRACE"
        raise NothingToJudgeError(told, where=where, mend=mend) from error
    files = tuple(_files(raw, f"{proc}/{pid}"))
    if not files:
        raise NothingToJudgeError("it maps no file: it has ended, or is a thread of the kernel", where=where)
    return Process(pid, _command(f"{proc}/{pid}"), f"{proc}/{pid}/root", files)


def _all_of(descriptor: int) -> bytes:
    """Return what the kernel tells; it hands out a page at a time."""
    parts, size = [], 0
    while size < MAX_MAPS_BYTES and (part := os.read(descriptor, 1024 * 1024)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _command(folder: str) -> str:
    try:
        return Path(folder, "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _files(raw: bytes, folder: str) -> list[Mapped]:
    """Return each mapped file once; devices, and shared memory that cannot be read, are none."""
    found: dict[tuple[bytes, int], tuple[str, str, bool]] = {}
    for line in raw.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[5] == b"0":
            continue
        key = (match[4], int(match[5]))
        path = os.fsdecode(match[6].replace(rb"\012", b"\n"))
        runs = b"x" in match[3]
        if key in found:
            path, span, before = found[key]
            found[key] = (path, span, before or runs)
        else:
            found[key] = (path, f"{int(match[1], 16):x}-{int(match[2], 16):x}", runs)
    opened = (_opened(folder, path, span, inode, runs=runs) for (_, inode), (path, span, runs) in found.items())
    return [one for one in opened if one is not None]


def _opened(folder: str, path: str, span: str, inode: int, *, runs: bool) -> Mapped | None:
    """Return where a mapped file can be opened, None when it is no regular file."""
    here = f"{folder}/root{path}"
    status = _status(here)
    if isinstance(status, os.stat_result) and status.st_ino == inode:
        return Mapped(path, here) if stat.S_ISREG(status.st_mode) else None
    link = f"{folder}/map_files/{span}"
    mapped = _status(link)
    name = path.removesuffix(_DELETED)
    if isinstance(mapped, os.stat_result):
        is_file = stat.S_ISREG(mapped.st_mode) and not name.startswith(_MEMORY)
        return Mapped(name, link, gone=True) if is_file else None
    if name.startswith(_MEMORY) or not (runs or _CODE_FILE.search(name)):
        return None
    if path != name:
        return Mapped(name, "", f"deleted since it was loaded; reading it {_PRIVILEGE}", gone=True)
    if isinstance(status, os.stat_result):
        return Mapped(name, "", f"replaced since it was loaded; reading the loaded file {_PRIVILEGE}", gone=True)
    return Mapped(name, "", status)


def _status(path: str) -> os.stat_result | str:
    """Return the status of a path, else why there is none."""
    try:
        return os.stat(path)  # noqa: PTH116 - strings from the kernel, one per mapped file
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
