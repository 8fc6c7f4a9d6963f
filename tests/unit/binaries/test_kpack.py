"""Kpack markers: device code that lies outside the library is followed, or said to be elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import binary_writer as write
import pytest
from code_names import named, texts, weights

from parity.binaries.file import read_file

if TYPE_CHECKING:
    from pathlib import Path

    from parity.model.code_objects import Library

NAME = "lib/libthing.so"


def read(folder: Path, *paths: str, marker: bytes | None = None) -> Library:
    path = folder / "libthing.so"
    path.write_bytes(write.elf({".rocm_kpack_ref": marker if marker is not None else write.kpack_marker(NAME, paths)}))
    library = read_file(str(path))
    assert library is not None
    return library


def store(folder: Path, arch: str, *arches: str) -> None:
    (folder / ".kpack").mkdir(exist_ok=True)
    (folder / ".kpack" / f"thing_{arch}.kpack").write_bytes(
        write.kpack({NAME: dict.fromkeys(arches), "other": {"gfx900": 1}})
    )


def test_archives_are_followed_and_only_this_librarys_code_counts(tmp_path: Path) -> None:
    store(tmp_path, "gfx942", "gfx942")
    store(tmp_path, "gfx11", "gfx1100", "gfx1101")
    named_by_hand = read(tmp_path, ".kpack/thing_gfx942.kpack", ".kpack/thing_gfx11.kpack")
    assert (named(named_by_hand), named_by_hand.problems) == ({"gfx942": 1, "gfx1100": 1, "gfx1101": 1}, ())
    assert named(read(tmp_path, ".kpack/thing_@GFXARCH@.kpack")) == {"gfx942": 1, "gfx1100": 1, "gfx1101": 1}


@pytest.mark.parametrize(
    "paths", [(), (".kpack/missing.kpack",), ("../../../etc/passwd",), ("a\0b",), ("/etc/hostname",)]
)
def test_what_is_not_here_is_not_judged(paths: tuple[str, ...], tmp_path: Path) -> None:
    library = read(tmp_path, *paths)
    assert named(library) == {}
    assert weights(library) <= {"skipped", "damaged"}
    assert library.problems


@pytest.mark.parametrize("marker", [b"\xff" * 64, b"\x81\xa1k\xc0" + bytes(64), b"\xdf\xff\xff\xff\xff" + bytes(64)])
def test_a_marker_that_cannot_be_read_is_told(marker: bytes, tmp_path: Path) -> None:
    assert "the marker cannot be read" in texts(read(tmp_path, marker=marker))


@pytest.mark.parametrize("raw", [b"", b"KPAK", b"KPAK" + b"\xff" * 100, write.kpack({NAME: {"gfx942": 1}})[:-3]])
def test_a_broken_archive_is_told(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.kpack").write_bytes(raw)
    assert "a.kpack cannot be read" in texts(read(tmp_path, "a.kpack"))


def test_an_archive_by_itself(tmp_path: Path) -> None:
    (tmp_path / "a.kpack").write_bytes(write.kpack({NAME: {"gfx942": 1}, "other": {"gfx90a": 1, "not one": 1}}))
    library = read_file(str(tmp_path / "a.kpack"))
    assert library is not None
    assert [(group.section, [code.arch for code in group.codes]) for group in library.regions] == [
        (NAME, ["gfx942"]), ("other", ["gfx90a"]),
    ]  # fmt: skip
