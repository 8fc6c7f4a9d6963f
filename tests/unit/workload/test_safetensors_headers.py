"""Safetensors headers and indexes: real bytes without weights; broken and hostile ones are refused."""

from __future__ import annotations

import contextlib
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.errors import InputFileError, ParityError
from parity.workload.safetensors_headers import BITS, INDEX, read_header, stored_bytes

if TYPE_CHECKING:
    from pathlib import Path


def tensor_file(path: Path, tensors: dict[str, tuple[str, list[int]]], **extra: Any) -> Path:
    """Write a file whose data are a hole: its size is right, nothing is stored."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}, **extra}
    end = 0
    for name, (dtype, shape) in tensors.items():
        size = BITS[dtype]
        for length in shape:
            size *= length
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size // 8]}
        end += size // 8
    return raw_file(path, json.dumps(header).encode(), end)


def raw_file(path: Path, header: bytes, data: int = 0, length: int | None = None) -> Path:
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(header) if length is None else length) + header)
        stream.truncate(8 + len(header) + data)
    return path


def test_a_folder_is_summed_by_dtype(tmp_path: Path) -> None:
    tensor_file(tmp_path / "a.safetensors", {"w": ("BF16", [4096, 4096]), "s": ("F32", [7])})
    tensor_file(tmp_path / "b.safetensors", {"v": ("F8_E4M3", [10, 10]), "q": ("F4", [64]), "one": ("BOOL", [])})
    told = stored_bytes(tmp_path)
    assert told is not None
    assert told.by_dtype == {"BF16": 33554432, "F32": 28, "F8_E4M3": 100, "F4": 32, "BOOL": 1}
    assert told.total_bytes == 33554432 + 28 + 100 + 32 + 1
    assert told.elements == 4096 * 4096 + 7 + 100 + 64 + 1
    assert told.source == "headers of 2 files"


def test_a_whole_model_is_not_counted_twice(tmp_path: Path) -> None:
    for name in ("model", "consolidated", "adapter_model"):
        tensor_file(tmp_path / f"{name}.safetensors", {"w": ("BF16", [8])})
    told = stored_bytes(tmp_path)
    assert told is not None
    assert (told.total_bytes, told.source) == (16, "headers of 1 file")


def test_no_files_are_nothing(tmp_path: Path) -> None:
    assert stored_bytes(tmp_path) is None


def test_an_index_names_its_files_and_no_others(tmp_path: Path) -> None:
    tensor_file(tmp_path / "m-1.safetensors", {"a": ("BF16", [8])})
    tensor_file(tmp_path / "m-2.safetensors", {"b": ("BF16", [8])})
    tensor_file(tmp_path / "other.safetensors", {"c": ("BF16", [8])})
    index = {"metadata": {"total_size": 1}, "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}
    (tmp_path / INDEX).write_text(json.dumps(index))
    told = stored_bytes(tmp_path)
    assert told is not None
    assert (told.total_bytes, told.source) == (32, "headers of 2 files")


def test_an_index_alone_tells_its_total(tmp_path: Path) -> None:
    index = {"metadata": {"total_size": 16060522496.0}, "weight_map": {"a": "model-1.safetensors"}}
    (tmp_path / INDEX).write_text(json.dumps(index))
    told = stored_bytes(tmp_path)
    assert told is not None
    assert (told.total_bytes, told.elements, told.source) == (16060522496, None, "the index's total_size")


@pytest.mark.parametrize(
    ("index", "what"),
    [
        ([], "no weight_map of texts"),
        ({"weight_map": {"a": 3}}, "no weight_map of texts"),
        ({"weight_map": {"a": "../secret"}}, "is no plain file name"),
        ({"weight_map": {"a": "/etc/passwd"}}, "is no plain file name"),
        ({"weight_map": {"a": ".."}}, "is no plain file name"),
        ({"weight_map": {"a": "gone.safetensors"}}, "which is not there, and has no total_size"),
        ({"weight_map": {}, "metadata": {"total_size": True}}, "total_size is no size"),
        ({"weight_map": {}, "metadata": {"total_size": -5}}, "total_size is no size"),
        ({"weight_map": {}, "metadata": {"total_size": 2**70}}, "total_size is no size"),
        ({"weight_map": {}}, "names any file, which is not there"),
    ],
)
def test_a_broken_index_is_refused(tmp_path: Path, index: Any, what: str) -> None:
    (tmp_path / INDEX).write_text(json.dumps(index))
    with pytest.raises(InputFileError) as caught:
        stored_bytes(tmp_path)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"dtype": "BF16", "shape": [8], "data_offsets": [0, 17]}, "shape, dtype and offsets disagree"),
        ({"dtype": "BF16", "shape": [2**40, 2**40], "data_offsets": [0, 16]}, "shape, dtype and offsets disagree"),
        ({"dtype": "BF16", "shape": [-8], "data_offsets": [0, 16]}, "no shape of a tensor"),
        ({"dtype": "BF16", "shape": [1] * 99, "data_offsets": [0, 2]}, "no shape of a tensor"),
        ({"dtype": "BF16", "shape": [8], "data_offsets": [16, 0]}, "shape, dtype and offsets disagree"),
        ({"dtype": "BF16", "shape": [8], "data_offsets": [10**9, 10**9 + 16]}, "shape, dtype and offsets disagree"),
        ({"dtype": "WORD", "shape": [8], "data_offsets": [0, 16]}, "unknown dtype 'WORD'"),
        ({"dtype": "BF16", "shape": "8", "data_offsets": [0, 16]}, "Expected `array`"),
        ([], "Expected `object`"),
        (None, "Expected `object`"),
    ],
)
def test_a_broken_header_is_refused(tmp_path: Path, entry: Any, what: str) -> None:
    path = raw_file(tmp_path / "m.safetensors", json.dumps({"w": entry}).encode(), 16)
    with pytest.raises(InputFileError) as caught:
        read_header(path)
    assert what in str(caught.value)


def test_tensors_that_share_bytes_are_refused(tmp_path: Path) -> None:
    entry = {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]}
    path = raw_file(tmp_path / "m.safetensors", json.dumps({"a": entry, "b": entry}).encode(), 16)
    with pytest.raises(InputFileError, match="the tensors overlap"):
        read_header(path)


@pytest.mark.parametrize("length", [0, 1, 10**6, 2**63, 2**64 - 1])
def test_a_length_that_cannot_be_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(InputFileError, match="no safetensors header"):
        read_header(raw_file(tmp_path / "m.safetensors", b'{"a": 1}', length=length))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("files") / "m.safetensors"
    for header in (raw, struct.pack("<Q", max(0, len(raw) - 8)) + raw):
        path.write_bytes(header)
        with contextlib.suppress(ParityError):
            assert read_header(path) is not None


def test_some_of_the_files_that_their_names_count_are_refused(tmp_path: Path) -> None:
    for number in (1, 3):
        tensor_file(tmp_path / f"model-{number:05}-of-00003.safetensors", {"w": ("BF16", [8])})
    with pytest.raises(InputFileError, match="2 of the 3 files model-"):
        stored_bytes(tmp_path)
    tensor_file(tmp_path / "model-00002-of-00003.safetensors", {"v": ("BF16", [8])})
    told = stored_bytes(tmp_path)
    assert told is not None
    assert told.source == "headers of 3 files"
