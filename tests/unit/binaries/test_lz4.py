"""LZ4 blocks: literals, matches that overlap, bounds; damage is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.binaries.inflate import DamagedStreamError
from parity.binaries.lz4 import lz4_block


def test_literals_and_an_overlapping_match() -> None:
    assert lz4_block(b"\x1fA\x01\x00\x05\x10B", 100) == b"A" * 25 + b"B"


def test_long_lengths_go_on_in_further_bytes() -> None:
    assert lz4_block(b"\xf0\xff\x01" + b"x" * 271, 1000) == b"x" * 271


def test_the_limit_is_kept() -> None:
    assert lz4_block(b"\x1fA\x01\x00\xff\xff\xff\xff\x00", 50) == b"A" * 50


@pytest.mark.parametrize("raw", [b"\x30ab", b"\x10A\x01", b"\x1fA\x02\x00\x00", b"\x1fA\x00\x00\x00", b"\xf0\xff"])
def test_damage_is_refused(raw: bytes) -> None:
    with pytest.raises(DamagedStreamError):
        lz4_block(raw, 100)


@given(st.binary(max_size=300), st.integers(0, 5000))
def test_any_bytes_stay_within_the_limit(raw: bytes, limit: int) -> None:
    with contextlib.suppress(DamagedStreamError):
        assert len(lz4_block(raw, limit)) <= limit
