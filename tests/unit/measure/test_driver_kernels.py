"""The kernels for the driver alone: every byte is read once, nothing beyond, and the assembler takes them."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import ptx
import pytest

from parity.measure.driver_kernels import NOTHING, PTX, READ, THREADS, TILE_BYTES, TILES_PER_BLOCK, blocks_for

if TYPE_CHECKING:
    from pathlib import Path

BASE, OUT, NEVER = 1 << 32, 1 << 40, 305419896


@pytest.mark.parametrize("tiles", [1, 3, TILES_PER_BLOCK, 2 * TILES_PER_BLOCK + 3])
def test_every_byte_of_the_buffer_is_read_once_and_none_beyond(tiles: int) -> None:
    touched = ptx.run(
        PTX,
        READ,
        blocks=blocks_for(tiles * TILE_BYTES),
        threads=THREADS,
        arguments={"from": BASE, "tiles": tiles, "out": OUT},
        word=lambda address: address & 0xFFFF,
    )
    assert sorted(touched.loads) == [(BASE + at, 16) for at in range(0, tiles * TILE_BYTES, 16)]
    assert touched.stores == []


def test_more_blocks_than_tiles_read_nothing_twice() -> None:
    touched = ptx.run(
        PTX, READ, blocks=3, threads=THREADS, arguments={"from": BASE, "tiles": 2, "out": OUT}, word=lambda _: 1
    )
    assert len(touched.loads) == len(set(touched.loads)) == 2 * TILE_BYTES // 16


@pytest.mark.parametrize("at", range(0, TILE_BYTES, 4 * 1021))
def test_no_word_can_be_left_out(at: int) -> None:
    """One word alone decides whether the result is written: a compiler must load each."""
    touched = ptx.run(
        PTX,
        READ,
        blocks=1,
        threads=THREADS,
        arguments={"from": BASE, "tiles": 1, "out": OUT},
        word=lambda address: NEVER if address == BASE + at else 0,
    )
    assert touched.stores == [(OUT, 4)]


def test_the_empty_kernel_touches_nothing() -> None:
    touched = ptx.run(PTX, NOTHING, blocks=2, threads=2, arguments={}, word=lambda _: 0)
    assert (touched.loads, touched.stores) == ([], [])


@pytest.mark.skipif(shutil.which("ptxas") is None, reason="no CUDA toolkit on the path")
@pytest.mark.parametrize("arch", ["sm_75", "sm_80", "sm_90"])  # every toolkit since 11.8 has them
def test_the_assembler_takes_them(tmp_path: Path, arch: str) -> None:
    source = tmp_path / "kernels.ptx"
    source.write_text(PTX)
    command = ["ptxas", f"-arch={arch}", str(source), "-o", str(tmp_path / "out.cubin")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
