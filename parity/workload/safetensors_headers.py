"""Knows how many bytes the parameters of a model take, from safetensors headers and indexes; weights are never read.

A file starts with the header's length (8 bytes, little-endian) and the header, JSON of name -> dtype, shape and
``data_offsets``. An index (``model.safetensors.index.json``) says which file has which tensor, and the total size.
"""

from __future__ import annotations

import os
import re
import struct
from math import prod
from typing import TYPE_CHECKING, Any

import msgspec

from parity.errors import InputFileError
from parity.inputs import load_json, printable, read_bytes

if TYPE_CHECKING:
    from pathlib import Path

MAX_HEADER = 100_000_000  # the format's own limit
MAX_INDEX = 256 * 1024 * 1024
MAX_FILES = 4096
MAX_TENSORS = 4_000_000
MAX_SIZE = 2**60
INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"(?P<name>.{1,200})-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
BITS = {
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder's files hold.

    Attributes:
        total_bytes: of all tensors.
        by_dtype: dtype as the header writes it -> bytes; empty when only an index was there.
        elements: of all tensors; None when only an index was there. Packed formats count their containers.
        source: ``headers of 4 files`` or ``the index's total_size``.
    """

    total_bytes: int
    by_dtype: dict[str, int]
    elements: int | None
    source: str


class _Entry(msgspec.Struct, frozen=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def stored_bytes(folder: Path, index: Path | None = None) -> Stored | None:
    """Return what a folder's safetensors files hold, None when there are none.

    Args:
        folder: of the model.
        index: an index file; by default the folder's.

    Raises:
        InputFileError: a header or index is broken, hostile, or names files that are not all there.
    """
    at = index or folder / INDEX
    if index is not None or at.is_file():
        names, total = _index(at)
        present = [name for name in names if (folder / name).is_file()]
        if names and len(present) == len(names):
            return _sum([folder / name for name in names])
        if total is not None:
            return Stored(total_bytes=total, by_dtype={}, elements=None, source="the index's total_size")
        missing = next((name for name in names if name not in present), "any file")
        raise InputFileError(
            f"names {printable(missing)}, which is not there, and has no total_size",
            where=str(at),
            mend="download the missing files",
        )
    whole = folder / "model.safetensors"
    if whole.is_file():  # beside it may lie the same weights in another layout (consolidated.safetensors), or adapters
        return _sum([whole])
    files = sorted(path for path in folder.glob("*.safetensors") if path.is_file())[: MAX_FILES + 1]
    _expect_all(files, folder)
    return _sum(files) if files else None


def _expect_all(files: list[Path], folder: Path) -> None:
    """Refuse a folder that holds some of the files that their names count."""
    there: dict[tuple[str, int], set[int]] = {}
    for path in files:
        found = _SHARD.fullmatch(path.name)
        if found:
            there.setdefault((found["name"], int(found["count"])), set()).add(int(found["number"]))
    for (name, count), numbers in there.items():
        if numbers < set(range(1, min(count, MAX_FILES) + 1)):
            told = f"{len(numbers)} of the {count} files {printable(name)[:60]}-...-of-{count:05} are there"
            mend = "download the missing files, or give the config.json by itself in another folder"
            raise InputFileError(told, where=str(folder), mend=mend)


def _index(path: Path) -> tuple[list[str], int | None]:
    data = load_json(read_bytes(path, limit=MAX_INDEX), where=str(path))
    table = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
        raise InputFileError("no weight_map of texts", where=str(path), mend="is this a safetensors index?")
    names = sorted(set(table.values()))
    for name in names:
        if not re.fullmatch(r"[\w.+-]{1,200}", name) or name in (".", ".."):
            raise InputFileError(
                f"{printable(name)!r} is no plain file name", where=str(path), mend="correct the weight_map"
            )
    if len(names) > MAX_FILES:
        raise InputFileError(f"more than {MAX_FILES} files", where=str(path), mend="is this a safetensors index?")
    meta = data.get("metadata")
    total = meta.get("total_size") if isinstance(meta, dict) else None
    if isinstance(total, float) and total.is_integer():  # some tools write 16060522496.0
        total = int(total)
    if total is not None and (type(total) is not int or not 0 < total < MAX_SIZE):
        raise InputFileError("metadata.total_size is no size", where=str(path), mend="correct the index")
    return names, total


def _sum(files: list[Path]) -> Stored:
    if len(files) > MAX_FILES:
        raise InputFileError(f"more than {MAX_FILES} files", where=str(files[0].parent), mend="give one model's folder")
    by_dtype: dict[str, int] = {}
    elements = tensors = 0
    for path in files:
        for entry in read_header(path):
            by_dtype[entry.dtype] = by_dtype.get(entry.dtype, 0) + entry.data_offsets[1] - entry.data_offsets[0]
            elements += prod(entry.shape)
            tensors += 1
            if tensors > MAX_TENSORS:
                raise InputFileError("too many tensors", where=str(path), mend="give one model's folder")
    count = f"{len(files)} file" + ("s" if len(files) > 1 else "")
    return Stored(
        total_bytes=sum(by_dtype.values()), by_dtype=by_dtype, elements=elements, source=f"headers of {count}"
    )


def read_header(path: Path) -> list[_Entry]:
    """Return the tensors of one file; sizes, shapes and offsets must agree with each other and with the file.

    Raises:
        InputFileError: they do not.
    """
    where = str(path)
    mend = "download the file again"
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            start = stream.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
            if not 2 <= length <= min(MAX_HEADER, size - 8):
                raise InputFileError("no safetensors header", where=where, mend=mend)
            raw = stream.read(length)
    except OSError as error:
        raise InputFileError(f"cannot be read: {error.strerror}", where=where, mend="check permissions") from error
    data = load_json(raw, where=where)
    if not isinstance(data, dict):
        raise InputFileError("the header is no mapping", where=where, mend=mend)
    room = size - 8 - length
    entries = [_entry(name, item, room, where) for name, item in data.items() if name != "__metadata__"]
    held = sum(entry.data_offsets[1] - entry.data_offsets[0] for entry in entries)
    if held > room:
        raise InputFileError("the tensors overlap: they sum up to more than the file", where=where, mend=mend)
    return entries


def _entry(name: str, item: Any, room: int, where: str) -> _Entry:
    told = printable(name)[:60]
    mend = "download the file again"
    try:
        entry = msgspec.convert(item, _Entry)
    except msgspec.ValidationError as error:
        raise InputFileError(f"{told}: {error}", where=where, mend=mend) from error
    bits = BITS.get(entry.dtype)
    if bits is None:
        raise InputFileError(f"{told}: unknown dtype {printable(entry.dtype)[:20]!r}", where=where, mend=mend)
    if len(entry.shape) > 16 or not all(0 <= length < MAX_SIZE for length in entry.shape):
        raise InputFileError(f"{told}: no shape of a tensor", where=where, mend=mend)
    begin, end = entry.data_offsets
    if not 0 <= begin <= end <= room or (end - begin) * 8 != prod(entry.shape) * bits:
        raise InputFileError(f"{told}: shape, dtype and offsets disagree", where=where, mend=mend)
    return entry
