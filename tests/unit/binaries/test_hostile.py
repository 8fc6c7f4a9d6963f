"""Any bytes at all: an outcome per file, never an exception, never code that the intact file does not have."""

from __future__ import annotations

import struct
import time
from functools import cache
from typing import TYPE_CHECKING

import binary_writer as write
import pytest
from code_names import named
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.binaries.collect import Collector
from parity.binaries.contents import Reading

from .conftest import FIXTURES

if TYPE_CHECKING:
    from parity.model.code_objects import Library

FILL = bytes(range(256)) * 300


@cache
def originals() -> tuple[bytes, ...]:
    """Return one file of every kind."""
    region = write.fatbin(
        write.sass(80),
        write.sass(90, "a"),
        write.ptx(90),
        write.concatenated([(write.ELF, 100, 0x11)] * 3, extension=b"-O3"),
    )
    library = write.elf(
        {
            ".text": bytes(64),
            ".nv_fatbin": region * 2,
            "__nv_relfatbin": region,
            ".data": FILL
            + region
            + write.cubin(100, new=True, told="-arch sm_100f")
            + write.zstd_frame(write.cubin(90))
            + FILL,
        }
    )
    bundle = write.bundle(["gfx942:xnack-", "gfx90a"])
    hip = write.elf(
        {
            ".hip_fatbin": write.padded(bundle, 4096)
            + write.packed_bundle(bundle)
            + write.packed_bundle(bundle, method=0)
        }
    )
    return (
        library,
        hip,
        write.archive(
            [("a.o/", write.elf({"__nv_relfatbin": region}, kind=1)), ("b.a/", write.archive([("c.o/", hip)]))]
        ),
        write.cubin(100, new=True, compat=True, told="ptxas -arch sm_100f"),
        write.amd_code(0x5F, generic=1),
        (FIXTURES / "zstd.fatbin").read_bytes(),
        (FIXTURES / "concat.fatbin").read_bytes(),
        write.packed_bundle(bundle, version=2),
        b".version 8.0\n.target sm_90a\n" + b"// \n" * 20,
        write.elf({".rocm_kpack_ref": write.kpack_marker("lib.so", ["a.kpack", "b_@GFXARCH@.kpack"])}),
    )


SECONDS = 10  # of processor time, which no other process takes from us; twenty times what the longest takes


def read(raw: bytes) -> Library:
    into = Collector()
    start = time.process_time()
    Reading(raw, into, scan=True, path=None).read("file.ptx")
    assert time.process_time() - start < SECONDS
    return into.library("file", len(raw))


NUMBERS = st.sampled_from([0, 1, 7, 15, 16, 63, 64, 255, 2**16 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1])
EDIT = st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([1, 2, 4, 8]), NUMBERS)


@settings(max_examples=300, deadline=None)
@given(number=st.integers(0, 9), edits=st.lists(EDIT, max_size=6), cut=st.floats(0, 1))
def test_any_edit_and_cut_has_an_outcome(number: int, edits: list[tuple[float, int, int]], cut: float) -> None:
    raw = bytearray(originals()[number])
    for place, width, value in edits:
        at = int(place * (len(raw) - 8))
        raw[at : at + width] = (value % 2 ** (8 * width)).to_bytes(width, "little")
    library = read(bytes(raw[: int(len(raw) * (1 - cut) if cut > 0.5 else len(raw))]))
    assert all(group.count > 0 for group in library.regions)
    assert len(library.problems) <= 21


@settings(max_examples=150, deadline=None)
@given(number=st.integers(0, 9), place=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_a_flipped_bit_in_the_headers_has_an_outcome(number: int, place: float, bit: int) -> None:
    raw = bytearray(originals()[number])
    at = int(place * min(len(raw), 600))
    raw[at] ^= 1 << bit
    read(bytes(raw))


@settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=4000), magic=st.sampled_from([original[:24] for original in originals()]))
def test_a_right_beginning_of_any_bytes_has_an_outcome(raw: bytes, magic: bytes) -> None:
    read(magic + raw)


@pytest.mark.parametrize("share", [n / 40 for n in range(1, 40)])
@pytest.mark.parametrize("number", [0, 1, 2, 5, 6, 7])
def test_a_cut_file_never_has_more_code_and_never_passes_for_whole(number: int, share: float) -> None:
    whole = originals()[number]
    cut, intact = everywhere(read(whole[: int(len(whole) * share)])), everywhere(read(whole))
    assert all(count <= intact.get(name, 0) for name, count in cut.items())
    outcome = read(whole[: int(len(whole) * share)])
    assert outcome.has("damaged") or outcome.has("skipped")


def everywhere(library: Library) -> dict[str, int]:
    """Return architecture -> count in all places: a file that lost its section table tells no place."""
    counts: dict[str, int] = {}
    for place in ("main", "relocatable", "hidden"):
        for name, count in named(library, place).items():
            counts[name] = counts.get(name, 0) + count
    return counts


def test_offsets_of_two_to_the_sixty_four_end_at_once() -> None:
    raw = bytearray(originals()[0])
    for at in range(0x20, 0x40, 8):
        struct.pack_into("<Q", raw, at, 2**64 - 1)
    assert read(bytes(raw)).has("damaged")


@pytest.mark.parametrize(
    "raw",
    [
        write.elf({".nv_fatbin": write.fatbin() * 400_000}),
        write.elf({".hip_fatbin": (b"CCOB\x01\x00\x00\x00" + bytes(24)) * 100_000}),
        write.elf({".hip_fatbin": (b"CCOB\x03\x00\x00\x00\x20" + bytes(23)) * 100_000}),
        write.elf({".hip_fatbin": (b"__CLANG_OFFLOAD_BUNDLE__" + bytes(8)) * 100_000}),
        write.elf({".data": (b"\x50\xed\x55\xba\x01\x00\x10\x00" + bytes(8)) * 100_000}),
        write.elf({".data": (write.elf(machine=write.CUDA, flags=80, abi=write.OLD_ABI)) * 10_000}),
        write.elf({".data": b"\x28\xb5\x2f\xfd" * 400_000}),
    ],
    ids=["fatbins", "ccob-1", "ccob-3", "bundles", "hidden", "cubins", "frames"],
)
def test_millions_of_headers_end_in_seconds(raw: bytes) -> None:
    read(raw)
