"""Knows what torch says of its devices, and how a callable is timed with its events."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.measure.sizes import free_for
from parity.measure.work import Work
from parity.probes.nvidia_files import bus_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.model.measurement import Unit

_BUS_TEXT = 64
_BUILT_FOR = re.compile(r"(sm|compute)_([0-9]+)([0-9])([af]?)")  # as torch.cuda.get_arch_list() has it


def told(torch: Any) -> list[dict[str, Any]]:
    """Return ``ordinal``, ``name``, ``uuid`` and ``bus_id`` of each device; empty texts for what nobody says."""
    return [_device(torch, ordinal) for ordinal in range(torch.cuda.device_count())]


def _device(torch: Any, ordinal: int) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(ordinal)
    return {
        "ordinal": ordinal,
        "name": str(getattr(properties, "name", "")),
        # On ROCm it is made up of other things than the driver's unique id.
        "uuid": "" if torch.version.hip else str(getattr(properties, "uuid", "")),
        "bus_id": _bus_of(properties) or _bus_by_library(torch, ordinal),
    }


def _bus_of(properties: Any) -> str:
    """Return the bus id from the properties; older versions of torch do not have it."""
    told = [getattr(properties, name, None) for name in ("pci_domain_id", "pci_bus_id", "pci_device_id")]
    parts = [part for part in told if isinstance(part, int) and part >= 0]
    if len(parts) != len(told) or not any(parts):
        return ""
    domain, bus, device = parts
    return f"{domain:08x}:{bus:02x}:{device:02x}.0"


def _bus_by_library(torch: Any, ordinal: int) -> str:
    """Ask the library that torch has loaded: its order of devices is torch's."""
    text = ctypes.create_string_buffer(_BUS_TEXT)
    try:
        if torch.version.hip:
            call, library = "hipDeviceGetPCIBusId", ctypes.CDLL(_loaded("libamdhip64.so"))
        else:
            call, library = "cuDeviceGetPCIBusId", ctypes.CDLL("libcuda.so.1")
            library.cuInit(ctypes.c_uint(0))  # torch has not touched a device yet
        code = getattr(library, call)(text, ctypes.c_int(_BUS_TEXT), ctypes.c_int(ordinal))
    except (OSError, AttributeError):
        return ""
    return "" if code else bus_id(text.value.decode("ascii", errors="replace")) or ""


def _loaded(name: str) -> str:
    """Return the path of a library that is mapped into this process, else its name."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return name
    return next((line.split(maxsplit=5)[5] for line in lines if name in line), name)


def without_kernels(torch: Any, ordinal: int) -> str:
    """Return the device's architecture where torch carries neither code nor PTX for it; empty where it does."""
    built = torch.cuda.get_arch_list()
    if not built:  # it does not say
        return ""
    if torch.version.hip:
        name = str(torch.cuda.get_device_properties(ordinal).gcnArchName).partition(":")[0]
        return "" if name in {one.partition(":")[0] for one in built} else name
    major, minor = torch.cuda.get_device_capability(ordinal)
    for one in built:
        found = _BUILT_FOR.fullmatch(one)
        if found is None:
            return ""  # a name of a kind that is not known here
        kind, wanted, suffix = found[1], (int(found[2]), int(found[3])), found[4]
        same = wanted[0] == major and wanted[1] <= minor
        if (wanted == (major, minor)) if suffix == "a" else same or (kind == "compute" and wanted <= (major, minor)):
            return ""
    return f"compute capability {major}.{minor}"


def free_bytes(torch: Any, ordinal: int) -> int:
    """Return the memory that can be had on a device."""
    is_integrated = bool(getattr(torch.cuda.get_device_properties(ordinal), "is_integrated", False))
    return free_for(int(torch.cuda.mem_get_info(ordinal)[0]), is_integrated=is_integrated)


def l2_bytes(torch: Any, ordinal: int) -> int:
    """Return the L2 cache as torch sees it: on MI300X one die's share, so the parent's figure comes first."""
    size = getattr(torch.cuda.get_device_properties(ordinal), "L2_cache_size", 0)
    return size if isinstance(size, int) else 0


@dataclass(frozen=True)
class Operation:
    """One operation of torch, to be timed.

    Attributes:
        run: enqueues it on the device's current stream.
        held: the tensors it needs.
        amount, unit, kernel, size: as in ``Work``; the version of torch is added to ``kernel``.
        restore: undoes a setting of torch.
    """

    run: Callable[[], Any]
    held: list[Any]
    amount: float
    unit: Unit
    kernel: str
    size: int | None = None
    restore: Callable[[], None] | None = None


def work(torch: Any, ordinal: int, operation: Operation) -> Work:
    """Return work that runs an operation between two events on the device's current stream."""
    run: Callable[[], Any] = operation.run
    held, restore, kernel = operation.held, operation.restore, f"{operation.kernel}, torch {torch.__version__}"
    amount, unit, size = operation.amount, operation.unit, operation.size
    del operation  # its ``run`` holds tensors

    def sample(inner: int) -> float:
        with torch.cuda.device(ordinal):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            for _ in range(inner):
                run()
            end.record()
            end.synchronize()
            return float(start.elapsed_time(end)) / 1e3 / inner

    def free() -> None:
        nonlocal run
        run = _nothing
        held.clear()
        if restore is not None:
            restore()
        empty_cache(torch, ordinal)

    return Work(sample=sample, amount=amount, unit=unit, kernel=kernel, free=free, bytes=size)


def empty_cache(torch: Any, ordinal: int) -> None:
    """Give back the blocks that torch keeps; with no device chosen it would make a context on the first GPU for it."""
    with torch.cuda.device(ordinal):
        torch.cuda.empty_cache()


def _nothing() -> None:
    """Hold no tensor."""
