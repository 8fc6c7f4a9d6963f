"""Hidden code: fatbins, cubins, code objects and zstd frames in data sections, and what only looks like them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import binary_writer as write
import pytest
from code_names import named, texts, weights

from parity.binaries import inflate, scan

if TYPE_CHECKING:
    from .conftest import Read

needs_zstd = pytest.mark.skipif(inflate.zstd_decoder() is None, reason="no zstd decoder here")
FILL = b"\x11" * 70_000


def hiding(*parts: bytes, section: str = ".data", **more: object) -> bytes:
    return write.elf({section: FILL + (b"\x11" * 13).join(parts) + FILL}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("section", [".data", ".rodata", ".lrodata", ".ldata", ".cask_resource"])
def test_fatbins_in_data_are_found(section: str, read: Read) -> None:
    library = read(hiding(write.fatbin(write.sass(100, "f")), write.fatbin(write.sass(90)), section=section))
    assert (named(library, "hidden"), named(library)) == ({"sm_100f": 1, "sm_90": 1}, {})
    assert library.problems == ()


def test_bare_cubins_and_code_objects_are_found_once(read: Read) -> None:
    inside = write.fatbin(write.entry(write.ELF, 80, size=len(write.padded(write.cubin(80)))))
    inside = inside[:80] + write.padded(write.cubin(80))  # a raw cubin inside a fatbin is that fatbin's
    library = read(hiding(write.cubin(90, suffix="a"), inside, write.amd_code(0x4F), write.cubin(100, new=True)))
    assert named(library, "hidden") == {"sm_90a": 1, "sm_80": 1, "gfx950": 1, "sm_100?": 1}


@needs_zstd
def test_zstd_frames_of_cubins_are_found_and_their_suffix_is_open(read: Read) -> None:
    frames = [
        write.zstd_frame(write.cubin(90)),
        write.zstd_frame(b"words" * 100),
        write.zstd_frame(write.cubin(120, new=True)),
    ]
    library = read(hiding(*frames))
    assert named(library, "hidden") == {"sm_90": 1, "sm_120?": 1}


def test_without_a_decoder_frames_are_told(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "zstd_decoder", lambda: None)
    library = read(hiding(write.zstd_frame(write.cubin(90))))
    assert weights(library) == {"unsearched"}
    assert "pip install zstandard" in texts(library)


def test_a_magic_number_in_data_is_no_fatbin(read: Read) -> None:
    decoys = [bytes.fromhex("50ed55ba01001000"), bytes.fromhex("50ed55ba01001000") + b"\xff" * 80]
    library = read(hiding(*decoys, write.fatbin(write.sass(90))))
    assert (named(library, "hidden"), library.problems) == ({"sm_90": 1}, ())


def test_an_elf_file_of_the_host_in_data_is_no_code(read: Read) -> None:
    assert named(read(hiding(write.elf({".text": bytes(100)}))), "hidden") == {}


def test_small_and_executable_sections_are_not_searched(read: Read) -> None:
    code = write.fatbin(write.sass(90))
    assert named(read(write.elf({".data": code})), "hidden") == {}
    assert named(read(write.elf({".text": FILL + code})), "hidden") == {}


def test_without_the_search_the_answer_says_so(read: Read) -> None:
    library = read(hiding(write.fatbin(write.sass(90))), scan=False)
    assert named(library, "hidden") == {}
    assert weights(library) == {"unsearched"}
    assert "(--no-scan)" in texts(library)


def test_a_file_without_section_headers_is_searched_whole(read: Read) -> None:
    library = read(write.elf({".nv_fatbin": write.fatbin(write.sass(90))}, stripped=True))
    assert named(library, "hidden") == {"sm_90": 1}
    bundles = read(write.elf({".hip_fatbin": write.bundle(["gfx942"], bytes(300))}, stripped=True))
    assert weights(bundles) == {"skipped"}


def test_a_hidden_fatbin_that_is_cut_is_damage(read: Read) -> None:
    region = bytearray(write.fatbin(write.sass(90)))
    struct.pack_into("<Q", region, 8, 2**40)
    library = read(hiding(bytes(region)))
    assert (named(library, "hidden"), weights(library)) == ({"sm_90": 1}, {"damaged"})


def test_too_many_frames_end_the_search(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_FRAMES", 3)
    library = read(hiding(*[b"\x28\xb5\x2f\xfd" + b"\xff" * 8] * 10))
    assert "more than 3 zstd frames" in texts(library)
