"""Knows how to ask amdsmi: find the binding that belongs to the library, refuse one that does not, then ask per device.

amdsmi's structs carry neither size nor version: a binding older than its library is memory corruption, not an error.
So the library says its version first, through a buffer of our own, and a binding of another release is never called.
Importing the binding loads the library, resolves every symbol, prints to standard output and raises ``KeyError`` or
``AttributeError``; all of that is one reason. By hand: ``amd-smi version``, ``amd-smi static``, ``amd-smi metric``.
"""

# pathlib takes 9 ms to import; the whole child takes 40.
# ruff: noqa: PTH112, PTH113, PTH118, PTH120
from __future__ import annotations

import ctypes
import enum
import importlib
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from parity.probes.small_files import Tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from parity.probes.ask import Ask

LIBRARY = "libamd_smi.so"
MAX_DEVICES = 128  # eight MI300X in CPX are 64

# ROCm release -> releases of the library in it (first two numbers; a leading year before ROCm 6.4 counts as the first).
# Source: "AMD SMI (x.y.z)" headings of the ROCm release notes 6.2 to 7.2, `amd-smi version` outputs for 6.1 and 7.12.
LIBRARY_OF_ROCM = {
    (6, 1): {(24, 4), (24, 5)},
    (6, 2): {(24, 6)},
    (6, 3): {(24, 7)},
    (6, 4): {(25, 3), (25, 4), (25, 5)},
    (7, 0): {(26, 0)},
    (7, 1): {(26, 1)},
    (7, 2): {(26, 2)},
    (7, 12): {(26, 3)},
    (7, 13): {(26, 4)},
    (7, 14): {(26, 5)},
    (10, 0): {(27, 0)},
}
FIRST_LIBRARY_MAJOR = 20  # a binding numbered below is named after its ROCm release (PyPI), above after its library

# Status code -> why; numbers are stable from ROCm 6.0 to 7.0 (amdsmi_status_t).
_WHY = {
    2: "not_supported",  # NOT_SUPPORTED
    3: "not_supported",  # NOT_YET_IMPLEMENTED
    8: "timed_out",  # TIMEOUT
    10: "no_permission",  # NO_PERM
    20: "not_supported",  # DIRECTORY_NOT_FOUND
    31: "not_supported",  # NOT_FOUND
    34: "library_missing",  # DRIVER_NOT_LOADED
    40: "not_supported",  # NO_DATA
    52: "not_supported",  # FILE_NOT_FOUND
}

# Calls with a handle only, in the order asked: identity first, then what touches the running GPU.
_CALLS = (
    "amdsmi_get_gpu_device_bdf",
    "amdsmi_get_gpu_kfd_info",
    "amdsmi_get_gpu_enumeration_info",
    "amdsmi_get_gpu_asic_info",
    "amdsmi_get_gpu_board_info",
    "amdsmi_get_gpu_driver_info",
    "amdsmi_get_gpu_vram_info",
    "amdsmi_get_gpu_vbios_info",
    "amdsmi_get_gpu_device_uuid",
    "amdsmi_get_gpu_compute_partition",
    "amdsmi_get_gpu_memory_partition",
    "amdsmi_get_power_cap_info",
    "amdsmi_get_pcie_info",
    "amdsmi_get_gpu_ecc_enabled",
    "amdsmi_get_gpu_total_ecc_count",
    "amdsmi_get_xgmi_info",
    "amdsmi_get_gpu_xgmi_link_status",
    "amdsmi_get_link_metrics",
    "amdsmi_topo_get_numa_node_number",
    "amdsmi_get_gpu_virtualization_mode",
    "amdsmi_get_gpu_perf_level",
    "amdsmi_get_power_info",
    "amdsmi_get_gpu_activity",
    "amdsmi_get_gpu_vram_usage",
    "amdsmi_get_violation_status",
    "amdsmi_get_gpu_process_list",
)
_SAMPLED = frozenset({"amdsmi_get_violation_status"})  # reads twice, 0.1 s apart
MAX_SAMPLED = 16
_NOW = ("AmdSmiTemperatureMetric", "CURRENT")
# key -> call, and the constants of the installed binding that it takes after the handle.
_WITH_CONSTANTS = {
    "amdsmi_get_clock_info.GFX": ("amdsmi_get_clock_info", [("AmdSmiClkType", "GFX")]),
    "amdsmi_get_clock_info.MEM": ("amdsmi_get_clock_info", [("AmdSmiClkType", "MEM")]),
    "amdsmi_get_temp_metric.EDGE": ("amdsmi_get_temp_metric", [("AmdSmiTemperatureType", "EDGE"), _NOW]),
    "amdsmi_get_temp_metric.HOTSPOT": ("amdsmi_get_temp_metric", [("AmdSmiTemperatureType", "HOTSPOT"), _NOW]),
    "amdsmi_get_temp_metric.VRAM": ("amdsmi_get_temp_metric", [("AmdSmiTemperatureType", "VRAM"), _NOW]),
}


def survey(ask: Ask, rocm: str) -> None:
    """Ask amdsmi about every device it enumerates.

    Args:
        ask: asks and writes down.
        rocm: folder of the installed ROCm; its own binding is preferred to one in site-packages.
    """
    binding = loaded(ask, rocm)
    if binding is None:
        return
    if hasattr(binding, "amdsmi_get_rocm_version"):
        ask("amdsmi:amdsmi_get_rocm_version", binding.amdsmi_get_rocm_version, classify=reason, plain=list)
    handles = ask("amdsmi:amdsmi_get_processor_handles", _handles, binding, classify=reason, plain=len, slow=True)
    for index, handle in enumerate((handles or ())[:MAX_DEVICES]):
        _device(ask, binding, index, handle)
    _pairs(ask, binding, (handles or ())[:16])


def loaded(ask: Ask, rocm: str) -> ModuleType | None:
    """Return the initialised binding that belongs to the library; None when there is none, with the reason written."""
    binding = ask("amdsmi:import", _import, rocm, classify=_import_reason, plain=_described, slow=True)
    if binding is None:
        return None
    library = ask("amdsmi:amdsmi_get_lib_version", _library_version, binding, classify=reason)
    if library is None:
        return None
    problem = mismatch(str(getattr(binding, "__version__", "")), tuple(library), _rocm_of_library(binding, rocm))
    if problem:
        ask.absent("amdsmi:match", "failed", problem)
        return None
    ask.told("amdsmi:match", True)
    if ask("amdsmi:amdsmi_init", _initialise, binding, classify=reason, slow=True) is None:
        return None
    return binding  # type: ignore[no-any-return]


def _import(rocm: str) -> ModuleType:
    """Import the binding, the one inside ROCm before the one in site-packages.

    Raises:
        Exception: whatever the binding raises; without its library a ``KeyError``.
    """
    own = os.path.join(rocm, "share", "amd_smi")
    if os.path.isfile(os.path.join(own, "amdsmi", "__init__.py")):
        sys.path.insert(0, own)
    if os.path.isdir(rocm):  # bindings up to 6.1 need it set; later ones load the library from it
        os.environ["ROCM_PATH"] = os.environ["ROCM_HOME"] = rocm
    return importlib.import_module("amdsmi")


def _import_reason(error: BaseException) -> tuple[str, str]:
    """Return (why, detail): no package or no library is ``library_missing``; a wrong library is ``failed``."""
    text = f"{type(error).__name__}: {error}"[:300]
    if isinstance(error, ModuleNotFoundError) and error.name == "amdsmi":
        return "library_missing", "the package amdsmi is not installed"
    if isinstance(error, KeyError) and LIBRARY in str(error):
        return "library_missing", f"{LIBRARY} was not found by amdsmi"
    if isinstance(error, KeyError) and "ROCM_PATH" in str(error):
        return "library_missing", "amdsmi found no ROCm: ROCM_PATH is not set"
    if isinstance(error, AttributeError) and "undefined symbol" in str(error):
        return "failed", f"amdsmi does not match its {LIBRARY}: {text}"
    return "failed", text


def _described(binding: ModuleType) -> dict[str, str]:
    return {
        "file": str(getattr(binding, "__file__", "")),
        "version": str(getattr(binding, "__version__", "")),
        "library": _library_file(binding),
    }


def _library_of(binding: ModuleType) -> ctypes.CDLL:
    wrapper = sys.modules[binding.__name__ + ".amdsmi_wrapper"]
    return wrapper._libraries[LIBRARY]  # type: ignore[no-any-return]  # noqa: SLF001  (the only handle on the loaded library)


def _library_file(binding: ModuleType) -> str:
    """Return the path of the library the binding loaded, from the memory map; empty when unknown."""
    try:
        text = Tree("").text("/proc/self/maps")
    except OSError:
        text = ""
    found = re.search(r"(/\S*libamd_smi\.so[\w.]*)$", text, re.MULTILINE)
    return found.group(1) if found else str(getattr(_library_of(binding), "_name", ""))


def _library_version(binding: ModuleType) -> list[int]:
    """Return the first four numbers of the library's version struct.

    ROCm 6.4 dropped the leading year from it; both layouts take 24 bytes, and the buffer here is larger.
    """
    buffer = (ctypes.c_uint32 * 32)()
    call = _library_of(binding)["amdsmi_get_lib_version"]  # a fresh function object, without the binding's types
    call.restype = ctypes.c_int32
    status = call(ctypes.byref(buffer))
    if status:
        raise RuntimeError(f"status {status}")
    return list(buffer[:4])


def _rocm_of_library(binding: ModuleType, rocm: str) -> str:
    """Return the release of the ROCm in which the loaded library lies, empty when nothing says so."""
    library = os.path.realpath(_library_file(binding) or os.path.join(rocm, "lib", LIBRARY))
    beside = Tree(os.path.dirname(os.path.dirname(library)))
    return beside.text_or_none("/.info/version") or ""


def mismatch(binding: str, library: tuple[int, ...], rocm: str = "") -> str:
    """Return why a binding must not be called, empty when it belongs to the library.

    Args:
        binding: ``7.0.2`` (PyPI: the ROCm release) or ``26.0.2+39589fda`` (inside ROCm: the library's).
        library: numbers the library answered.
        rocm: release of the ROCm around the library, ``7.0.2-56``; empty when unknown.

    >>> mismatch("26.0.2+39589fda", (26, 0, 2)), mismatch("7.0.2", (26, 0, 2))
    ('', '')
    >>> mismatch("7.0.2", (25, 4, 2))
    'binding amdsmi 7.0.2 does not belong to libamd_smi 25.4.2: not called'
    """
    said = tuple(int(number) for number in re.findall(r"\d+", binding.partition("+")[0])[:2])
    shown = ".".join(str(number) for number in library[:3])
    refusal = f"binding amdsmi {binding or '?'} does not belong to libamd_smi {shown}"
    if len(said) != 2 or len(library) < 2:
        return f"{refusal}: not called"
    if said[0] >= FIRST_LIBRARY_MAJOR:
        return "" if said == library[:2] else f"{refusal}: not called"
    if rocm:
        release = tuple(int(number) for number in re.findall(r"\d+", rocm)[:2])
        return "" if release == said else f"{refusal} of ROCm {rocm}: not called"
    return "" if library[:2] in LIBRARY_OF_ROCM.get(said, ()) else f"{refusal}: not called"


def reason(error: BaseException) -> tuple[str, str]:
    """Return (why, detail) of an exception of the binding."""
    code = getattr(error, "err_code", None)
    if isinstance(code, int):
        text = str(getattr(error, "err_info", "")) or f"status {code}"
        return _WHY.get(code, "failed"), f"{text} ({code})"
    return "failed", f"{type(error).__name__}: {error}"[:300]


def _initialise(binding: ModuleType) -> bool:
    binding.amdsmi_init()
    return True


def _handles(binding: ModuleType) -> list[Any]:
    return list(binding.amdsmi_get_processor_handles())


def _device(ask: Ask, binding: ModuleType, index: int, handle: Any) -> None:
    for call in _CALLS:
        if call in _SAMPLED and index >= MAX_SAMPLED:
            ask.absent(
                f"amdsmi:{index}:{call}", "not_asked", f"samples for 0.1 s; asked of the first {MAX_SAMPLED} devices"
            )
            continue
        question = getattr(binding, call, None)
        if question is None:  # an older or newer binding: the name is not there
            ask.absent(f"amdsmi:{index}:{call}", "not_supported", "this binding has no such call")
            continue
        answer = ask(f"amdsmi:{index}:{call}", question, handle, classify=reason, plain=_plain)
        if call == "amdsmi_get_gpu_vram_info" and answer is not None:
            ask(f"amdsmi:{index}:vram_type", _vram_type, binding, answer, classify=reason)
    for name, (call, members) in _WITH_CONSTANTS.items():
        key = f"amdsmi:{index}:{name}"
        question = getattr(binding, call, None)
        constants = [getattr(getattr(binding, kind, None), member, None) for kind, member in members]
        if question is None or None in constants:
            ask.absent(key, "not_supported", "this binding has no such call")
        else:
            ask(key, question, handle, *constants, classify=reason, plain=_plain)


def _vram_type(binding: ModuleType, answer: dict[str, Any]) -> str:
    """Return the memory type's name: its numbers were changed in ROCm 6.2, so the binding's own enum translates."""
    return str(binding.AmdSmiVramType(answer["vram_type"]).name)


def _pairs(ask: Ask, binding: ModuleType, handles: Any) -> None:
    """Ask how each pair is connected; link numbers changed twice, so the binding's own enum translates."""
    question: Callable[..., Any] | None = getattr(binding, "amdsmi_topo_get_link_type", None)
    if question is None:
        return

    def link(one: Any, two: Any) -> dict[str, Any]:
        answer = question(one, two)
        return {"hops": answer["hops"], "type": binding.AmdSmiLinkType(answer["type"]).name}

    for a, one in enumerate(handles):
        for b, two in enumerate(handles[a + 1 :], a + 1):
            ask(f"amdsmi:{a}:amdsmi_topo_get_link_type.{b}", link, one, two, classify=reason)


def _plain(value: Any) -> Any:
    """Return plain JSON data: enums by name, ctypes scalars by value, everything else unknown as text."""
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _plain(value.value) if hasattr(value, "value") else str(value)
