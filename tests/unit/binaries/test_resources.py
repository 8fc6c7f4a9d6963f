"""Kernels of any file: cubins, fatbins of each compression, code objects, bundles, libraries; nothing else."""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.binaries.inflate import zstd_decoder
from parity.binaries.resources import kernels_of
from parity.binaries.triton_launch import TritonLaunch, triton_launch
from parity.errors import InputFileError

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "binaries"
ARCHES = ["sm_80", "sm_90a", "sm_100", "sm_100a", "sm_100f", "sm_120"]


@pytest.mark.parametrize("name", ["raw", "lz4", "zstd", "balance"])
def test_fatbins_of_each_compression(name: str) -> None:
    if name in ("zstd", "balance") and zstd_decoder() is None:
        pytest.skip("no zstd decoder here")
    found = kernels_of(FIXTURES / f"{name}.fatbin")
    assert [(one.arch, one.name, one.registers) for one in found.kernels] == [(arch, "k", 8) for arch in ARCHES]
    assert found.problems == ()


def test_a_concatenated_entry_is_told() -> None:
    found = kernels_of(FIXTURES / "concat.fatbin")
    assert found.kernels == ()
    assert "concatenated entry" in found.problems[0]


def bundle(*codes: tuple[str, bytes]) -> bytes:
    table, at = b"", 4096
    for target, raw in codes:
        table += struct.pack("<QQQ", at, len(raw), len(target)) + target.encode()
        at += len(raw)
    head = b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", len(codes)) + table
    return head.ljust(4096, b"\0") + b"".join(raw for _, raw in codes)


@pytest.mark.parametrize("packed", [False, True])
def test_bundles(tmp_path: Path, packed: bool) -> None:
    codes = [(f"hipv4-amdgcn-amd-amdhsa--{arch}", (FIXTURES.with_name("resources") / f"needs_{arch}.hsaco").read_bytes()) for arch in
             ("gfx908", "gfx942")]  # fmt: skip
    raw = bundle(("host-x86_64-unknown-linux--", b""), *codes)
    if packed:
        body = zlib.compress(raw)
        raw = b"CCOB" + struct.pack("<HHIIQ", 2, 0, 24 + len(body), len(raw), 0) + body
    path = tmp_path / "x.hipfb"
    path.write_bytes(raw)
    found = kernels_of(path)
    assert [(one.arch, one.name) for one in found.kernels] == [
        (arch, name) for arch in ("gfx908", "gfx942") for name in ("plain", "heavy", "accum")
    ]
    assert found.problems == ()


@pytest.mark.parametrize("raw", [b"", b"x" * 500, b"\x7fELF" + bytes(400)])
def test_other_files_are_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(raw)
    with pytest.raises(InputFileError):
        kernels_of(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        kernels_of(tmp_path / "gone.cubin")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    raw = b"CCOB" + struct.pack("<HHIIQ", 2, 0, 24 + 40, 2**32 - 1, 0) + zlib.compress(b"")
    path = tmp_path / "x.hipfb"
    path.write_bytes(raw.ljust(200, b"\0"))
    assert kernels_of(path).problems == ("more code than is decompressed for one question: not read to the end",)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["raw", "lz4", "stub"]), st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=8)
)
def test_any_flipped_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, flips: list[tuple[int, int]]
) -> None:
    raw = bytearray((FIXTURES / f"{name}.fatbin").read_bytes())
    for at, value in flips:
        raw[at % len(raw)] = value
    path = tmp_path_factory.mktemp("files") / "x.fatbin"
    path.write_bytes(raw)
    with contextlib.suppress(InputFileError):
        assert len(kernels_of(path).kernels) <= 100


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"num_warps": 8, "shared": 65536, "target": {"warp_size": 32}}, TritonLaunch(256, 65536)),
        ({"num_warps": 4, "shared": 0, "target": {"backend": "hip", "warp_size": 64}}, TritonLaunch(256, 0)),
        ({"num_warps": 4, "shared": 16, "warp_size": 64}, TritonLaunch(256, 16)),
        ({"num_warps": 4, "shared": 16}, TritonLaunch(128, 16)),
        ({"num_warps": 4}, None),
        ({"num_warps": True, "shared": 1}, None),
        ({"num_warps": 10**9, "shared": 1}, None),
        ([], None),
    ],
)
def test_what_triton_notes_beside_a_kernel(tmp_path: Path, data: Any, told: TritonLaunch | None) -> None:
    (tmp_path / "k.cubin").write_bytes(b"")
    (tmp_path / "k.json").write_text(json.dumps(data))
    assert triton_launch(tmp_path / "k.cubin") == told


def test_without_metadata_nothing_is_said(tmp_path: Path) -> None:
    assert triton_launch(tmp_path / "k.cubin") is None
    (tmp_path / "k.json").write_text("{")
    (tmp_path / "k.cubin").write_bytes(b"")
    assert triton_launch(tmp_path / "k.cubin") is None
