"""Knows which files of a tree are looked at: what git would track, never a link's target, nothing huge or binary."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from parity.catalog import store
from parity.errors import InputFileError, UsageError
from parity.lint.files import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BYTES = 2 * 1024 * 1024
MAX_LOCK_BYTES = 16 * 1024 * 1024  # lock files of large workspaces
GIT_SECONDS = 60
# Neither a link's target nor a pipe without a writer is waited for.
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_MORE = 1 << 16  # bytes asked of a file that holds more than it said
# Folders that hold other people's files or build results; git knows better where it can be asked.
SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", "site-packages", ".eggs",
     ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "build", "dist", "_build"}
)  # fmt: skip


def files_below(paths: Iterable[str], *, exclude: tuple[str, ...] = ()) -> Iterator[tuple[str, Path]]:
    """Yield (path as told, path to open) of every file a scanner takes, in order, each once.

    A path given by name is taken whatever .gitignore says, links included; links met on the way are not followed.

    Args:
        paths: files and folders.
        exclude: globs over the told path; a pattern without a slash also matches any part of it.

    Raises:
        InputFileError: a path does not exist.
    """
    seen: set[str] = set()
    for given in paths:
        if not given:
            raise UsageError("an empty path", where="PATH", mend="is a variable unset?")
        start = Path(given)
        if os.path.isdir(given):  # noqa: PTH112  (false, not an exception, for impossible names)
            found: Iterable[str] = _of_folder(start)
        elif is_file(given):
            found = [given]
        else:
            raise InputFileError("no such file or folder", where=given, mend="check the path")
        for name in found:
            told = told_of(name)
            if told not in seen and not excluded(told, exclude):
                seen.add(told)
                yield told, Path(name)


def is_file(given: str) -> bool:
    """Return whether a path names a file; false, not an exception, for impossible names."""
    return os.path.isfile(given)  # noqa: PTH113


def told_of(name: str) -> str:
    """Return a path as findings tell it."""
    return os.path.normpath(name).replace(os.sep, "/")


def _of_folder(folder: Path) -> Iterator[str]:
    listed = _tracked(folder)
    if listed is None:
        listed = _walked(folder)
    copies = {word for role in store.lint_book().data.roles if role.id == "copy" for word in role.folders}
    for name in listed:
        if kind_of(name) and not copies.intersection(name.split("/")[:-1]):
            yield os.path.join(folder, name)  # noqa: PTH118  (pathlib takes ten times as long)


def _tracked(folder: Path) -> list[str] | None:
    """Return what git tracks or would track below the folder, None outside a repository or without git."""
    command = [
        "git",
        "-C",
        str(folder),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=GIT_SECONDS, check=False, env=environment, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if done.returncode != 0:
        return None
    names = sorted(os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    # A folder that git ignores altogether was named on purpose: walk it.
    return names or None


def _walked(folder: Path) -> list[str]:
    found = []
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        below = os.path.relpath(place, folder)
        found += [name if below == "." else f"{below}/{name}".replace(os.sep, "/") for name in names]
    return sorted(found)


def excluded(path: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a glob covers a path, one of its folders or, without a slash, any part of it.

    >>> excluded("a/tests/b.py", ("tests",)), excluded("a/tests/b.py", ("a/t*",)), excluded("a/b.py", ("b",))
    (True, True, False)
    """
    if not patterns:
        return False
    parts = path.split("/")
    heads = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for pattern in patterns:
        plain = pattern.rstrip("/").removeprefix("./")
        if any(fnmatchcase(head, plain) for head in heads):
            return True
        if "/" not in plain and any(fnmatchcase(part, plain) for part in parts):
            return True
        if plain.startswith("**/") and any(fnmatchcase(head, plain[3:]) for head in heads):
            return True
    return False


def decoded(raw: bytes) -> str:
    """Return a file's text; bytes that are not UTF-8 become replacement characters, on their own line.

    A carriage return of its own ends a line, as it does for Python and YAML.
    """
    text = raw.decode("utf-8-sig", errors="replace")
    return re.sub(r"\r(?!\n)", "\n", text) if b"\r" in raw else text


def read_raw(path: Path, *, limit: int) -> bytes | None:
    """Return a regular file's bytes, None when it is a link, no file, too large, binary or unreadable."""
    try:
        opened = os.open(path, _READ)
    except (OSError, ValueError):
        return None
    try:
        state = os.fstat(opened)
        if not stat.S_ISREG(state.st_mode) or state.st_size > limit:
            return None
        raw = _all_of(opened, limit + 1, expected=state.st_size)
    except OSError:
        return None
    finally:
        os.close(opened)
    if len(raw) > limit or b"\0" in raw:
        return None
    return raw


def _all_of(opened: int, limit: int, *, expected: int) -> bytes:
    """Return what a file holds, ``limit`` bytes at most.

    A read takes a buffer of the size that it asks for, so it asks for what the file should hold and a byte more.
    """
    pieces = []
    asked = expected + 1
    while limit > 0 and (piece := os.read(opened, min(limit, asked))):
        pieces.append(piece)
        limit -= len(piece)
        asked = _MORE
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
