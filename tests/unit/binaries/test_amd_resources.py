"""What kernels of AMD code objects need, from their metadata; damaged and hostile metadata are told, never raised."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.binaries.amd_resources import amd_kernels

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "resources"
RAW = (FIXTURES / "needs_gfx942.hsaco").read_bytes()


def test_the_needs_are_read() -> None:
    kernels, problems = amd_kernels(RAW, 0, len(RAW))
    assert problems == []
    heavy = next(one for one in kernels if one.name == "heavy")
    assert (heavy.arch, heavy.registers, heavy.shared_memory_bytes, heavy.threads_most) == ("gfx942", 128, 4000, 256)
    assert (heavy.wavefront, heavy.stack_bytes, heavy.spilled_registers) == (64, 0, 0)


def test_vector_and_accumulation_registers_share_a_file_from_gfx90a_on() -> None:
    accum = next(one for one in amd_kernels(RAW, 0, len(RAW))[0] if one.name == "accum")
    assert (accum.registers, accum.accumulation_registers) == (164, 64)
    old = (FIXTURES / "needs_gfx908.hsaco").read_bytes()
    accum = next(one for one in amd_kernels(old, 0, len(old))[0] if one.name == "accum")
    assert (accum.registers, accum.accumulation_registers) == (100, 64)


def test_workgroup_processors_are_told() -> None:
    raw = (FIXTURES / "needs_gfx1100.hsaco").read_bytes()
    kernels, _ = amd_kernels(raw, 0, len(raw))
    assert {(one.wavefront, one.whole_workgroup_processor) for one in kernels} == {(32, True)}


def test_what_is_no_code_object_has_no_kernels() -> None:
    assert amd_kernels(bytes(300), 0, 300) == ([], ["no AMD code object"])


@pytest.mark.parametrize(
    ("metadata", "what"),
    [
        (b"\xc1", "the metadata note is no MessagePack"),
        (msgspec.msgpack.encode([1]), "the metadata note lists no kernels"),
        (msgspec.msgpack.encode({"amdhsa.kernels": "x"}), "the metadata note lists no kernels"),
        (b"\x91" * 5000, "the metadata note is no MessagePack"),
    ],
)
def test_odd_metadata_are_told(metadata: bytes, what: str) -> None:
    kernels, problems = amd_kernels(with_metadata(metadata), 0, len(RAW))
    assert kernels == []
    assert problems[0].startswith(what)


def test_odd_counts_are_unknown_and_told() -> None:
    odd = {".name": 7, ".vgpr_count": -1, ".sgpr_count": "many", ".reqd_workgroup_size": [0, 1, 1]}
    kernels, problems = amd_kernels(with_metadata(msgspec.msgpack.encode({"amdhsa.kernels": [odd, 3]})), 0, len(RAW))
    assert [(one.name, one.registers, one.scalar_registers, one.threads_exact) for one in kernels] == [
        ("(unnamed)", None, None, None)
    ]
    assert problems == [".vgpr_count is no count", ".sgpr_count is no count"]


def with_metadata(metadata: bytes) -> bytes:
    """Return the code object with other metadata, cut to the room there is and filled up with zeros."""
    at = RAW.index(b"AMDGPU\0")
    size = int.from_bytes(RAW[at - 8 : at - 4], "little")
    body = metadata[:size]
    raw = bytearray(RAW)
    raw[at - 8 : at - 4] = len(body).to_bytes(4, "little")
    raw[at + 8 : at + 8 + size] = body.ljust(size, b"\0")
    return bytes(raw)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(RAW) - 1), st.integers(0, 255)), max_size=12))
def test_any_flipped_bytes_are_read_or_told(flips: list[tuple[int, int]]) -> None:
    raw = bytearray(RAW)
    for at, value in flips:
        raw[at] = value
    kernels, _ = amd_kernels(bytes(raw), 0, len(raw))
    assert len(kernels) <= 100
