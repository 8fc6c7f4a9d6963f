"""Knows how bandwidth is measured with NVIDIA's driver alone: its own copies and fills, no kernel and no toolkit."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from parity.measure.driver_calls import (
    L2_CACHE_SIZE,
    PEER_ACCESS_ALREADY_ENABLED,
    STREAM_NON_BLOCKING,
    Driver,
)
from parity.measure.sizes import memory_buffer_bytes, transfer_bytes
from parity.measure.work import NotMeasured, Work
from parity.model.measurement import HOST, PEER
from parity.probes.cuda_survey import CudaError
from parity.units import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

RANDOM_BYTES = 16 * MIB  # more than any memory compression looks at at once; repeated to fill a buffer
_WORD = 4
_NEEDS_CODE = "needs torch: the driver alone has no kernels"


class DriverBackend:
    """Runs ``cuMemcpy`` and ``cuMemset`` on streams of its own.

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
        if name not in ("dram_copy", "dram_write", PEER, *HOST):
            raise NotMeasured("not_supported", _NEEDS_CODE)
        made = _Made(self._driver, self._enter(ordinal))
        try:
            return self._prepared(made, name, ordinal, peer, cache_bytes)
        except BaseException:
            made.free()
            raise

    def _prepared(self, made: _Made, name: str, ordinal: int, peer: int | None, cache_bytes: int) -> Work:
        call, free = self._driver.call, self._driver.free_bytes()
        if name == PEER:
            assert peer is not None  # a pair has two
            return self._peer(made, ordinal, peer, free)
        if name in HOST:
            size = transfer_bytes(free)
            device, host = made.device(size), made.host(size)
            made.fill(device, size)
            to_device = (
                (lambda s: call("cuMemcpyHtoDAsync_v2", device, host, size, s)),
                "cuMemcpyHtoDAsync of pinned memory",
            )
            to_host = (
                (lambda s: call("cuMemcpyDtoHAsync_v2", host, device, size, s)),
                "cuMemcpyDtoHAsync of pinned memory",
            )
            to_host[0](made.stream)  # the host's buffer is random, too
            run, label = to_device if name == "host_to_device" else to_host
            return made.work(run, size, label, size, self._driver.version())
        cache = max(
            cache_bytes, self._driver.number("cuDeviceGetAttribute", L2_CACHE_SIZE, self._driver.device(ordinal))
        )
        buffers = 2 if name == "dram_copy" else 1
        size = memory_buffer_bytes(cache_bytes=cache, free_bytes=free, buffers=buffers)
        source = made.device(size)
        made.fill(source, size)
        if name == "dram_write":
            word = int.from_bytes(os.urandom(_WORD), "little")
            fill = lambda s: call("cuMemsetD32Async", source, word, size // _WORD, s)  # noqa: E731
            return made.work(fill, size, "cuMemsetD32Async", size, self._driver.version())
        target = made.device(size)
        copy = lambda s: call("cuMemcpyDtoDAsync_v2", target, source, size, s)  # noqa: E731
        return made.work(copy, 2 * size, "cuMemcpyDtoDAsync", size, self._driver.version())

    def _peer(self, made: _Made, ordinal: int, peer: int, free: int) -> Work:
        """From ``ordinal`` to ``peer``, on a stream of the source."""
        driver = self._driver
        if not driver.number("cuDeviceCanAccessPeer", driver.device(ordinal), driver.device(peer)):
            raise NotMeasured(
                "not_supported", "the driver allows no access from one to the other: copies go by the host"
            )
        there = self._enter(peer)
        size = transfer_bytes(min(free, driver.free_bytes()))
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
        return made.work(copy, size, "cuMemcpyPeerAsync", size, driver.version())

    def _enter(self, ordinal: int) -> int:
        """Make the device's primary context current; return it."""
        if ordinal not in self._contexts:
            self._contexts[ordinal] = self._driver.handle("cuDevicePrimaryCtxRetain", self._driver.device(ordinal))
        self._driver.call("cuCtxSetCurrent", self._contexts[ordinal])
        return self._contexts[ordinal]


class _Made:
    """What one measurement has made in one context, to be given back in reverse order."""

    def __init__(self, driver: Driver, context: int) -> None:
        self._driver = driver
        self._context = context
        self._undo: list[tuple[int, str, int]] = []
        try:
            self.stream = self._new("cuStreamDestroy_v2", "cuStreamCreate", STREAM_NON_BLOCKING)
            self._start, self._end = (self._new("cuEventDestroy_v2", "cuEventCreate", 0) for _ in range(2))
        except BaseException:
            self.free()
            raise

    def device(self, size: int, *, context: int | None = None) -> int:
        """Return the address of new device memory in the current context."""
        return self._new("cuMemFree_v2", "cuMemAlloc_v2", size, context=context)

    def host(self, size: int) -> int:
        """Return the address of new page-locked host memory."""
        return self._new("cuMemFreeHost", "cuMemHostAlloc", size, 0)

    def fill(self, address: int, size: int) -> None:
        """Fill device memory with random bytes, repeated."""
        piece = min(RANDOM_BYTES, size)
        random = ctypes.create_string_buffer(os.urandom(piece), piece)
        self._driver.call("cuMemcpyHtoDAsync_v2", address, ctypes.addressof(random), piece, self.stream)
        done = piece
        while done < size:
            step = min(done, size - done)
            self._driver.call("cuMemcpyDtoDAsync_v2", address + done, address, step, self.stream)
            done += step
        self._driver.call("cuCtxSynchronize")

    def work(self, run: Callable[[int], None], amount: int, label: str, size: int, version: str) -> Work:
        """Return work that runs ``run`` on the stream between two events."""

        def sample(inner: int) -> float:
            driver = self._driver
            driver.call("cuCtxSetCurrent", self._context)
            driver.call("cuEventRecord", self._start, self.stream)
            for _ in range(inner):
                run(self.stream)
            driver.call("cuEventRecord", self._end, self.stream)
            driver.call("cuEventSynchronize", self._end)
            return driver.elapsed_s(self._start, self._end) / inner

        kernel = f"{label}, CUDA driver {version}"
        return Work(sample=sample, amount=amount, unit="GB/s", kernel=kernel, free=self.free, bytes=size)

    def free(self) -> None:
        """Give everything back; a context that is lost takes its memory with it."""
        while self._undo:
            context, call, handle = self._undo.pop()
            try:
                self._driver.call("cuCtxSetCurrent", context)
                self._driver.call(call, handle)
            except CudaError:
                continue

    def _new(self, undo: str, make: str, *arguments: Any, context: int | None = None) -> int:
        handle = self._driver.handle(make, *arguments)
        self._undo.append((context or self._context, undo, handle))
        return handle
