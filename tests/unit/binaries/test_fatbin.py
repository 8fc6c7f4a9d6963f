"""CUDA fatbins: every kind of entry by its header, both layouts, stubs, and what happens when sizes lie."""

from __future__ import annotations

import struct
from typing import Any

import binary_writer as write
import pytest
from code_names import named, texts, weights

from parity.model.code_objects import Code

from .conftest import FIXTURES, Read


def host(*regions: bytes, section: str = ".nv_fatbin") -> bytes:
    return write.elf({".text": bytes(64), section: b"".join(regions)})


@pytest.mark.parametrize(
    ("entry", "arch"),
    [
        (write.sass(80), "sm_80"),
        (write.sass(90, "a"), "sm_90a"),
        (write.sass(100, "f"), "sm_100f"),
        (write.sass(121, "a"), "sm_121a"),
        (write.sass(999), "sm_999"),
        (write.ptx(80), "compute_80"),
        (write.ptx(90, "a"), "compute_90a"),
        (write.ptx(120, "f"), "compute_120f"),
        (write.entry(write.LTO, 75), "lto_75"),
        (write.entry(write.LTO, 100, flags=0x11 | write.SUFFIX_F), "lto_100f"),
        (write.entry(write.TILE, 100), "tile-ir_100"),
        (write.entry(0x40, 90), "kind64_90"),
        (write.sass(100, "a", size=5000), "sm_100a"),
    ],
)
def test_an_entry_is_named_by_its_header(entry: bytes, arch: str, read: Read) -> None:
    assert named(read(host(write.fatbin(entry)))) == {arch: 1}


@pytest.mark.parametrize(
    ("flags", "compression"), [(0x11, "none"), (0x11 | write.LZ4, "lz4"), (0x11 | write.ZSTD, "zstd")]
)
def test_the_compression_is_told_by_the_flags(flags: int, compression: str, read: Read) -> None:
    library = read(host(write.fatbin(write.entry(write.ELF, 90, flags=flags))))
    assert [tally.code.compression for tally in library.tallies] == [compression]


def test_stored_bytes_are_the_compressed_size_not_the_padded_one(read: Read) -> None:
    packed_ptx = write.entry(write.PTX, 90, flags=0x11 | write.LZ4, stored=59)
    region = write.fatbin(write.sass(90, stored=61), write.entry(write.ELF, 80, size=5000), packed_ptx)
    library = read(host(region, region))
    stored = {tally.code.arch: tally.size_bytes for tally in library.tallies}
    assert stored == {"sm_90": 2 * 61, "sm_80": 2 * 5000, "compute_90": 2 * 59}


def test_ptx_tells_its_language_version(read: Read) -> None:
    library = read(host(write.fatbin(write.ptx(90, isa=(8, 7)))))
    assert library.tallies[0].code == Code(kind="ptx", arch="compute_90", isa="8.7", compression="lz4")


def test_regions_are_counted_by_their_content(read: Read) -> None:
    a, b = write.fatbin(write.sass(80), write.ptx(80)), write.fatbin(write.sass(90, "a"))
    library = read(host(a, b, bytes(32), a))
    assert [(group.count, [code.arch for code in group.codes]) for group in library.regions] == [
        (2, ["compute_80", "sm_80"]),
        (1, ["sm_90a"]),
    ]
    assert library.problems == ()


def test_padding_between_regions_is_no_problem_and_hides_nothing(read: Read) -> None:
    a = write.fatbin(write.sass(80))
    library = read(host(a, bytes(4096), a, bytes(7)))
    assert (named(library), library.problems) == ({"sm_80": 2}, ())


def test_the_relocatable_section_is_kept_apart(read: Read) -> None:
    raw = write.elf({".nv_fatbin": write.fatbin(write.sass(90)), "__nv_relfatbin": write.fatbin(write.ptx(90))})
    library = read(raw)
    assert (named(library), named(library, "relocatable")) == ({"sm_90": 1}, {"compute_90": 1})


@pytest.mark.parametrize("extension", [None, b"", b"-O3", b"1234567", b"12345678", b"x" * 44])
def test_concatenated_entries_are_listed_from_their_table(extension: bytes | None, read: Read) -> None:
    rows = [(write.ELF, 100, 0x11), (write.ELF, 100, 0x11 | write.SUFFIX_A), (write.PTX, 120, 0x11 | write.SUFFIX_F)]
    library = read(host(write.fatbin(write.sass(80), write.concatenated(rows, extension=extension))))
    assert named(library) == {"sm_80": 1, "sm_100": 1, "sm_100a": 1, "compute_120f": 1}
    assert {tally.code.compression for tally in library.tallies if tally.code.arch == "sm_100a"} == {"zstd"}
    assert library.problems == ()


@pytest.mark.parametrize(("at", "value"), [(0x40, 9), (0x44, 50_000), (0x48 + 2, 7)])
def test_a_table_that_does_not_add_up_is_damage(at: int, value: int, read: Read) -> None:
    entry = bytearray(write.concatenated([(write.ELF, 100, 0x11)] * 3))
    struct.pack_into("<H", entry, at, value)
    library = read(host(write.fatbin(bytes(entry))))
    assert weights(library) == {"damaged"}
    assert "does not add up" in texts(library)


@pytest.mark.parametrize(
    ("entry", "stub"),
    [
        (write.sass(52, size=1592), True),
        (write.sass(75, size=2344), False),
        (write.sass(90, size=1592), True),
        (write.sass(90, size=2856), False),
        (write.sass(100, size=2228), True),
        (write.sass(100, size=4976), False),
        (write.entry(write.ELF, 52, size=1000), True),
    ],
)
def test_a_cubin_without_kernels_is_a_stub(entry: bytes, stub: bool, read: Read) -> None:
    assert [tally.code.stub for tally in read(host(write.fatbin(entry))).tallies] == [stub]


def test_small_ptx_is_a_stub_only_beside_nothing_but_stubs(read: Read) -> None:
    small = write.ptx(90, size=248)
    assert named(read(host(write.fatbin(write.sass(90, size=1000), small)))) == {"sm_90!": 1, "compute_90!": 1}
    assert named(read(host(write.fatbin(write.sass(90), small)))) == {"sm_90": 1, "compute_90": 1}
    assert named(read(host(write.fatbin(small)))) == {"compute_90": 1}


def test_a_size_beyond_the_section_is_cut_and_told(read: Read) -> None:
    region = bytearray(write.fatbin(write.sass(80), write.sass(90)))
    struct.pack_into("<Q", region, 8, 2**64 - 1)
    library = read(host(bytes(region)))
    assert (named(library), weights(library)) == ({"sm_80": 1, "sm_90": 1}, {"damaged"})
    assert "longer than its section" in texts(library)


@pytest.mark.parametrize(
    ("offset", "form", "value", "words"),
    [
        (4, "<I", 0, "header size 0"),
        (4, "<I", 63, "header size 63"),
        (2, "<H", 0x0102, "version 0x0102"),
        (8, "<Q", 2**63, "too far"),
        (4, "<I", 2**32 - 1, "too far"),
    ],
)
def test_an_entry_that_cannot_be_one_ends_its_region_and_is_told(
    offset: int, form: str, value: int, words: str, read: Read
) -> None:
    first = write.sass(80)
    region = bytearray(write.fatbin(first, write.sass(90)))
    struct.pack_into(form, region, 16 + len(first) + offset, value)
    library = read(host(bytes(region), write.fatbin(write.sass(75))))
    assert named(library) == {"sm_80": 1, "sm_75": 1}, "what lies before and after is read"
    assert weights(library) == {"damaged"}
    assert words in texts(library)


def test_garbage_between_regions_is_told_and_skipped(read: Read) -> None:
    a = write.fatbin(write.sass(80))
    library = read(host(a, b"garbage!" * 4, a))
    assert (named(library), weights(library)) == ({"sm_80": 2}, {"damaged"})


def test_a_fatbin_of_the_older_layout_is_not_read_in_silence(read: Read) -> None:
    library = read(host(struct.pack("<I", 0x1EE55A01) + bytes(60)))
    assert "older layout" in texts(library)
    assert weights(library) == {"damaged"}


def test_an_entry_for_no_architecture_is_no_code_for_any(read: Read) -> None:
    assert named(read(host(write.fatbin(write.sass(3))))) == {"sm of no architecture": 1}


REAL = {
    "sm_80": 1,
    "sm_90a": 1,
    "sm_100": 1,
    "sm_100a": 1,
    "sm_100f": 1,
    "sm_120": 1,
    "compute_90a": 1,
    "compute_100": 1,
}


@pytest.mark.parametrize(
    ("name", "compressions"),
    [("zstd", {"zstd"}), ("balance", {"zstd"}), ("lz4", {"lz4"}), ("raw", {"none"}), ("concat", {"zstd"})],
)
def test_what_nvidias_fatbinary_wrote_is_read(name: str, compressions: set[str], read: Read) -> None:
    library = read((FIXTURES / f"{name}.fatbin").read_bytes(), name=f"{name}.fatbin")
    assert (named(library), library.problems) == (REAL, ())
    assert {tally.code.compression for tally in library.tallies} == compressions
    assert {tally.code.isa for tally in library.tallies if tally.code.kind == "ptx"} == {"9.0"}


def test_real_translation_units_without_kernels_are_stubs(read: Read) -> None:
    library = read((FIXTURES / "stub.fatbin").read_bytes(), name="stub.fatbin")
    assert named(library) == {"sm_90!": 1, "sm_100!": 1, "compute_100!": 1}


def test_the_fixtures_say_where_they_come_from() -> None:
    import yaml

    told: Any = yaml.safe_load((FIXTURES / "provenance.yaml").read_text(encoding="utf-8"))
    assert told["synthetic"] is False
    commands = {command.partition(":")[0] for command in told["commands"]}
    kept = {path.name for path in FIXTURES.iterdir()} - {"build.py", "provenance.yaml", "__pycache__"}
    assert commands == kept
    assert sum(path.stat().st_size for path in FIXTURES.iterdir() if path.is_file()) < 400_000
