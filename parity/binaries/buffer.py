"""Knows the one kind of data that readers take: bytes, or a mapped file; slices and searches without copying it all."""

from __future__ import annotations

import mmap
from typing import TypeAlias

Buffer: TypeAlias = bytes | mmap.mmap


def expect_headers(data: Buffer) -> None:
    """Tell the kernel that few pages of a mapped file will be read: a cold run is bound by read-ahead otherwise."""
    if isinstance(data, mmap.mmap) and hasattr(data, "madvise"):
        data.madvise(mmap.MADV_RANDOM)


def expect_all(data: Buffer, start: int, end: int) -> None:
    """Tell the kernel that ``data[start:end]`` of a mapped file will be read through."""
    if isinstance(data, mmap.mmap) and hasattr(data, "madvise"):
        first = start - start % mmap.PAGESIZE
        data.madvise(mmap.MADV_SEQUENTIAL, first, end - first)
