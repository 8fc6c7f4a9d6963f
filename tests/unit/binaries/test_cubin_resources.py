"""What kernels of cubins need, against what ptxas and cuobjdump say; damaged and hostile ones are told, never raised."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.binaries.cubin_resources import cubin_kernels

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "resources"
SAID: dict[str, Any] = yaml.safe_load((FIXTURES / "resources.yaml").read_text(encoding="utf-8"))
RAW = (FIXTURES / "needs_90a.cubin").read_bytes()


@pytest.mark.parametrize("name", SAID["cubins"])
def test_the_needs_are_those_that_the_tools_tell(name: str) -> None:
    raw = (FIXTURES / name).read_bytes()
    kernels, problems = cubin_kernels(raw, 0, len(raw))
    told = {
        one.name: {"registers": one.registers, "shared": one.shared_memory_bytes, "stack": one.stack_bytes}
        for one in kernels
    }
    assert told == SAID["cubins"][name]
    assert problems == []
    assert {one.arch for one in kernels} == {name.removesuffix(".cubin").replace("needs", "sm")}


def test_bounds_of_blocks_and_clusters_are_read() -> None:
    found = {one.name: one for one in cubin_kernels(RAW, 0, len(RAW))[0]}
    assert (found["bounded"].threads_most, found["bounded"].threads_exact) == (512, None)
    assert (found["exact"].threads_exact, found["exact"].cluster_blocks) == (128, 4)
    assert (found["plain"].threads_most, found["plain"].threads_exact, found["plain"].cluster_blocks) == (None, None, 0)


def test_only_a_kernel_without_a_section_is_known_to_take_no_shared_memory_of_a_launch() -> None:
    # the source of the fixture declares such memory: then each of its kernels has the section
    assert not any(one.adds_no_shared_memory for one in cubin_kernels(RAW, 0, len(RAW))[0])
    without = RAW.replace(b".nv.shared.plain\0", b".nv.shard2.plain\0")
    assert {one.name for one in cubin_kernels(without, 0, len(without))[0] if one.adds_no_shared_memory} == {"plain"}


def test_the_reserved_kibibyte_is_not_the_kernels() -> None:
    # The section of sm_90 and later begins with it; the same kernel of sm_80 has none, and ptxas says 12352 of both.
    old = (FIXTURES / "needs_80.cubin").read_bytes()
    sizes = {
        next(one.shared_memory_bytes for one in cubin_kernels(raw, 0, len(raw))[0] if one.name == "bounded")
        for raw in (old, RAW)
    }
    assert sizes == {12352}


def test_what_is_no_cubin_has_no_kernels() -> None:
    assert cubin_kernels(b"\x7fELF" + bytes(200), 0, 204) == ([], ["no cubin, or one that names no architecture"])


def test_a_cubin_without_symbols_says_so() -> None:
    raw = bytearray(RAW)
    offset = struct.unpack_from("<Q", raw, 40)[0]
    count = struct.unpack_from("<H", raw, 60)[0]
    for number in range(count):
        if struct.unpack_from("<I", raw, offset + 64 * number + 4)[0] == 2:
            struct.pack_into("<I", raw, offset + 64 * number + 4, 1)
    assert cubin_kernels(bytes(raw), 0, len(raw)) == ([], ["no symbol table: the kernels cannot be told"])


@pytest.mark.parametrize("cut", [64, 500, 1600, 2600, 4000, 5000])
def test_a_cut_cubin_is_told(cut: int) -> None:
    _, problems = cubin_kernels(RAW[:cut], 0, cut)
    assert problems


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(RAW) - 1), st.integers(0, 255)), max_size=12))
def test_any_flipped_bytes_are_read_or_told(flips: list[tuple[int, int]]) -> None:
    raw = bytearray(RAW)
    for at, value in flips:
        raw[at] = value
    kernels, _ = cubin_kernels(bytes(raw), 0, len(raw))
    assert len(kernels) <= 100
