"""Knows what is measured with NVIDIA's driver alone: its own copies and fills, two small kernels, no toolkit."""

from __future__ import annotations

import os
from typing import Any

from parity.measure.driver_calls import (
    INTEGRATED,
    L2_CACHE_SIZE,
    PEER_ACCESS_ALREADY_ENABLED,
    Driver,
)
from parity.measure.driver_kernels import NOTHING, READ, THREADS, TILE_BYTES, blocks_for
from parity.measure.driver_made import Made
from parity.measure.sizes import free_for, memory_buffer_bytes, transfer_bytes
from parity.measure.work import NotMeasured, Work
from parity.model.measurement import DRAM, HOST, LAUNCH, PEER
from parity.probes.cuda_survey import CudaError

_WORD = 4
_OUT_BYTES = 256
_NEEDS_LIBRARY = "needs torch: the driver alone has no matrix library"


class DriverBackend:
    """Runs ``cuMemcpy``, ``cuMemset`` and two kernels on streams of its own.

    Raises:
        NotMeasured: the driver cannot be used, or sees no device.
    """

    def __init__(self) -> None:
        """Initialise the driver; no context is made yet."""
        self._driver = Driver()
        self.name = f"CUDA driver API {self._driver.version()}"
        try:
            self._count = self._driver.number("cuDeviceGetCount")
        except CudaError as error:
            raise NotMeasured("failed", str(error)) from error
        if not self._count:
            raise NotMeasured("not_supported", "the NVIDIA driver shows this process no GPU")
        self._contexts: dict[int, int] = {}

    def devices(self) -> list[dict[str, Any]]:
        """Return the devices that the driver shows, in its order; one that does not say what it is does not count.

        Raises:
            CudaError: none of them does.
        """
        found, last = [], None
        for ordinal in range(self._count):
            try:
                found.append(self._driver.described(ordinal))
            except CudaError as error:
                last = error
        if last is not None and not found:
            raise last
        return found

    def is_usable(self, ordinal: int) -> bool:
        """Return whether the device's context still answers; one that could not even be made has nothing to lose."""
        if ordinal not in self._contexts:
            return True
        try:
            self._enter(ordinal)
            self._driver.call("cuCtxSynchronize")
        except CudaError:
            return False
        return True

    def release(self, ordinal: int) -> None:
        """Nothing is kept from one measurement to the next."""

    def prepare(self, name: str, ordinal: int, peer: int | None, cache_bytes: int, seconds: float) -> Work:
        """Return the work of one measurement; ``seconds`` plays no part."""
        del seconds
        if name not in (*DRAM, LAUNCH, PEER, *HOST):
            raise NotMeasured("not_supported", _NEEDS_LIBRARY)
        made = Made(self._driver, self._enter(ordinal))
        try:
            return self._prepared(made, name, ordinal, peer, cache_bytes)
        except BaseException:
            made.free()
            raise

    def _prepared(self, made: Made, name: str, ordinal: int, peer: int | None, cache_bytes: int) -> Work:
        free = self._free(ordinal)
        if name == PEER:
            assert peer is not None  # a pair has two
            return self._peer(made, ordinal, peer, free)
        if name == LAUNCH:
            return made.work(made.kernel(NOTHING, 1, 1), 0, "cuLaunchKernel of an empty kernel", size=None, unit="us")
        if name in HOST:
            return self._host(made, name, free)
        cache = max(
            cache_bytes, self._driver.number("cuDeviceGetAttribute", L2_CACHE_SIZE, self._driver.device(ordinal))
        )
        return self._dram(made, name, cache, free)

    def _dram(self, made: Made, name: str, cache_bytes: int, free: int) -> Work:
        call = self._driver.call
        size = memory_buffer_bytes(cache_bytes=cache_bytes, free_bytes=free, buffers=2 if name == "dram_copy" else 1)
        source = made.device(size)
        made.fill(source, size)
        if name == "dram_read":
            out = made.device(_OUT_BYTES)
            read = made.kernel(READ, blocks_for(size), THREADS, source, size // TILE_BYTES, out)
            return made.work(read, size, "kernel that reads 16 bytes per load", size=size)
        if name == "dram_write":
            word = int.from_bytes(os.urandom(_WORD), "little")
            fill = lambda s: call("cuMemsetD32Async", source, word, size // _WORD, s)  # noqa: E731
            return made.work(fill, size, "cuMemsetD32Async", size=size)
        target = made.device(size)
        copy = lambda s: call("cuMemcpyDtoDAsync_v2", target, source, size, s)  # noqa: E731
        return made.work(copy, 2 * size, "cuMemcpyDtoDAsync", size=size)

    def _host(self, made: Made, name: str, free: int) -> Work:
        call, size = self._driver.call, transfer_bytes(free)
        device, host = made.device(size), made.host(size)
        made.fill(device, size)

        def to_device(stream: int) -> None:
            call("cuMemcpyHtoDAsync_v2", device, host, size, stream)

        def to_host(stream: int) -> None:
            call("cuMemcpyDtoHAsync_v2", host, device, size, stream)

        to_host(made.stream)  # the host's buffer is random, too
        if name == "host_to_device":
            return made.work(to_device, size, "cuMemcpyHtoDAsync of pinned memory", size=size)
        return made.work(to_host, size, "cuMemcpyDtoHAsync of pinned memory", size=size)

    def _peer(self, made: Made, ordinal: int, peer: int, free: int) -> Work:
        """From ``ordinal`` to ``peer``, on a stream of the source."""
        driver = self._driver
        if not driver.number("cuDeviceCanAccessPeer", driver.device(ordinal), driver.device(peer)):
            raise NotMeasured(
                "not_supported", "the driver allows no access from one to the other: copies go by the host"
            )
        there = self._enter(peer)
        size = transfer_bytes(min(free, self._free(peer)))
        target = made.device(size, context=there)
        here = self._enter(ordinal)
        try:
            driver.call("cuCtxEnablePeerAccess", there, 0)
        except CudaError as error:
            if error.code != PEER_ACCESS_ALREADY_ENABLED:
                raise
        source = made.device(size)
        made.fill(source, size)
        copy = lambda s: driver.call("cuMemcpyPeerAsync", target, there, source, here, size, s)  # noqa: E731
        return made.work(copy, size, "cuMemcpyPeerAsync", size=size)

    def _free(self, ordinal: int) -> int:
        """Return the memory that can be had on the current context's device."""
        integrated = self._driver.number("cuDeviceGetAttribute", INTEGRATED, self._driver.device(ordinal))
        return free_for(self._driver.free_bytes(), is_integrated=bool(integrated))

    def _enter(self, ordinal: int) -> int:
        """Make the device's primary context current; return it."""
        if ordinal not in self._contexts:
            self._contexts[ordinal] = self._driver.handle("cuDevicePrimaryCtxRetain", self._driver.device(ordinal))
        self._driver.call("cuCtxSetCurrent", self._contexts[ordinal])
        return self._contexts[ordinal]
