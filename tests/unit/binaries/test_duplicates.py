"""Files of the same content: compared whole, never by a digest; what differs in one byte is another file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parity.binaries import duplicates
from parity.binaries.duplicates import MAX_RIVALS, MIN_BYTES, Contents, same_content

SIZE = 3 * 1024 * 1024 + 5
DATA = bytes(range(256)) * (SIZE // 256) + bytes(SIZE % 256)


def put(folder: Path, name: str, raw: bytes) -> str:
    (folder / name).write_bytes(raw)
    return str(folder / name)


def test_a_copy_is_known_by_the_first_name(tmp_path: Path) -> None:
    one, two = put(tmp_path, "one", DATA), put(tmp_path, "two", DATA)
    contents = Contents()
    assert contents.first_with(one, "first", SIZE, DATA[:4096]) == "first"
    assert contents.first_with(two, "second", SIZE, DATA[:4096]) == "first"


@pytest.mark.parametrize("at", [0, 4095, 4096, 5000, 1024 * 1024 - 1, 1024 * 1024, 2 * 1024 * 1024 + 77, SIZE - 1])
def test_one_byte_makes_another_file(at: int, tmp_path: Path) -> None:
    other = bytearray(DATA)
    other[at] ^= 1
    one, two = put(tmp_path, "one", DATA), put(tmp_path, "two", bytes(other))
    assert not same_content(one, two, SIZE)
    contents = Contents()
    contents.first_with(one, "one", SIZE, DATA[:4096])
    assert contents.first_with(two, "two", SIZE, bytes(other[:4096])) == "two"


def test_a_file_that_grew_or_shrank_is_another(tmp_path: Path) -> None:
    one, two = put(tmp_path, "one", DATA), put(tmp_path, "two", DATA + b"x")
    assert not same_content(one, two, SIZE)
    assert not same_content(one, put(tmp_path, "three", DATA[:-1]), SIZE)
    assert not same_content(one, str(tmp_path / "none"), SIZE)


def test_what_differs_early_is_not_read_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = bytearray(DATA)
    other[SIZE // 2 // 4096 * 4096 :] = bytes(SIZE - SIZE // 2 // 4096 * 4096)
    one, two = put(tmp_path, "one", DATA), put(tmp_path, "two", bytes(other))
    read = 0
    real = duplicates._alike

    def counted(files: Any, buffers: Any, at: int, count: int) -> bool:
        nonlocal read
        read += count
        return real(files, buffers, at, count)

    monkeypatch.setattr(duplicates, "_alike", counted)
    assert not same_content(one, two, SIZE)
    assert 0 < read <= 17 * 4096


def test_small_files_and_many_of_one_size_are_not_compared(tmp_path: Path) -> None:
    one, two = put(tmp_path, "one", b"x" * (MIN_BYTES - 1)), put(tmp_path, "two", b"x" * (MIN_BYTES - 1))
    contents = Contents()
    assert contents.first_with(one, "one", MIN_BYTES - 1, b"x") == "one"
    assert contents.first_with(two, "two", MIN_BYTES - 1, b"x") == "two"
    for number in range(MAX_RIVALS + 3):
        raw = number.to_bytes(4, "little") * (MIN_BYTES // 4)
        contents.first_with(put(tmp_path, f"n{number}", raw), f"n{number}", MIN_BYTES, raw[:4096])
    raw = (MAX_RIVALS + 1).to_bytes(4, "little") * (MIN_BYTES // 4)
    assert contents.first_with(put(tmp_path, "again", raw), "again", MIN_BYTES, raw[:4096]) == "again"


def test_after_gigabytes_of_copies_the_rest_is_read_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MAX_COMPARED_BYTES", SIZE + 10)
    contents = Contents()
    assert [
        contents.first_with(put(tmp_path, name, DATA), name, SIZE, DATA[:4096]) for name in ("one", "two", "three")
    ] == ["one", "one", "three"]


def test_a_file_that_shrinks_meanwhile_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = put(tmp_path, "one", DATA), put(tmp_path, "two", DATA)
    real = duplicates._alike

    def cut(files: Any, buffers: Any, at: int, count: int) -> bool:
        if count > 4096:
            for path in (one, two):
                with Path(path).open("rb+") as stream:
                    stream.truncate(SIZE // 2)
        return real(files, buffers, at, count)

    monkeypatch.setattr(duplicates, "_alike", cut)
    assert not same_content(one, two, SIZE)
