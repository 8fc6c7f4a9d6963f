"""Knows how to write a file for somebody: whole or not at all, with an error that says why not."""

from __future__ import annotations

import contextlib
import os

from parity.errors import UsageError


def write_file(path: str, text: str) -> None:
    """Write a file whole or not at all; the folders above it that are missing are made.

    Args:
        path: where to; a link, pipe or device is written through.
        text: the whole content.

    Raises:
        UsageError: it cannot be written.
    """
    from pathlib import Path  # most reports go to standard output

    target = Path(path)
    scratch = target.parent / f".{target.name}.{os.getpid()}.tmp"
    try:
        make_folders(path)
        if target.is_symlink() or (target.exists() and not target.is_file()):  # /dev/stdout, a named pipe
            target.write_text(text, encoding="utf-8")
            return
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(target)
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError, ValueError):
            scratch.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot be written: {reason}", where=path, mend="check the folder and permissions") from error


def make_folders(path: str) -> None:
    """Make the folders above a file that are missing.

    Raises:
        OSError: they cannot be made.
    """
    from pathlib import Path

    folder = Path(path).parent
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)


def remove_file(path: str) -> None:
    """Remove what an earlier run wrote; links, pipes and devices stay.

    Raises:
        UsageError: it is there and cannot be removed.
    """
    from pathlib import Path

    target = Path(path)
    try:
        if target.is_file() and not target.is_symlink():
            target.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        mend = "remove it: it is of an earlier run"
        raise UsageError(f"cannot be removed: {reason}", where=path, mend=mend) from error
