"""Knows how to read the small text files of ``/proc``, ``/sys`` and ``/etc``: bounded, below a root, errors as reasons.

Standard library only; used inside probe children. A test points ``root`` at a folder of its own.
"""

# pathlib takes 9 ms to import; the whole child takes 40.
# ruff: noqa: PTH119
from __future__ import annotations

import errno
import os

MAX_FILE_BYTES = 64 * 1024
MAX_NAMES = 4096

# errno -> why. The kernel answers a question that a device does not know with one of many codes: amdgpu uses
# EOPNOTSUPP, ENODATA and EINVAL for "this chip has no such value", EPERM for a GPU that a cgroup withholds.
_WHY = {
    errno.ENOENT: "not_supported",
    errno.ENOTDIR: "not_supported",
    errno.EOPNOTSUPP: "not_supported",
    errno.ENODATA: "not_supported",
    errno.EINVAL: "not_supported",
    errno.ENOSYS: "not_supported",
    errno.EACCES: "no_permission",
    errno.EPERM: "no_permission",
    errno.ENODEV: "lost",
    errno.ENXIO: "lost",
}


def reason(error: BaseException) -> tuple[str, str]:
    """Return (why, detail) of a failed read, for ``Ask``'s ``classify``."""
    if isinstance(error, OSError) and error.errno is not None:
        code = errno.errorcode.get(error.errno, str(error.errno))
        return _WHY.get(error.errno, "failed"), f"{code} {error.filename or ''}".strip()
    return "failed", f"{type(error).__name__}: {error}"[:300]


class Tree:
    """A file system seen from ``root``.

    Args:
        root: ``/``, or a folder that stands for it.
    """

    def __init__(self, root: str = "/") -> None:
        """Remember the root; nothing is read yet."""
        self.root = root.rstrip("/")

    def at(self, path: str) -> str:
        """Return the real path of ``/sys/...``."""
        return self.root + path

    def text(self, path: str) -> str:
        """Return a file's text without surrounding white space, at most 64 KiB.

        Raises:
            OSError: it cannot be read.
        """
        descriptor = os.open(self.at(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            chunks, size = [], 0
            while size < MAX_FILE_BYTES:
                chunk = os.read(descriptor, MAX_FILE_BYTES - size)
                if not chunk:
                    break
                chunks.append(chunk)
                size += len(chunk)
        finally:
            os.close(descriptor)
        return b"".join(chunks).decode("utf-8", errors="replace").strip("\0 \t\r\n")

    def text_or_none(self, path: str) -> str | None:
        """Return a file's text, None when it cannot be read."""
        try:
            return self.text(path)
        except OSError:
            return None

    def names(self, path: str) -> list[str]:
        """Return the sorted names in a folder, at most 4096, numbers in numeric order.

        Raises:
            OSError: it cannot be listed.
        """
        found = []
        with os.scandir(self.at(path)) as entries:
            for entry in entries:
                found.append(entry.name)
                if len(found) >= MAX_NAMES:
                    break
        return sorted(found, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))

    def names_or_empty(self, path: str) -> list[str]:
        """Return the sorted names in a folder, none when it cannot be listed."""
        try:
            return self.names(path)
        except OSError:
            return []

    def exists(self, path: str) -> bool:
        """Return whether something is there."""
        return os.path.lexists(self.at(path))

    def target(self, path: str) -> str | None:
        """Return the last name of what a symbolic link finally points at, None when nothing is there."""
        real = os.path.realpath(self.at(path))
        return os.path.basename(real) if os.path.lexists(real) else None


def properties(text: str) -> dict[str, int | str]:
    r"""Return the ``name value`` lines of a KFD file; whole numbers as int, the rest as text.

    >>> properties("simd_count 1216\nname x\nbad")
    {'simd_count': 1216, 'name': 'x'}
    """
    found: dict[str, int | str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        value = value.strip()
        if name and value:
            found[name] = int(value) if value.isascii() and value.isdecimal() and len(value) < 21 else value
    return found
