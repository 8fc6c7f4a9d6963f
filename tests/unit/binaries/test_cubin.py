"""Cubins: the architecture of both ABIs, the suffix where the file tells it, a question mark where it does not."""

from __future__ import annotations

import binary_writer as write
import pytest

from parity.binaries.cubin import header_code, read_cubin

from .conftest import FIXTURES


def arch(raw: bytes) -> str:
    code = read_cubin(raw, 0, len(raw))
    assert code is not None
    return code.arch


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (write.cubin(80), "sm_80"),
        (write.cubin(90), "sm_90"),
        (write.cubin(90, suffix="a"), "sm_90a"),
        (write.cubin(100, new=True, suffix="a"), "sm_100a"),
        (write.cubin(100, new=True, compat=True), "sm_100a"),
        (write.cubin(100, new=True, told="ptxas -arch sm_100f -O3"), "sm_100f"),
        (write.cubin(103, new=True, told="-arch sm_103a"), "sm_103a"),
        (write.cubin(120, new=True, told="-arch sm_120 -m64"), "sm_120"),
        (write.cubin(80, new=True), "sm_80"),
        (write.cubin(100, new=True), "sm_100?"),
        (write.cubin(100, new=True, told="-O3"), "sm_100?"),
        (write.cubin(100, new=True, told="-arch sm_90a"), "sm_100?"),
    ],
)
def test_the_architecture_and_its_suffix(raw: bytes, wanted: str) -> None:
    assert arch(raw) == wanted


def test_the_old_bit_is_no_suffix_below_sm_90() -> None:
    assert arch(write.cubin(60, suffix="a")) == "sm_60"


@pytest.mark.parametrize("suffix", ["80", "90", "90a", "100", "100a", "100f"])
def test_what_nvidias_ptxas_wrote_is_read(suffix: str) -> None:
    assert arch((FIXTURES / f"sm_{suffix}.cubin").read_bytes()) == f"sm_{suffix}"


def test_the_header_alone_leaves_the_suffix_of_the_new_abi_open() -> None:
    code = header_code((FIXTURES / "sm_100f.cubin").read_bytes(), compression="zstd")
    assert code is not None
    assert (code.arch, code.compression) == ("sm_100?", "zstd")
    assert header_code(b"\x7fELF", compression="zstd") is None


@pytest.mark.parametrize("raw", [write.elf({".text": b"x"}), write.cubin(0), b"", write.amd_code()])
def test_what_is_no_cubin_is_none(raw: bytes) -> None:
    assert read_cubin(raw, 0, len(raw)) is None


def test_a_small_cubin_is_a_stub() -> None:
    small, large = write.cubin(52, size=100), write.cubin(52, size=4000)
    assert [read_cubin(raw, 0, len(raw)).stub for raw in (small, large)] == [True, False]  # type: ignore[union-attr]
