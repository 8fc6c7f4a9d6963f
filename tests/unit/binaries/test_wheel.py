"""Wheels: members read in place, bombs refused, broken archives told."""

from __future__ import annotations

import struct
import tempfile
import zipfile
from typing import TYPE_CHECKING

import binary_writer as write
import pytest
from code_names import named, texts, weights

from parity.binaries import wheel
from parity.binaries.inventory import Stocktaking
from parity.binaries.wheel import BrokenZipError, distribution, read_wheel

if TYPE_CHECKING:
    from pathlib import Path

NAME = "fast_kernels-1.2+cu128-cp311-cp311-linux_x86_64.whl"
LIBRARY = write.elf({".nv_fatbin": write.fatbin(write.sass(90, "a"))})


def packed(folder: Path, members: dict[str, bytes], *, name: str = NAME, method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", method) as archive:
        for inner, raw in members.items():
            archive.writestr(inner, raw)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_members_are_read_in_place(method: int, tmp_path: Path) -> None:
    path = packed(
        tmp_path, {"fast/_C.so": LIBRARY, "fast/__init__.py": b"x" * 100, "fast/readme": b"x" * 99}, method=method
    )
    found = list(read_wheel(str(path)))
    assert [(member.library.path, named(member.library), member.loose) for member in found] == [
        (f"{path}/fast/_C.so", {"sm_90a": 1}, False)
    ]
    assert sorted(tmp_path.iterdir()) == [path], "nothing was unpacked beside it"


def test_large_members_go_through_a_nameless_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "IN_MEMORY_BYTES", 100)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    (member,) = read_wheel(str(packed(tmp_path, {"fast/_C.so": LIBRARY})))
    assert (named(member.library), list(scratch.iterdir())) == ({"sm_90a": 1}, [])


def test_the_package_is_told_by_the_file_name(tmp_path: Path) -> None:
    stock = Stocktaking()
    stock.add_path(str(packed(tmp_path, {"fast/_C.so": LIBRARY})))
    (library,) = stock.inventory().libraries
    assert (library.package, library.version) == ("fast_kernels", "1.2+cu128")
    assert distribution("some.zip") == ("", "")


def test_loose_code_objects_of_a_wheel_are_one_library(tmp_path: Path) -> None:
    stock = Stocktaking()
    stock.add_path(str(packed(tmp_path, {f"fast/k{n}.cubin": write.cubin(90, suffix="a") for n in range(3)})))
    (library,) = stock.inventory().libraries
    assert (library.files, named(library)) == (3, {"sm_90a": 3})


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path, {"fast/_C.so": LIBRARY + bytes(50_000_000)})
    (member,) = read_wheel(str(path))
    assert weights(member.library) == {"damaged"}
    assert "not read" in texts(member.library)


def test_padding_is_no_bomb_until_there_is_too_much_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"fast/_{letter}.so": LIBRARY + bytes(2_000_000) for letter in "abc"}
    path = packed(tmp_path, files)
    assert [named(member.library) for member in read_wheel(str(path))] == 3 * [{"sm_90a": 1}]
    monkeypatch.setattr(wheel, "MAX_SWOLLEN_BYTES", 5_000_000)
    assert [weights(member.library) for member in read_wheel(str(path))] == [set(), set(), {"damaged"}]


def test_a_member_larger_than_it_says_is_not_followed(tmp_path: Path) -> None:
    path = packed(tmp_path, {"fast/_C.so": LIBRARY + bytes(1000)})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    struct.pack_into("<I", raw, at + 24, 1000)
    path.write_bytes(raw)
    (member,) = read_wheel(str(path))
    assert weights(member.library) == {"damaged"}


@pytest.mark.parametrize("raw", [b"PK\x03\x04" + b"\xff" * 500, b"PK\x03\x04"])
def test_a_broken_archive_is_told(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(raw + bytes(60))
    with pytest.raises(BrokenZipError):
        list(read_wheel(str(path)))
    stock = Stocktaking()
    stock.add_path(str(path))
    (library,) = stock.inventory().libraries
    assert weights(library) == {"damaged"}
    assert library.package == "fast_kernels"


def test_a_damaged_member_costs_itself(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.so": LIBRARY, "b.so": LIBRARY})
    raw = bytearray(path.read_bytes())
    at = raw.index(b"a.so") + 40
    raw[at : at + 8] = bytes(8)
    path.write_bytes(raw)
    first, second = read_wheel(str(path))
    assert weights(first.library) == {"damaged"}
    assert named(second.library) == {"sm_90a": 1}
