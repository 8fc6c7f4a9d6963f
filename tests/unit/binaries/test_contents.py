"""What a file is, by its content: overlapping sections, foreign formats, cut files, excess."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import binary_writer as write
import pytest
from code_names import named, texts, weights

from parity.binaries import collect
from parity.binaries.contents import is_loose, is_of_interest
from parity.binaries.file import read_file

from .conftest import FIXTURES, Read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("raw", "name", "interesting", "loose"),
    [
        (write.elf({".text": b"x"}), "lib.so", True, False),
        (write.cubin(90), "data.bin", True, True),
        (write.amd_code(), "kernels.dat", True, True),
        (write.fatbin(write.sass(90)), "x", True, True),
        (write.bundle(["gfx942"]), "x", True, True),
        (write.packed_bundle(b"x"), "x", True, True),
        (write.archive([]), "lib.a", True, False),
        (b"text" * 30, "kernel.ptx", True, True),
        (b"text" * 30, "notes", False, False),
        (b"CCOB" + b"\xff" * 90, "notes", False, True),
    ],
)
def test_content_decides(raw: bytes, name: str, interesting: bool, loose: bool) -> None:
    assert is_of_interest(raw[:4096], name) is interesting
    if interesting:
        assert is_loose(raw[:4096], name) is loose


def test_a_plain_library_holds_nothing_and_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(write.elf({".text": bytes(5000), ".data": bytes(90_000)}))
    assert read_file(str(path)) is None


def test_overlapping_sections_are_read_once_and_told(read: Read) -> None:
    region = write.fatbin(write.sass(90))
    raw = bytearray(write.elf([(".nv_fatbin", region), ("__nv_relfatbin", bytes(len(region)))]))
    (table,) = struct.unpack_from("<Q", raw, 0x28)
    (first,) = struct.unpack_from("<Q", raw, table + 64 + 24)
    struct.pack_into("<Q", raw, table + 128 + 24, first)
    library = read(bytes(raw))
    assert named(library) | named(library, "relocatable") == {"sm_90": 1}
    assert "overlaps" in texts(library)
    assert weights(library) == {"damaged"}


def test_ten_thousand_sections_over_the_same_bytes_take_no_time(read: Read) -> None:
    region = write.fatbin(*[write.sass(90)] * 200)
    raw = bytearray(write.elf([(".nv_fatbin", region), *[(".nv_fatbin", b"")] * 10_000]))
    (table,) = struct.unpack_from("<Q", raw, 0x28)
    where = raw[table + 64 + 24 : table + 64 + 40]
    for number in range(2, 10_002):
        raw[table + 64 * number + 24 : table + 64 * number + 40] = where
    assert named(read(bytes(raw))) == {"sm_90": 200}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\x7fELF\x01\x01\x01" + bytes(100) + b".nv_fatbin" + bytes(100), "32-bit"),
        (b"MZ" + bytes(200) + b".nv_fatb" + bytes(200), "Windows"),
    ],
)
def test_formats_that_are_not_read_say_so(raw: bytes, words: str, read: Read) -> None:
    library = read(raw)
    assert words in texts(library)
    assert weights(library) == {"skipped"}


def test_llvms_container_is_told(read: Read) -> None:
    library = read(write.elf({".llvm.offloading": bytes(100)}))
    assert weights(library) == {"skipped"}


def test_a_file_of_nothing_but_headers_ends(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MAX_STEPS", 100)
    library = read(write.elf({".nv_fatbin": write.fatbin() * 10_000}))
    assert "than any library has" in texts(library)
    assert weights(library) == {"damaged"}


def test_a_file_of_nothing_but_different_regions_ends(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MAX_GROUPS", 50)
    library = read(write.elf({".nv_fatbin": b"".join(write.fatbin(write.sass(10 + n)) for n in range(200))}))
    assert "than any library has" in texts(library)
    assert weights(library) == {"damaged"}


def test_a_ptx_file_that_is_none_is_told(read: Read) -> None:
    assert named(read((".version 8.0\n.target sm_90a\n" + "//\n" * 30).encode(), name="k.ptx")) == {"compute_90a": 1}
    assert weights(read(b"something else" * 10, name="k.ptx")) == {"damaged"}


def test_a_code_object_that_names_no_architecture_is_told(read: Read) -> None:
    assert weights(read(write.cubin(0), name="k.cubin")) == {"damaged"}


def test_a_real_fatbin_inside_a_library(read: Read) -> None:
    library = read(write.elf({".nv_fatbin": (FIXTURES / "zstd.fatbin").read_bytes()}))
    assert named(library)["sm_100f"] == 1


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    missing = read_file(str(tmp_path / "missing.so"))
    assert missing is not None
    assert texts(missing) == "cannot be opened: No such file or directory"
    assert read_file(str(tmp_path)) is None


def test_a_sparse_file_of_any_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parity.binaries import file

    monkeypatch.setattr(file, "MAX_BYTES", 10_000)
    path = tmp_path / "lib.so"
    path.write_bytes(write.elf({".nv_fatbin": write.fatbin(write.sass(90))}))
    with path.open("r+b") as stream:
        stream.truncate(20_000)
    library = read_file(str(path))
    assert library is not None
    assert weights(library) == {"damaged"}


WHOLE = write.fatbin(write.sass(90))
PLAIN = write.bundle(["gfx942"])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (WHOLE[:4] + b"\x09\x00" + WHOLE[6:], "version 9"),
        (WHOLE[:8], "cut inside the header of a fatbin"),
        (b"\x01\x5a\xe5\x1e" + bytes(90), "a fatbin of an older layout"),
        (PLAIN[:60], "bundle at byte 0: a target id of"),
        (b"CCOB\x09\x00\x01\x00" + bytes(90), "has version 9, method 1"),
        (write.elf({".nv_fatbin": bytes(4096)}), ".nv_fatbin: 4096 bytes, and no device code in them"),
        (write.elf({".hip_fatbin": bytes(4096)}), ".hip_fatbin: 4096 bytes, and no device code in them"),
    ],
)
def test_what_says_it_is_device_code_and_cannot_be_read_is_never_left_out(raw: bytes, words: str, read: Read) -> None:
    library = read(raw, name="k.co")
    assert words in texts(library)
    assert weights(library) == {"damaged"}


def test_a_section_whose_code_was_moved_into_an_archive_may_be_empty(read: Read) -> None:
    marker = write.kpack_marker("lib.so", ["gone.kpack"])
    library = read(write.elf({".hip_fatbin": bytes(4096), ".rocm_kpack_ref": marker}))
    assert "no device code in them" not in texts(library)
