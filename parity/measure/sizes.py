"""Knows how large a buffer must be so that memory is measured and no cache, and how large it may be."""

from __future__ import annotations

from pathlib import Path

from parity.measure.work import NotMeasured
from parity.units import GIB, KIB, MIB, format_bytes

CACHE_TIMES = 4
LEAST_BYTES = GIB
STEP_BYTES = 256 * MIB
FLOOR_BYTES = 64 * MIB
HOST_BYTES = 256 * MIB  # no cache lies on the way


def memory_buffer_bytes(*, cache_bytes: int, free_bytes: int, buffers: int) -> int:
    """Return the size of each of ``buffers`` buffers: 4x the caches and 1 GiB, half the free memory at most.

    Sizes are whole steps, so that two runs on the same part use the same. Where less than that is free, buffers are
    smaller than 1 GiB, and never than four times the caches.

    Raises:
        NotMeasured: half of the free memory does not hold buffers that outgrow the caches.

    >>> memory_buffer_bytes(cache_bytes=50 << 20, free_bytes=79 << 30, buffers=2) >> 20
    1024
    >>> memory_buffer_bytes(cache_bytes=288 << 20, free_bytes=190 << 30, buffers=2) >> 20
    1280
    >>> memory_buffer_bytes(cache_bytes=1 << 20, free_bytes=1 << 30, buffers=2) >> 20
    256
    """
    least = max(CACHE_TIMES * cache_bytes, FLOOR_BYTES)
    room = free_bytes // 2 // buffers
    size = min(_stepped(max(least, LEAST_BYTES)), room - room % FLOOR_BYTES)
    if size < least:
        raise NotMeasured(
            "failed",
            f"half of the free memory ({format_bytes(free_bytes)}) is less than {buffers} x {format_bytes(least)}, "
            "which outgrows the caches",
        )
    return size


def transfer_bytes(free_bytes: int) -> int:
    """Return the size of a buffer that is copied between memories.

    Raises:
        NotMeasured: half of the free memory does not hold one of a useful size.
    """
    size = HOST_BYTES
    while size > free_bytes // 2:
        size //= 2
    if size < FLOOR_BYTES // 4:
        raise NotMeasured("failed", f"too little memory is free ({format_bytes(free_bytes)})")
    return size


def free_for(told: int, *, is_integrated: bool, meminfo: str = "/proc/meminfo") -> int:
    """Return the bytes that can be had on a device.

    Args:
        told: what the driver calls free. On a device that shares the host's memory that is what nobody uses, so that
            every file read lately counts against it; the kernel says what is available.
        is_integrated: it shares the host's memory.
        meminfo: the kernel's table.
    """
    if not is_integrated:
        return told
    try:
        lines = Path(meminfo).read_text(encoding="ascii", errors="replace").splitlines()
        available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return told
    return max(told, available * KIB)


def _stepped(size: int) -> int:
    return -(-size // STEP_BYTES) * STEP_BYTES
