"""Kernels of any file: cubins, fatbins of each compression, code objects, bundles, libraries; nothing else."""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import binary_writer as write
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.binaries.inflate import zstd_decoder
from parity.binaries.resources import kernels_of
from parity.binaries.triton_launch import TritonLaunch, triton_launch
from parity.errors import InputFileError

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "binaries"
needs_zstd = pytest.mark.skipif(zstd_decoder() is None, reason="no zstd decoder here")
ARCHES = ["sm_80", "sm_90a", "sm_100", "sm_100a", "sm_100f", "sm_120"]


@pytest.mark.parametrize("name", ["raw", "lz4", "zstd", "balance"])
def test_fatbins_of_each_compression(name: str) -> None:
    if name in ("zstd", "balance") and zstd_decoder() is None:
        pytest.skip("no zstd decoder here")
    found = kernels_of(FIXTURES / f"{name}.fatbin")
    assert [(one.arch, one.name, one.registers) for one in found.kernels] == [(arch, "k", 8) for arch in ARCHES]
    assert found.problems == ()


@needs_zstd
def test_concatenated_entries_are_read_like_any_other() -> None:
    found = kernels_of(FIXTURES / "concat.fatbin")
    assert found.kernels == kernels_of(FIXTURES / "raw.fatbin").kernels
    assert found.problems == ()
    assert [code.arch for code in found.ptx] == ["compute_90a", "compute_100"]


def cubin(arch: str) -> bytes:
    return (FIXTURES / f"sm_{arch}.cubin").read_bytes()


def written(folder: Path, *entries: bytes) -> Path:
    path = folder / "x.fatbin"
    path.write_bytes(write.fatbin(*entries))
    return path


ROWS = [(write.ELF, 80, 0x11), (write.ELF, 90, 0x11 | write.SUFFIX_A), (write.PTX, 100, 0x11), (write.ELF, 100, 0x11)]
CODES = [cubin("80"), cubin("90a"), b"// ptx", cubin("100")]


@needs_zstd
@pytest.mark.parametrize("extension", [None, b"", b"-O3"])
def test_every_row_of_a_concatenated_entry_is_read(tmp_path: Path, extension: bytes | None) -> None:
    found = kernels_of(written(tmp_path, write.concatenated(ROWS, extension=extension, codes=CODES)))
    assert [(one.arch, one.name, one.registers) for one in found.kernels] == [
        (arch, "k", 8) for arch in ("sm_80", "sm_90a", "sm_100")
    ]
    assert (found.problems, [code.arch for code in found.ptx]) == ((), ["compute_100"])


@needs_zstd
@pytest.mark.parametrize(
    ("at", "value", "told", "left"),
    [
        (0x40, 5, "table that does not add up", 3),  # one row more than there are
        (0x40, 1, "table that does not add up", 1),
        (0x48 + 4, 60_000, "reaches beyond", 2),  # where the first code object begins
        (0x48 + 4, 8, "holds no cubin", 2),
        (0x48, 0x40, "kind 0x40", 2),
        (0x48 + 0x1C, 3, "no architecture (3)", 2),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_costs_itself_alone(
    tmp_path: Path, at: int, value: int, told: str, left: int
) -> None:
    entry = bytearray(write.concatenated(ROWS, codes=CODES))
    struct.pack_into("<H", entry, at, value)
    found = kernels_of(written(tmp_path, bytes(entry)))
    assert told in " ".join(found.problems)
    assert len(found.kernels) == left


def test_a_block_that_is_damaged_is_told(tmp_path: Path) -> None:
    found = kernels_of(written(tmp_path, write.concatenated(ROWS)))
    assert found.kernels == ()
    assert len(found.problems) == 1


def test_without_a_decoder_a_concatenated_entry_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity.binaries.inflate.zstd_decoder", lambda: None)
    found = kernels_of(written(tmp_path, write.concatenated(ROWS, codes=CODES)))
    assert found.kernels == ()
    assert "no zstd decoder" in found.problems[0]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (write.entry(write.TILE, 100), "an entry of kind 0x80 is not looked into"),
        (write.entry(write.ELF, 3), "an entry of no architecture (3) is not looked into"),
        (write.entry(write.ELF, 90), "an entry for sm_90 holds no cubin"),
        (write.ptx(80) + b"\1" * 8, "a fatbin ends in bytes that are no entry"),
    ],
)
def test_no_entry_is_passed_over_in_silence(tmp_path: Path, entry: bytes, told: str) -> None:
    found = kernels_of(written(tmp_path, entry))
    assert (found.kernels, found.problems) == ((), (told,))


def test_fatbins_that_a_library_keeps_in_its_data_are_read(tmp_path: Path) -> None:
    hidden = bytes(70_000) + (FIXTURES / "raw.fatbin").read_bytes()
    path = tmp_path / "x.so"
    path.write_bytes(write.elf({".nv_fatbin": (FIXTURES / "lz4.fatbin").read_bytes(), ".data": hidden}))
    found = kernels_of(path)
    assert [one.arch for one in found.kernels] == ARCHES * 2
    path.write_bytes(write.elf({".data": hidden}))
    assert [one.arch for one in kernels_of(path).kernels] == ARCHES


def test_code_objects_that_lie_bare_in_the_data_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(write.elf({".nv_fatbin": (FIXTURES / "lz4.fatbin").read_bytes(), ".rodata": bytes(70_000) + cubin("80")}))  # fmt: skip
    found = kernels_of(path)
    assert len(found.kernels) == len(ARCHES)
    assert found.problems == ("1 code objects that lie bare in the data of .rodata are not looked into",)


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
    st.sampled_from(["raw", "lz4", "stub", "concat"]),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=8),
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
