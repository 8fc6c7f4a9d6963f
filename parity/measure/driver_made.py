"""Knows what one measurement with the driver alone makes in a context (a stream, memory, kernels) and gives back."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from parity.measure.driver_calls import STREAM_NON_BLOCKING
from parity.measure.driver_kernels import PTX
from parity.measure.work import Work
from parity.probes.cuda_survey import CudaError
from parity.units import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.measure.driver_calls import Driver
    from parity.model.measurement import Unit

RANDOM_BYTES = 16 * MIB  # more than any memory compression looks at at once; repeated to fill a buffer


class Made:
    """What one measurement has made in one context, to be given back in reverse order."""

    def __init__(self, driver: Driver, context: int) -> None:
        """Make a stream and two events in the current context."""
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

    def kernel(self, name: str, blocks: int, threads: int, *arguments: int) -> Callable[[int], None]:
        """Return what launches a kernel of ``PTX`` on a stream; the driver compiles it here.

        Args:
            name: of the kernel.
            blocks: how many.
            threads: of each block.
            arguments: 64-bit words: addresses and counts.
        """
        image = ctypes.create_string_buffer(PTX.encode("ascii"))
        module = self._new("cuModuleUnload", "cuModuleLoadData", ctypes.addressof(image))
        function = self._driver.handle("cuModuleGetFunction", module, name.encode("ascii"))
        words = [ctypes.c_uint64(argument) for argument in arguments]
        addresses = (ctypes.c_void_p * max(1, len(words)))(*map(ctypes.addressof, words))
        call, given = self._driver.call, ctypes.addressof(addresses)

        def launch(stream: int, _held: object = (words, addresses)) -> None:
            call("cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, 0, stream, given, None)

        return launch

    def work(
        self, run: Callable[[int], None], amount: int, label: str, *, size: int | None, unit: Unit = "GB/s"
    ) -> Work:
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

        kernel = f"{label}, CUDA driver {self._driver.version()}"
        return Work(sample=sample, amount=amount, unit=unit, kernel=kernel, free=self.free, bytes=size)

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
