"""HIP bundles: plain and compressed, three versions, features, and payloads that look like the next bundle."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import binary_writer as write
import pytest
from code_names import named, texts, weights

from parity.binaries import hip_bundle, inflate
from parity.binaries.hip_bundle import target_code

if TYPE_CHECKING:
    from .conftest import Read

TARGETS = ["gfx942:sramecc+:xnack-", "gfx90a", "gfx9-4-generic"]
NAMED = {"gfx942:sramecc+:xnack-": 1, "gfx90a": 1, "gfx9-4-generic": 1}
needs_zstd = pytest.mark.skipif(inflate.zstd_decoder() is None, reason="no zstd decoder here")


def host(*bundles: bytes) -> bytes:
    return write.elf({".hip_fatbin": b"".join(write.padded(one, 4096) for one in bundles)})


def test_a_plain_bundle_names_its_targets_without_the_host(read: Read) -> None:
    library = read(host(write.bundle(TARGETS)))
    assert (named(library), library.problems) == (NAMED, ())
    assert [(group.container, group.count) for group in library.regions] == [("bundle", 1)]


@needs_zstd
@pytest.mark.parametrize(("version", "method"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1)])
def test_compressed_bundles_of_every_version(version: int, method: int, read: Read) -> None:
    packed = write.packed_bundle(write.bundle(TARGETS), version=version, method=method)
    library = read(host(packed, write.bundle(["gfx1100"]), packed))
    assert named(library) == {**dict.fromkeys(NAMED, 2), "gfx1100": 1}
    assert library.problems == ()
    stored = {tally.code.compression for tally in library.tallies if tally.code.arch == "gfx90a"}
    assert stored == {"zstd" if method else "zlib"}


@needs_zstd
@pytest.mark.parametrize("version", [2, 3])
def test_a_payload_with_the_magic_of_the_next_bundle_splits_nothing(version: int, read: Read) -> None:
    decoy = write.amd_code() + b"CCOB\x03\x00\x01\x00" + b"__CLANG_OFFLOAD_BUNDLE__" + bytes(64)
    packed = write.packed_bundle(write.bundle(["gfx942"], decoy), version=version)
    library = read(host(packed, packed))
    assert (named(library), library.problems) == ({"gfx942": 2}, ())


def test_letters_in_data_are_no_compressed_bundle(read: Read) -> None:
    packed = write.packed_bundle(write.bundle(["gfx942"]), version=1, method=0)
    library = read(host(packed + b"CCOB\xff\xff\xff\xff" + bytes(32)))
    assert named(library) == {"gfx942": 1}


def test_without_a_decoder_the_targets_are_unknown_not_nothing(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hip_bundle, "zstd_head", lambda raw, limit: None)
    library = read(host(write.packed_bundle(write.bundle(TARGETS))))
    assert weights(library) == {"skipped"}
    assert "no zstd decoder (pip install zstandard)" in texts(library)


@pytest.mark.parametrize(
    ("target", "kind", "arch"),
    [
        ("hipv4-amdgcn-amd-amdhsa--gfx942", "amd", "gfx942"),
        ("hip-amdgcn-amd-amdhsa-gfx906", "amd", "gfx906"),
        ("hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+:sramecc-", "amd", "gfx90a:sramecc-:xnack+"),
        ("openmp-amdgcn-amd-amdhsa--gfx1100", "amd", "gfx1100"),
        ("hip-spirv64-amd-amdhsa--amdgcnspirv", "other", "hip-spirv64-amd-amdhsa--amdgcnspirv"),
        ("sycl-spir64-unknown", "other", "sycl-spir64-unknown"),
        ("hipv4-amdgcn-amd-amdhsa--gfx942:turbo+", "other", "hipv4-amdgcn-amd-amdhsa--gfx942:turbo+"),
        ("\x1b[31m", "other", "??31m"),
    ],
)
def test_target_ids(target: str, kind: str, arch: str) -> None:
    code = target_code(target)
    assert code is not None
    assert (code.kind, code.arch) == (kind, arch)


def test_a_plain_bundle_tells_the_version_of_generic_code(read: Read) -> None:
    library = read(host(write.bundle(["gfx9-4-generic"], write.amd_code(0x5F, generic=1))))
    assert [tally.code.generic_version for tally in library.tallies] == [1]


@pytest.mark.parametrize(
    ("at", "form", "value", "words"),
    [
        (24, "<Q", 2**64 - 1, "table of"),
        (32 + 16, "<Q", 2**63, "target id of"),
        (32 + 24 + 27, "<Q", 2**64 - 1, "reaches beyond"),
        (32 + 24 + 27 + 8, "<Q", 2**64 - 1, "reaches beyond"),
    ],
)
def test_a_lying_table_is_told(at: int, form: str, value: int, words: str, read: Read) -> None:
    raw = bytearray(write.bundle(["gfx942"]))
    struct.pack_into(form, raw, at, value)
    library = read(host(bytes(raw)))
    assert words in texts(library)
    assert weights(library) == {"damaged"}


@pytest.mark.parametrize(
    ("at", "form", "value", "words"),
    [
        (4, "<H", 9, "no bundle"),
        (6, "<H", 7, "no bundle"),
        (8, "<Q", 2**64 - 1, "longer than its section"),
        (8, "<Q", 3, "says it is 3 bytes"),
    ],
)
def test_a_lying_compressed_header_is_told(at: int, form: str, value: int, words: str, read: Read) -> None:
    raw = bytearray(write.packed_bundle(write.bundle(["gfx942"]), method=0))
    struct.pack_into(form, raw, at, value)
    library = read(host(bytes(raw)))
    assert "damaged" in weights(library)
    assert words in texts(library) or "has version" in texts(library)


@needs_zstd
def test_a_compressed_bundle_of_something_else_is_told(read: Read) -> None:
    library = read(host(write.packed_bundle(b"not a bundle" * 100)))
    assert "holds no bundle" in texts(library)


@needs_zstd
@pytest.mark.parametrize("name", ["kernel.co", "kernel.hsaco", "TensileLibrary_Type_HH_gfx942.co"])
def test_loose_bundles_and_code_objects_are_read_by_content(name: str, read: Read) -> None:
    assert named(read(write.packed_bundle(write.bundle(["gfx942"])), name=name)) == {"gfx942": 1}
    assert named(read(write.amd_code(0x3F, xnack=3, sramecc=1), name=name)) == {"gfx90a:xnack+": 1}
