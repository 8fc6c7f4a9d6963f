"""ELF headers: sections by name, and every way a section table can lie."""

from __future__ import annotations

import struct

import binary_writer as write
import pytest

from parity.binaries import elf
from parity.binaries.elf import MACHINE_CUDA, read_elf

SECTIONS = {".text": bytes(100), ".nv_fatbin": b"\x01" * 64}
SHOFF, SHENTSIZE, SHNUM, SHSTRNDX = 0x28, 0x3A, 0x3C, 0x3E


def test_sections_have_their_name_and_bytes() -> None:
    raw = write.elf(SECTIONS)
    found = read_elf(raw, 0, len(raw))
    assert found is not None
    assert {section.name: raw[section.start : section.end] for section in found.sections if section.name[1:5] != "shst"} == {
        "": b"", **SECTIONS,
    }  # fmt: skip
    assert found.problems == ()


def test_machine_flags_and_abi_are_told() -> None:
    raw = write.cubin(90, suffix="a")
    found = read_elf(raw, 0, len(raw))
    assert found is not None
    assert (found.machine, found.flags, found.abi) == (MACHINE_CUDA, 90 | 0x800, (0x33, 7))


def test_a_file_inside_another_is_read_in_its_own_coordinates() -> None:
    raw = b"before.." + write.elf(SECTIONS) + b"after"
    found = read_elf(raw, 8, len(raw) - 5)
    assert found is not None
    assert b"\x01" * 64 in [raw[section.start : section.end] for section in found.sections]


@pytest.mark.parametrize(
    "raw", [b"", b"\x7fELF", bytes(64), b"\x7fELF\x01\x01" + bytes(64), b"\x7fELF\x02\x02" + bytes(64)]
)
def test_what_is_no_such_file_is_none(raw: bytes) -> None:
    assert read_elf(raw, 0, len(raw)) is None


@pytest.mark.parametrize(
    ("at", "form", "value", "words"),
    [
        (SHOFF, "<Q", 2**64 - 1, "beyond the file"),
        (SHOFF, "<Q", 2**63, "beyond the file"),
        (SHENTSIZE, "<H", 1, "entries of 1 bytes"),
        (SHNUM, "<H", 0xFFF0, "are announced"),
        (SHSTRNDX, "<H", 0xFFF0, "names are missing"),
    ],
)
def test_a_lying_table_is_told(at: int, form: str, value: int, words: str) -> None:
    raw = bytearray(write.elf(SECTIONS))
    struct.pack_into(form, raw, at, value)
    found = read_elf(bytes(raw), 0, len(raw))
    assert found is not None
    assert any(words in problem for problem in found.problems)


@pytest.mark.parametrize(("field", "value"), [(24, 2**64 - 8), (32, 2**64 - 1)])
def test_a_section_beyond_the_file_is_cut_and_told(field: int, value: int) -> None:
    raw = bytearray(write.elf(SECTIONS))
    (table,) = struct.unpack_from("<Q", raw, SHOFF)
    struct.pack_into("<Q", raw, table + 2 * 64 + field, value)
    found = read_elf(bytes(raw), 0, len(raw))
    assert found is not None
    assert all(0 <= section.start <= section.end <= len(raw) for section in found.sections)
    assert any("reaches beyond the file" in problem for problem in found.problems)


def test_more_sections_than_the_header_can_say_are_counted_in_the_first_one() -> None:
    raw = bytearray(write.elf(SECTIONS))
    (table,) = struct.unpack_from("<Q", raw, SHOFF)
    (count,) = struct.unpack_from("<H", raw, SHNUM)
    struct.pack_into("<Q", raw, table + 32, count)
    struct.pack_into("<I", raw, table + 40, count - 1)
    struct.pack_into("<HH", raw, SHNUM, 0, 0xFFFF)
    found = read_elf(bytes(raw), 0, len(raw))
    assert found is not None
    assert ".nv_fatbin" in [section.name for section in found.sections]


def test_without_section_headers_there_are_no_sections_and_no_problem() -> None:
    raw = write.elf(SECTIONS, stripped=True)
    found = read_elf(raw, 0, len(raw))
    assert found is not None
    assert (found.sections, found.problems) == ((), ())


def test_more_section_names_than_any_file_has_are_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write.elf({".nv_fatbin": b"x", ".data": b"y"})
    whole = elf.read_elf(raw, 0, len(raw))
    assert whole is not None
    assert whole.problems == ()
    monkeypatch.setattr(elf, "MAX_NAMES", 4)
    found = elf.read_elf(raw, 0, len(raw))
    assert found is not None
    assert [text.partition(" ")[2] for text in found.problems] == ["bytes of section names: not read to the end"]
