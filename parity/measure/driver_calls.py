"""Knows the calls of libcuda that measuring needs, their argument types, and what their errors mean."""

from __future__ import annotations

import ctypes
from typing import Any

from parity.measure.work import NotMeasured
from parity.probes.cuda_survey import CudaError
from parity.probes.nvidia_files import bus_id

_INT, _UINT, _SIZE = ctypes.c_int, ctypes.c_uint, ctypes.c_size_t
_ADDRESS = ctypes.c_uint64  # CUdeviceptr
_HANDLE = ctypes.c_void_p
_OUT = ctypes.c_void_p  # the address of what is filled in

# Names as the library exports them: cuda.h gives the _v2 ones under the plain name.
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuInit": (_UINT,),
    "cuDriverGetVersion": (_OUT,),
    "cuDeviceGetCount": (_OUT,),
    "cuDeviceGet": (_OUT, _INT),
    "cuDeviceGetName": (_OUT, _INT, _INT),
    "cuDeviceGetUuid_v2": (_OUT, _INT),
    "cuDeviceGetPCIBusId": (_OUT, _INT, _INT),
    "cuDeviceGetAttribute": (_OUT, _INT, _INT),
    "cuDeviceCanAccessPeer": (_OUT, _INT, _INT),
    "cuDevicePrimaryCtxRetain": (_OUT, _INT),
    "cuCtxSetCurrent": (_HANDLE,),
    "cuCtxSynchronize": (),
    "cuCtxEnablePeerAccess": (_HANDLE, _UINT),
    "cuMemGetInfo_v2": (_OUT, _OUT),
    "cuMemAlloc_v2": (_OUT, _SIZE),
    "cuMemFree_v2": (_ADDRESS,),
    "cuMemHostAlloc": (_OUT, _SIZE, _UINT),
    "cuMemFreeHost": (_HANDLE,),
    "cuMemcpyHtoDAsync_v2": (_ADDRESS, _HANDLE, _SIZE, _HANDLE),
    "cuMemcpyDtoHAsync_v2": (_HANDLE, _ADDRESS, _SIZE, _HANDLE),
    "cuMemcpyDtoDAsync_v2": (_ADDRESS, _ADDRESS, _SIZE, _HANDLE),
    "cuMemcpyPeerAsync": (_ADDRESS, _HANDLE, _ADDRESS, _HANDLE, _SIZE, _HANDLE),
    "cuMemsetD32Async": (_ADDRESS, _UINT, _SIZE, _HANDLE),
    "cuStreamCreate": (_OUT, _UINT),
    "cuStreamDestroy_v2": (_HANDLE,),
    "cuEventCreate": (_OUT, _UINT),
    "cuEventDestroy_v2": (_HANDLE,),
    "cuEventRecord": (_HANDLE, _HANDLE),
    "cuEventSynchronize": (_HANDLE,),
    "cuEventElapsedTime": (_OUT, _HANDLE, _HANDLE),
    "cuModuleLoadData": (_OUT, _HANDLE),
    "cuModuleUnload": (_HANDLE,),
    "cuModuleGetFunction": (_OUT, _HANDLE, ctypes.c_char_p),
    "cuLaunchKernel": (_HANDLE, *[_UINT] * 7, _HANDLE, _HANDLE, _HANDLE),
}
# CUresult of cuda.h: what a call's failure is, where it is more than a failure, and what the header says it means.
WHY = {
    214: "lost",
    220: "lost",
    221: "library_missing",
    223: "not_supported",
    800: "no_permission",
    801: "not_supported",
    909: "timed_out",
}
_MEANS = {
    2: "out of memory",
    46: "its compute mode is exclusive and another process has it, or prohibited",
    214: "an ECC error that cannot be corrected",
    220: "an NVLink error that cannot be corrected",
    221: "libnvidia-ptxjitcompiler, part of the driver, is not here",
    223: "CUDA_DISABLE_PTX_JIT is set",
    802: "a driver daemon does not run; on NVSwitch systems the fabric manager",
    803: "the driver's library and its kernel module are of different versions",
    804: "the forward-compatibility library does not support this device",
    805: "the MPS server cannot be reached",
    807: "the MPS server is not ready",
    808: "the MPS server has no room for another client",
    809: "the MPS server has no room for another connection",
}
INTEGRATED, L2_CACHE_SIZE = 18, 38  # CUdevice_attribute
STREAM_NON_BLOCKING = 1
PEER_ACCESS_ALREADY_ENABLED = 704


class Driver:
    """libcuda with its errors raised.

    Raises:
        NotMeasured: there is no such library, it lacks a call, or it cannot be initialised.
    """

    def __init__(self) -> None:
        """Load and initialise; no context is made yet."""
        try:
            self._library = ctypes.CDLL("libcuda.so.1")
            for name, types in SIGNATURES.items():
                function = getattr(self._library, name)
                function.argtypes = types
                function.restype = ctypes.c_int
        except OSError as error:
            raise NotMeasured("library_missing", f"no NVIDIA driver library: {error}") from error
        except AttributeError as error:
            raise NotMeasured("library_missing", f"the NVIDIA driver is too old: {error}") from error
        try:
            self.call("cuInit", 0)
        except CudaError as error:
            raise NotMeasured(WHY.get(error.code, "failed"), str(error)) from error

    def call(self, name: str, *arguments: Any) -> None:
        """Call one function.

        Raises:
            CudaError: it did not return CUDA_SUCCESS.
        """
        code = getattr(self._library, name)(*arguments)
        if code:
            meant = f" ({_MEANS[code]})" if code in _MEANS else ""
            raise CudaError(code, f"{name}: {self._error_name(code)}{meant}")

    def number(self, name: str, *arguments: Any) -> int:
        """Return the one integer that a call fills in."""
        value = _INT()
        self.call(name, ctypes.addressof(value), *arguments)
        return value.value

    def handle(self, name: str, *arguments: Any) -> int:
        """Return the one handle or address that a call fills in; never 0."""
        value = ctypes.c_uint64()
        self.call(name, ctypes.addressof(value), *arguments)
        if not value.value:
            raise CudaError(999, f"{name} gave nothing")
        return value.value

    def version(self) -> str:
        """Return the CUDA version that the driver serves: ``13.0``."""
        number = self.number("cuDriverGetVersion")
        return f"{number // 1000}.{number % 1000 // 10}"

    def device(self, ordinal: int) -> int:
        """Return the handle of one device; it makes no context."""
        return self.number("cuDeviceGet", ordinal)

    def described(self, ordinal: int) -> dict[str, Any]:
        """Return ``ordinal``, ``name``, ``uuid`` and ``bus_id`` of one device."""
        device = self.device(ordinal)
        raw = (ctypes.c_ubyte * 16)()
        self.call("cuDeviceGetUuid_v2", ctypes.addressof(raw), device)
        digits = bytes(raw).hex()
        bus = self._text("cuDeviceGetPCIBusId", device)
        return {
            "ordinal": ordinal,
            "name": self._text("cuDeviceGetName", device),
            "uuid": "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])),
            "bus_id": bus_id(bus) or bus,
        }

    def free_bytes(self) -> int:
        """Return the free memory of the current context's device."""
        free, total = _SIZE(), _SIZE()
        self.call("cuMemGetInfo_v2", ctypes.addressof(free), ctypes.addressof(total))
        return free.value

    def elapsed_s(self, start: int, end: int) -> float:
        """Return the seconds between two events that have happened."""
        milliseconds = ctypes.c_float()
        self.call("cuEventElapsedTime", ctypes.addressof(milliseconds), start, end)
        return milliseconds.value / 1e3

    def _text(self, name: str, device: int) -> str:
        text = ctypes.create_string_buffer(256)
        self.call(name, ctypes.addressof(text), len(text), device)
        return text.value.decode("utf-8", errors="replace")

    def _error_name(self, code: int) -> str:
        text = ctypes.c_char_p()
        try:
            self._library.cuGetErrorName(_INT(code), ctypes.byref(text))
        except AttributeError:
            return "unknown"
        return (text.value or b"unknown").decode("ascii", errors="replace")
