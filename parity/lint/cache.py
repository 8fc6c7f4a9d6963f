"""Knows what the same rules found before in files whose bytes have not changed.

One file per folder that was linted and set of rules, below the user's cache folder (``PARITY_CACHE_DIR``, or
``gpu-parity`` below ``XDG_CACHE_HOME`` or ``~/.cache``). It is a whole or nothing: written beside and moved into place,
so that of two runs at once the later one stays, and whatever cannot be read counts as empty.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity import __version__
from parity.catalog import store
from parity.model.lint import LintFinding, LintUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
KEPT_FILES = 64  # of other folders, targets and rules; the oldest go first
MAX_ENTRIES = 200_000
MAX_BYTES = 256 * 1024 * 1024
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of `parity lint`; it may be deleted at any time.\n"
# What a scanner or rule may import; in a checkout these change without the version.
_PACKAGES = ("lint", "lint/rules", "model", "workload", "catalog", "")


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What was found in a file, and a hash of the bytes it was found in."""

    digest: bytes
    findings: tuple[LintFinding, ...] = ()
    unknowns: tuple[LintUnknown, ...] = ()


class Held(msgspec.Struct, frozen=True):
    """A cache file."""

    format: int
    entries: dict[str, Entry]


class Cache:
    """What earlier runs found; without a folder it holds nothing and writes nothing."""

    def __init__(self, folder: Path | None, key: str) -> None:
        """Read the entries of the runs with this key.

        Args:
            folder: where cache files lie; it need not be there.
            key: from :func:`key_of`.
        """
        self._path = None if folder is None else folder / f"lint-{key}.msgpack"
        self._entries = _read(self._path) if self._path is not None else {}
        self._seen: dict[str, Entry] = {}
        self._changed = False

    def get(self, path: str, digest: bytes) -> Entry | None:
        """Return what was found in a file of this path with these bytes, None when that is not known."""
        entry = self._entries.get(path)
        if entry is None or entry.digest != digest:
            return None
        self._seen[path] = entry
        return entry

    def put(self, path: str, entry: Entry) -> None:
        """Keep what was found in a file."""
        if self._path is not None:
            self._seen[path] = entry
            self._changed = True

    def save(self) -> None:
        """Write the entries, when there are new ones; a folder that cannot be written is left alone."""
        if self._path is None or not self._changed:
            return
        entries = {**self._entries, **self._seen}
        entries = entries if len(entries) <= MAX_ENTRIES else self._seen
        with contextlib.suppress(OSError):
            _prepare(self._path.parent)
            scratch = self._path.with_suffix(f".{os.getpid()}.tmp")
            try:
                scratch.write_bytes(msgspec.msgpack.encode(Held(FORMAT, entries)))
                scratch.replace(self._path)
            finally:
                scratch.unlink(missing_ok=True)
            _prune(self._path.parent)


def digest_of(raw: bytes) -> bytes:
    """Return a hash of a file's bytes."""
    return hashlib.blake2b(raw, digest_size=16).digest()


def key_of(question: Any) -> str:
    """Return a text that differs when anything besides a file's path and bytes may change what is found in it.

    Args:
        question: the rules that run and what they are asked, as plain data.
    """
    state = hashlib.blake2b(digest_size=16)
    for part in (__version__, sys.version, str(Path.cwd()), str(FORMAT), *_code_state()):
        state.update(part.encode(errors="surrogateescape") + b"\0")
    state.update(msgspec.msgpack.encode(question, order="deterministic"))
    state.update(msgspec.msgpack.encode(store.compiled(), order="deterministic"))
    return state.hexdigest()


def _code_state() -> Iterator[str]:
    package = Path(__file__).parent.parent
    for name in _PACKAGES:
        with contextlib.suppress(OSError), os.scandir(package / name) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.name.endswith(".py"):
                    stat = entry.stat()
                    yield f"{name}/{entry.name}:{stat.st_size}:{stat.st_mtime_ns}"


def default_folder() -> Path | None:
    """Return where caches lie on this machine, None when no such place is told."""
    if told := os.environ.get("PARITY_CACHE_DIR"):
        return Path(told)
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # noqa: PTH117  (the XDG specification: a relative one is to be ignored)
        return Path(base) / "gpu-parity"
    with contextlib.suppress(RuntimeError):
        return Path.home() / ".cache" / "gpu-parity"
    return None


def _read(path: Path) -> dict[str, Entry]:
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        held = msgspec.msgpack.decode(path.read_bytes(), type=Held)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return {}
    return held.entries if held.format == FORMAT else {}


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("CACHEDIR.TAG", _TAG), (".gitignore", "*\n")):
        with contextlib.suppress(FileExistsError), (folder / name).open("x", encoding="utf-8") as stream:
            stream.write(text)


def _prune(folder: Path) -> None:
    """Delete the cache files that were written longest ago, when there are many."""
    found = []
    for path in folder.glob("lint-*"):
        with contextlib.suppress(OSError):
            found.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(found)[:-KEPT_FILES]:
        with contextlib.suppress(OSError):
            path.unlink()
