"""Knows ROCm kpack: device code moved out of a library into ``.kpack`` archives that a marker section points to.

The marker ``.rocm_kpack_ref`` is a MessagePack map of ``kernel_name`` and ``kpack_search_paths`` (relative to the
library; ``@GFXARCH@`` stands for the device's architecture). An archive begins with KPAK, a version and the offset of a
MessagePack table: library name -> architecture -> blob.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity.model.arch import AmdArch, parse_arch
from parity.model.code_objects import Code

if TYPE_CHECKING:
    from parity.binaries.collect import Collector

SECTION = ".rocm_kpack_ref"
MAGIC = b"KPAK"
_HEADER = struct.Struct("<4sIQ")
ANY_ARCH = "@GFXARCH@"
MAX_TABLE_BYTES, MAX_PATHS, MAX_FILES = 32 * 1024 * 1024, 64, 256


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """Where a library's device code went."""

    kernel_name: str
    kpack_search_paths: list[str] = []


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    gfx_arches: list[str] = []
    toc: dict[str, dict[str, Any]] = {}


def follow(raw: bytes, library: str | None, into: Collector) -> None:
    """Read the archives that a marker names; what cannot be followed is told.

    Args:
        raw: the marker section.
        library: path of the library on disk, None when it lies in a wheel.
        into: takes one region per archive.
    """
    try:
        marker = msgspec.msgpack.decode(_without_padding(raw), type=Marker)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        into.problem(f"{SECTION}: device code lies in kpack archives, and the marker cannot be read", weight="damaged")
        return
    archives = [] if library is None else _archives(Path(library).parent, marker.kpack_search_paths)
    if not archives:
        into.problem(f"{SECTION}: device code lies in kpack archives that are not here: not judged", weight="skipped")
    for archive in archives:
        _read(archive, marker.kernel_name, into)


def _without_padding(raw: bytes) -> bytes:
    """Return the marker without what follows it in its section; MessagePack text may not end in zero bytes here."""
    return raw[: 1024 * 1024].rstrip(b"\0")


def _archives(folder: Path, patterns: list[str]) -> list[Path]:
    found: dict[Path, None] = {}
    for pattern in patterns[:MAX_PATHS]:
        if "\0" in pattern or Path(pattern).is_absolute():
            continue
        before, _, after = pattern.partition(ANY_ARCH)
        if ANY_ARCH not in pattern:
            candidates = [folder / pattern]
        else:
            place = (folder / before).parent if not before.endswith("/") else folder / before
            stem = "" if before.endswith("/") else Path(before).name
            try:
                names = sorted(path.name for path in place.iterdir())[: 100 * MAX_FILES]
            except OSError:
                continue
            candidates = [place / name for name in names if name.startswith(stem) and name.endswith(after)]
        for candidate in candidates:
            if candidate.is_file() and len(found) < MAX_FILES:
                found[candidate] = None
    return list(found)


def _read(archive: Path, name: str, into: Collector) -> None:
    table = read_table(archive)
    if table is None:
        into.problem(f"{SECTION}: {archive.name} cannot be read", weight="damaged")
        return
    held = table.get(name, {})
    codes = [code for code in (_code(arch) for arch in sorted(held)) if code is not None]
    if codes:
        into.region(archive.name, "main", "kpack", [(code, 0) for code in codes], at=0)


def _code(arch: str) -> Code | None:
    found = parse_arch(arch)
    return Code(kind="amd", arch=str(found)) if isinstance(found, AmdArch) else None


def read_table(archive: Path) -> dict[str, dict[str, Any]] | None:
    """Return library name -> architecture -> blob of an archive on disk, None when it cannot be read."""
    try:
        with archive.open("rb") as stream:
            head = stream.read(_HEADER.size)
            if len(head) < _HEADER.size:
                return None
            magic, _, offset = _HEADER.unpack(head)
            if magic != MAGIC or offset > os.fstat(stream.fileno()).st_size:
                return None
            stream.seek(offset)
            raw = stream.read(MAX_TABLE_BYTES + 1)
    except (OSError, ValueError):
        return None
    if len(raw) > MAX_TABLE_BYTES:
        return None
    try:
        return msgspec.msgpack.decode(raw, type=_Table).toc
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        return None


def read_archive(path: str, into: Collector) -> None:
    """Read a ``.kpack`` file that was asked for by itself: one region per library in it."""
    table = read_table(Path(path))
    if table is None:
        into.problem("kpack archive with an unreadable table", weight="damaged")
        return
    for name, held in sorted(table.items()):
        into.step()
        codes = [code for code in (_code(arch) for arch in sorted(held)) if code is not None]
        if codes:
            into.region(name, "main", "kpack", [(code, 0) for code in codes], at=0)
