"""Knows what libcuda tells about a GPU without a context: limits and sizes that NVML does not carry.

Runs in the child, after NVML; standard library only. libcuda sees the devices that ``CUDA_VISIBLE_DEVICES`` leaves,
in its own order: its index is never NVML's. Keys: ``cuda:init``, ``cuda:<i>:<call>``, ``cuda:<i>:<attribute>``.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from parity.probes.nvidia_files import bus_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.probes.ask import Ask

# CUdevice_attribute of cuda.h; an id that the driver does not know answers CUDA_ERROR_INVALID_VALUE.
ATTRIBUTES = {
    "MAX_THREADS_PER_BLOCK": 1,
    "MAX_SHARED_MEMORY_PER_BLOCK": 8,
    "WARP_SIZE": 10,
    "MAX_REGISTERS_PER_BLOCK": 12,
    "CLOCK_RATE": 13,  # kHz, the maximum
    "MULTIPROCESSOR_COUNT": 16,
    "KERNEL_EXEC_TIMEOUT": 17,
    "INTEGRATED": 18,
    "COMPUTE_MODE": 20,
    "ECC_ENABLED": 32,
    "PCI_BUS_ID": 33,
    "PCI_DEVICE_ID": 34,
    "MEMORY_CLOCK_RATE": 36,  # kHz, the maximum
    "GLOBAL_MEMORY_BUS_WIDTH": 37,
    "L2_CACHE_SIZE": 38,
    "MAX_THREADS_PER_MULTIPROCESSOR": 39,
    "PCI_DOMAIN_ID": 50,
    "COMPUTE_CAPABILITY_MAJOR": 75,
    "COMPUTE_CAPABILITY_MINOR": 76,
    "MAX_SHARED_MEMORY_PER_MULTIPROCESSOR": 81,
    "MAX_REGISTERS_PER_MULTIPROCESSOR": 82,
    "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN": 97,
    "PAGEABLE_MEMORY_ACCESS": 88,
    "MAX_BLOCKS_PER_MULTIPROCESSOR": 106,
    "MAX_PERSISTING_L2_CACHE_SIZE": 108,
    "RESERVED_SHARED_MEMORY_PER_BLOCK": 111,
    "CLUSTER_LAUNCH": 120,
    "TENSOR_MAP_ACCESS_SUPPORTED": 127,
    "MULTICAST_SUPPORTED": 132,
    "GPU_PCI_DEVICE_ID": 139,
    "GPU_PCI_SUBSYSTEM_ID": 140,
}
_WHY = {
    1: "not_supported",  # INVALID_VALUE: an attribute this driver does not know
    34: "library_missing",  # STUB_LIBRARY: the toolkit's link-time stub, not the driver
    100: "not_supported",  # NO_DEVICE
    214: "lost",  # ECC_UNCORRECTABLE
    220: "lost",  # NVLINK_UNCORRECTABLE
    800: "no_permission",
    801: "not_supported",
    804: "not_supported",  # COMPAT_NOT_SUPPORTED_ON_DEVICE
    909: "timed_out",
}


class CudaError(Exception):
    """A libcuda call that did not return CUDA_SUCCESS."""

    def __init__(self, code: int, name: str) -> None:
        """Keep the code; ``name`` is ``CUDA_ERROR_NO_DEVICE``."""
        super().__init__(f"CUDA error {code}: {name}")
        self.code = code


def survey_cuda(ask: Ask, skip: Mapping[str, str]) -> None:
    """Ask libcuda about each device it sees. No context is made.

    Args:
        ask: writes questions and answers.
        skip: keys that an earlier child lost; one lost libcuda call is enough to leave libcuda alone.
    """
    ask.told("cuda:visible_devices", os.environ.get("CUDA_VISIBLE_DEVICES"))
    lost = [key for key in skip if key.startswith("cuda:")]
    if lost:
        ask.absent("cuda:init", skip[lost[0]], f"{lost[0]} hung or crashed; libcuda was left alone")
        return
    library = ask("cuda:library", ctypes.CDLL, "libcuda.so.1", classify=_classify, plain=_library_name, slow=True)
    if library is None:
        return
    driver = _Driver(library)
    if not ask("cuda:init", driver.init, classify=_classify, slow=True):
        return
    ask("cuda:cuDriverGetVersion", driver.number, "cuDriverGetVersion", classify=_classify)
    count = ask("cuda:cuDeviceGetCount", driver.number, "cuDeviceGetCount", classify=_classify) or 0
    for index in range(count):
        _survey_device(ask, driver, index)


def _survey_device(ask: Ask, driver: _Driver, index: int) -> None:
    def put(name: str, question: Callable[..., Any], *args: Any) -> Any:
        return ask(f"cuda:{index}:{name}", question, *args, classify=_classify)

    device = put("cuDeviceGet", driver.device, index)
    if device is None:
        return
    put("cuDeviceGetName", driver.name, device)
    put("cuDeviceGetUuid", driver.uuid, device)
    put("cuDeviceGetPCIBusId", driver.bus_id, device)
    put("cuDeviceTotalMem", driver.total_memory, device)
    for name, number in ATTRIBUTES.items():
        put(name, driver.attribute, device, number)


class _Driver:
    """The few context-free calls of libcuda, errors raised."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def init(self) -> bool:
        """Initialise the driver API. Source: ``cuInit``; it makes no context."""
        self._call("cuInit", ctypes.c_uint(0))
        return True

    def number(self, call: str) -> int:
        """Return the one integer of a call without arguments."""
        value = ctypes.c_int()
        self._call(call, ctypes.byref(value))
        return value.value

    def device(self, index: int) -> int:
        """Return the handle of one device."""
        value = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(value), ctypes.c_int(index))
        return value.value

    def name(self, device: int) -> str:
        """Return the device's name. On a MIG slice it names the slice."""
        text = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", text, ctypes.c_int(len(text)), ctypes.c_int(device))
        return text.value.decode("utf-8", errors="replace")

    def uuid(self, device: int) -> str:
        """Return the UUID's digits in NVML's grouping, without prefix: the slice's own under MIG (``_v2``)."""
        raw = (ctypes.c_ubyte * 16)()
        name = "cuDeviceGetUuid_v2" if hasattr(self._library, "cuDeviceGetUuid_v2") else "cuDeviceGetUuid"
        self._call(name, ctypes.byref(raw), ctypes.c_int(device))
        digits = bytes(raw).hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def bus_id(self, device: int) -> str:
        """Return the PCI bus id; under MIG it is the parent GPU's."""
        text = ctypes.create_string_buffer(32)
        self._call("cuDeviceGetPCIBusId", text, ctypes.c_int(len(text)), ctypes.c_int(device))
        told = text.value.decode("utf-8", errors="replace")
        return bus_id(told) or told

    def total_memory(self, device: int) -> int:
        """Return the bytes a process can address: less than NVML's total, which counts reserved memory."""
        value = ctypes.c_size_t()
        self._call("cuDeviceTotalMem_v2", ctypes.byref(value), ctypes.c_int(device))
        return value.value

    def attribute(self, device: int, number: int) -> int:
        """Return one attribute."""
        value = ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(number), ctypes.c_int(device))
        return value.value

    def _call(self, name: str, *args: Any) -> None:
        code = getattr(self._library, name)(*args)
        if code:
            raise CudaError(code, self._error_name(code))

    def _error_name(self, code: int) -> str:
        text = ctypes.c_char_p()
        try:
            self._library.cuGetErrorName(ctypes.c_int(code), ctypes.byref(text))
        except AttributeError:
            return "unknown"
        return (text.value or b"unknown").decode("ascii", errors="replace")


def _classify(error: BaseException) -> tuple[str, str]:
    if isinstance(error, CudaError):
        return _WHY.get(error.code, "failed"), str(error)
    if isinstance(error, OSError):
        return "library_missing", str(error)
    if isinstance(error, AttributeError):
        return "not_supported", str(error)
    return "failed", f"{type(error).__name__}: {error}"


def _library_name(library: ctypes.CDLL) -> str:
    return str(library._name)  # noqa: SLF001  (public in all but name; the only way to say what was loaded)
