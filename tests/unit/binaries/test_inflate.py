"""The first bytes of compressed data, with each decoder there may be, within bounds."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import binary_writer as write
import pytest

from parity.binaries import inflate
from parity.binaries.inflate import DamagedStreamError, zlib_head

if TYPE_CHECKING:
    from collections.abc import Callable

PROVIDERS = [inflate._standard, inflate._package, inflate._system]


@pytest.fixture(params=PROVIDERS, ids=["standard-library", "zstandard", "libzstd"])
def head(request: pytest.FixtureRequest) -> Callable[[bytes, int], bytes]:
    decoder: Callable[[bytes, int], bytes] | None = request.param()
    if decoder is None:
        pytest.skip("this decoder is not here")
    return decoder


def test_no_more_than_asked_for(head: Callable[[bytes, int], bytes]) -> None:
    raw = bytes(range(256)) * 2000
    frame = write.zstd_frame(raw)
    assert head(frame, 100) == raw[:100]
    assert head(frame, 10**6) == raw


def test_skippable_and_following_frames_are_read_through(head: Callable[[bytes, int], bytes]) -> None:
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0junk"
    assert head(skippable + write.zstd_frame(b"first") + write.zstd_frame(b"second"), 100) == b"firstsecond"


def test_a_cut_frame_gives_what_there_is(head: Callable[[bytes, int], bytes]) -> None:
    assert head(write.zstd_frame(b"x" * 200_000)[:150_000], 1000) == b"x" * 1000


@pytest.mark.parametrize("raw", [b"no frame at all", b"\x28\xb5\x2f\xfd\xff" + b"\xff" * 40])
def test_other_data_are_refused(raw: bytes, head: Callable[[bytes, int], bytes]) -> None:
    with pytest.raises(DamagedStreamError):
        head(raw, 100)


def test_a_frame_that_wants_gigabytes_of_memory_is_refused(head: Callable[[bytes, int], bytes]) -> None:
    window_of_32_gib = b"\x28\xb5\x2f\xfd\x00" + bytes([(35 - 10) << 3]) + b"\x01\x00\x00"
    with pytest.raises(DamagedStreamError):
        head(window_of_32_gib, 100)


def test_without_any_decoder_the_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "zstd_decoder", lambda: None)
    assert inflate.zstd_head(write.zstd_frame(b"x"), 10) is None


def test_zlib_is_bounded_and_checked() -> None:
    assert zlib_head(zlib.compress(bytes(10**8)), 1000) == bytes(1000)
    with pytest.raises(DamagedStreamError):
        zlib_head(b"no stream", 10)
