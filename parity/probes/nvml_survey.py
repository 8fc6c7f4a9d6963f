"""Knows which NVML questions a fingerprint needs and how to put them through the ``pynvml`` binding.

Runs in the child: standard library and ``pynvml`` only. Everything is written down in the driver's own units; the
parent's ``nvml_decode`` gives it meaning. Any binding from 11.x on will do: a wrapper it lacks, or a symbol the
driver lacks, costs that one answer. The binding's own defects are stepped around here: mutable default arguments
(fresh structs are passed), a wrapper that drops the return code and one that returns it (both are checked), a
mismatch error that is no NVMLError.

Keys: ``nvml:<call>`` for the system, ``nvml:<i>:<call>`` for a device, ``nvml:<i>:mig<j>:<call>`` for a slice;
arguments that choose the value stand in brackets.
"""

from __future__ import annotations

import ctypes
import struct
import time
from typing import TYPE_CHECKING, Any

from parity.probes.nvml_questions import DEVICE_CALLS, FIELDS, LINK_FIELDS, MIG_CALLS, PROCESS_CALLS, SYSTEM_CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from parity.probes.ask import Ask

WHY = {
    3: "not_supported",
    4: "no_permission",
    6: "not_supported",  # NOT_FOUND: no such instance, no such entry
    9: "library_missing",  # DRIVER_NOT_LOADED
    10: "timed_out",
    12: "library_missing",
    13: "not_supported",  # FUNCTION_NOT_FOUND: an older driver
    15: "lost",
    16: "lost",  # RESET_REQUIRED
    17: "no_permission",  # OPERATING_SYSTEM: blocked, by a cgroup for one
    21: "not_supported",  # NO_DATA
    22: "not_supported",  # VGPU_ECC_NOT_SUPPORTED
    25: "not_supported",  # ARGUMENT_VERSION_MISMATCH: an older driver
    26: "not_supported",  # DEPRECATED
}
# Of one field in a list: the handle is good, so what is invalid is the number, which a newer driver knows.
FIELD_WHY = {**WHY, 2: "not_supported"}
LIBRARY = "libnvidia-ml.so.1"
_HANDLE = "nvmlDeviceGetHandleByIndex"
_LOAD = "nvmlDeviceGetUtilizationRates"
_IDLE_PERCENT = 5  # the bar of the rule `other-processes`
_LOAD_PAST_S, _LOAD_STEP_S = 1.5, 0.1  # a reading covers up to the second before it
_INVALID_ARGUMENT, _VERSION_MISMATCH = 2, 25
_FABRIC_VERSIONS = (0x3000028, 0x2000024)
_NO_SUCH_LINK = "no such link"

_GSP_VERSION_BYTES = 64  # NVML_GSP_FIRMWARE_VERSION_BUF_SIZE
MAX_DEVICES = 256
MAX_LINKS = 36
MAX_SLICES = 16
MAX_PAIRED_DEVICES = 16
MAX_NAMED_PROCESSES = 32
# Lost calls after which the rest is not asked: hung ones of a device, lost ones of a device, lost ones of NVML.
GIVE_UP_HUNG, GIVE_UP_DEVICE, GIVE_UP_NVML = 2, 3, 5


def survey_nvml(ask: Ask, skip: Mapping[str, str]) -> None:
    """Ask NVML about the system, each device, its slices and links, and each pair of devices.

    Args:
        ask: writes questions and answers.
        skip: keys that an earlier child lost, with the reason.
    """
    lost = [key for key in skip if key.startswith("nvml:")]
    if len(lost) >= GIVE_UP_NVML:
        ask.absent("nvml:*", skip[lost[0]], f"{', '.join(lost)} gave no answer; the rest was not asked")
        return
    # Before the binding, which costs more than the rest of the child: most machines without NVIDIA end here.
    nv = _loaded(ask, skip, "nvml:library", ctypes.CDLL, LIBRARY) and _loaded(ask, skip, "nvml:import", _import)
    if nv is None:
        return
    survey = _Nvml(ask, nv, _deadly(skip))
    if not ask("nvml:init", survey.init, classify=survey.classify, slow=True):
        return
    for call in SYSTEM_CALLS:
        survey.put(f"nvml:{call}", call)
    survey.put("nvml:nvmlSystemGetConfComputeSettings", survey.conf_compute_settings)
    count = survey.put("nvml:nvmlDeviceGetCount", "nvmlDeviceGetCount")
    handles: dict[int, Any] = {}
    for index in range(min(count or 0, MAX_DEVICES)):
        gone = [key for key in lost if key.startswith(f"nvml:{index}:")]
        if len(gone) >= GIVE_UP_DEVICE or [skip[key] for key in gone].count("timed_out") >= GIVE_UP_HUNG:
            ask.absent(f"nvml:{index}:*", skip[gone[0]], f"{', '.join(gone)} gave no answer; the rest was not asked")
            continue
        handle = survey.put(
            f"nvml:{index}:{_HANDLE}",
            _HANDLE,
            index,
            plain=lambda _: True,
            slow=True,
        )
        if handle is not None:
            handles[index] = handle
            survey.device(f"nvml:{index}:", handle)
    survey.pairs(handles)
    survey.loads(handles)


def _deadly(skip: Mapping[str, str]) -> dict[str, str]:
    """Return call -> key of the calls that killed a child on the first device: another device would kill it again.

    A wrapper and a library that do not fit each other crash on every device; a crash on a later device alone is that
    device's. The handle is asked of each in any case.
    """
    keys = (key for key, why in skip.items() if why == "failed" and key.startswith("nvml:0:"))
    return {key.rpartition(":")[2]: key for key in keys if not key.endswith(_HANDLE)}


def _import() -> Any:
    import pynvml  # 40 ms: only here, and only in the child

    return pynvml


def _loaded(ask: Ask, skip: Mapping[str, str], key: str, load: Callable[..., Any], *args: Any) -> Any:
    """Return what a first step loads; when it loads nothing, ``nvml:init`` says why as well."""
    told: list[tuple[str, str]] = []

    def classify(error: BaseException) -> tuple[str, str]:
        kind = "library_missing" if isinstance(error, (ImportError, OSError)) else "failed"
        package = "the Python package nvidia-ml-py cannot be imported: " if load is _import else ""
        told.append((kind, f"{package}{error}" if str(error) else f"{package}{type(error).__name__}"))
        return told[0]

    found = ask(key, load, *args, classify=classify, plain=lambda _: True, slow=True)
    if found is None:
        lost = (skip.get(key, "failed"), f"{key.partition(':')[2]} hung or crashed")
        ask.absent("nvml:init", *(told[0] if told else lost))
    return found


class _NoWrapper(Exception):  # noqa: N818  (not an error of this program)
    """The installed binding has no such function."""


class _FabricInfo(ctypes.Structure):
    """nvmlGpuFabricInfo version 3; version 2 is its beginning. Our own: the binding of 12.560 lays it out wrongly."""

    _fields_ = (
        ("version", ctypes.c_uint32),
        ("clusterUuid", ctypes.c_uint8 * 16),
        ("status", ctypes.c_uint32),
        ("cliqueId", ctypes.c_uint32),
        ("state", ctypes.c_uint8),
        ("healthMask", ctypes.c_uint32),
        ("healthSummary", ctypes.c_uint8),
    )


class _Nvml:
    """The funnel all NVML questions go through."""

    def __init__(self, ask: Ask, nv: Any, deadly: Mapping[str, str]) -> None:
        self._ask = ask
        self._nv = nv
        self._deadly = deadly
        self._in_use: set[str] = set()  # prefixes of devices with listed compute processes

    def classify(self, error: BaseException) -> tuple[str, str]:
        """Return the reason of any exception the binding raises; the driver's code leads the detail."""
        code = getattr(error, "value", None)
        if isinstance(code, int):
            return WHY.get(code, "failed"), f"NVML error {code}: {error}"
        if isinstance(error, _NoWrapper):
            return "not_supported", f"the installed nvidia-ml-py has no {error}"
        if type(error).__name__ == "NVMLLibraryMismatchError":
            return "not_supported", "NVMLLibraryMismatchError: this driver has no such call"
        return "failed", f"{type(error).__name__}: {error}"

    def put(
        self,
        key: str,
        question: str | Callable[..., Any],
        *args: Any,
        plain: Callable[[Any], Any] | None = None,
        slow: bool = False,
    ) -> Any:
        """Ask one question: a wrapper by name, or a function of this class."""
        killed = self._deadly.get(key.rpartition(":")[2], key)
        if killed != key:
            self._ask.absent(key, "failed", f"not asked: {killed} killed the probe process")
            return None
        asked = self.wrapper(question) if isinstance(question, str) else question
        return self._ask(key, asked, *args, classify=self.classify, plain=plain or _plain, slow=slow)

    def wrapper(self, name: str) -> Callable[..., Any]:
        """Return the binding's function, or one that says it is missing."""
        found = getattr(self._nv, name, None)
        if callable(found):
            return found  # type: ignore[no-any-return]

        def missing(*_: Any) -> Any:
            raise _NoWrapper(name)

        return missing

    def init(self) -> bool:
        """Load the library and attach to the driver; touches no GPU."""
        self.wrapper("nvmlInit")()
        return True

    def device(self, prefix: str, handle: Any) -> None:
        """Ask everything about one device."""
        answers = {
            name: self.put(f"{prefix}{name}{_bracketed(args)}", name, handle, *args) for name, args in DEVICE_CALLS
        }
        for name, question in (
            ("nvmlDeviceGetModuleId", self.module_id),
            ("nvmlDeviceGetGspFirmwareVersion", self.gsp_version),
            ("nvmlDeviceGetGspFirmwareMode", self.gsp_mode),
            ("nvmlDeviceGetPciInfoExt", self.pci_info_ext),
            ("nvmlDeviceGetSramEccErrorStatus", self.sram_ecc),
            ("nvmlDeviceGetGpuFabricInfoV", self.fabric),
            ("nvmlDeviceWorkloadPowerProfileGetCurrentProfiles", self.power_profiles),
        ):
            self.put(prefix + name, question, handle)
        for domain in (0, 2):
            self.put(f"{prefix}nvmlDeviceGetClockOffsets[{domain}]", self.clock_offset, handle, domain)
        self._memory(prefix, handle)
        self._either(prefix, "nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature", handle, 0)
        for word in ("Current", "Supported"):
            self._either(
                prefix, f"nvmlDeviceGet{word}ClocksEventReasons", f"nvmlDeviceGet{word}ClocksThrottleReasons", handle
            )
        self._fields(prefix, handle, self._links(prefix, handle))
        self._processes(prefix, handle)
        mode = answers["nvmlDeviceGetMigMode"]
        if mode is None or mode[0]:
            self._slices(prefix, handle)

    def _either(self, prefix: str, name: str, older: str, *args: Any) -> None:
        """Ask by today's name, then by the one that older drivers and bindings have."""
        brackets = _bracketed(args[1:])
        if self.put(f"{prefix}{name}{brackets}", name, *args) is None:
            self.put(f"{prefix}{older}{brackets}", older, *args)

    def _memory(self, prefix: str, handle: Any) -> None:
        """Ask for the memory sizes: version 2 keeps reserved memory apart, version 1 counts it as used."""
        version = getattr(self._nv, "nvmlMemory_v2", 0x02000028)
        if self.put(f"{prefix}nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo", handle, version) is None:
            self.put(f"{prefix}nvmlDeviceGetMemoryInfo", "nvmlDeviceGetMemoryInfo", handle)

    def _links(self, prefix: str, handle: Any) -> int:
        """Ask about each NVLink; return how many there are. The first link that is no link ends the list."""
        for link in range(MAX_LINKS):
            state = self.put(f"{prefix}nvmlDeviceGetNvLinkState[{link}]", self._link_state, handle, link)
            if state == _NO_SUCH_LINK or (state is None and not link):
                return link
            if state is None:
                continue
            self.put(f"{prefix}nvmlDeviceGetNvLinkVersion[{link}]", "nvmlDeviceGetNvLinkVersion", handle, link)
            if state:
                remote = "nvmlDeviceGetNvLinkRemoteDeviceType"
                self.put(f"{prefix}{remote}[{link}]", remote, handle, link)
                remote = "nvmlDeviceGetNvLinkRemotePciInfo"
                self.put(f"{prefix}{remote}[{link}]", remote, handle, link)
        return MAX_LINKS

    def _link_state(self, handle: Any, link: int) -> Any:
        try:
            return self.wrapper("nvmlDeviceGetNvLinkState")(handle, link)
        except Exception as error:
            if getattr(error, "value", None) == _INVALID_ARGUMENT and link:
                return _NO_SUCH_LINK
            raise

    def _fields(self, prefix: str, handle: Any, links: int) -> None:
        """Ask for all field values in one call; each carries its own return code and type."""
        key = f"{prefix}nvmlDeviceGetFieldValues"
        asked: list[Any] = [*FIELDS, *((field, link) for link in range(links) for field in LINK_FIELDS)]
        answers = self.put(key, "nvmlDeviceGetFieldValues", handle, asked, plain=len)
        for wanted, answer in zip(asked, answers if answers is not None else (), strict=False):
            name = f"{key}[{','.join(map(str, wanted)) if isinstance(wanted, tuple) else wanted}]"
            code = answer.nvmlReturn
            value = _field_value(answer)
            if code:
                self._ask.absent(name, FIELD_WHY.get(code, "failed"), f"NVML error {code}")
            elif value is None:
                self._ask.absent(name, "failed", f"unknown value type {answer.valueType}")
            else:
                self._ask.told(name, value)

    def _processes(self, prefix: str, handle: Any) -> None:
        """Ask who uses the device. In a container the ids are the host's, or nothing at all."""
        for call in PROCESS_CALLS:
            found = self.put(prefix + call, call, handle)
            if found and call == PROCESS_CALLS[0]:
                self._in_use.add(prefix)
            for process in (found or ())[:MAX_NAMED_PROCESSES]:
                pid = process.pid
                self.put(f"{prefix}nvmlSystemGetProcessName[{pid}]", "nvmlSystemGetProcessName", pid)

    def _slices(self, prefix: str, handle: Any) -> None:
        """Ask about each MIG slice; an index without a slice answers NOT_FOUND, and a later one may still have one."""
        count = self.put(f"{prefix}nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMaxMigDeviceCount", handle)
        for index in range(min(count or 0, MAX_SLICES)):
            where = f"{prefix}mig{index}:"
            name = "nvmlDeviceGetMigDeviceHandleByIndex"
            part = self.put(where + name, name, handle, index, plain=lambda _: True)
            if part is None:
                continue
            for call in MIG_CALLS:
                self.put(where + call, call, part)
            self._memory(where, part)
            self._processes(where, part)

    def pairs(self, handles: Mapping[int, Any]) -> None:
        """Ask how each pair of devices is connected; at most ``MAX_PAIRED_DEVICES`` devices."""
        chosen = sorted(handles)[:MAX_PAIRED_DEVICES]
        for place, a in enumerate(chosen):
            for b in chosen[place + 1 :]:
                self.put(
                    f"nvml:nvmlDeviceGetTopologyCommonAncestor[{a},{b}]",
                    "nvmlDeviceGetTopologyCommonAncestor",
                    handles[a],
                    handles[b],
                )
                for capability in (0, 2):  # read, NVLink
                    self.put(
                        f"nvml:nvmlDeviceGetP2PStatus[{a},{b},{capability}]",
                        "nvmlDeviceGetP2PStatus",
                        handles[a],
                        handles[b],
                        capability,
                    )

    def loads(self, handles: Mapping[int, Any]) -> None:
        """Ask for each device's load, last, and for so long as only the past may explain it.

        A load that no listed process explains may be that of a job just ended, or of the scrubbing of memory while the
        driver attached: nvml.h says so of nvmlDeviceGetUtilizationRates, and without persistence mode this very
        survey attaches it. Such a load is read again until it is gone or its second is over; the last reading counts.
        """
        past = time.monotonic() + _LOAD_PAST_S
        for index, handle in handles.items():
            prefix = f"nvml:{index}:"
            self.put(prefix + _LOAD, self._load, handle, 0.0 if prefix in self._in_use else past)

    def _load(self, handle: Any, past: float) -> Any:
        rates = self.wrapper(_LOAD)(handle)
        while rates.gpu > _IDLE_PERCENT and time.monotonic() < past:
            time.sleep(_LOAD_STEP_S)
            rates = self.wrapper(_LOAD)(handle)
        return rates

    # Calls that bindings leave half done. What they fill is ours and passed as a pointer: bindings before 12.570
    # want that and crash on anything else, later ones share their default arguments among all calls.

    def _checked(self, name: str, *args: Any) -> None:
        """Call a wrapper that raises an error, or returns its code instead."""
        code = self.wrapper(name)(*args)
        if isinstance(code, int) and code:
            raise self.wrapper("NVMLError")(code)

    def module_id(self, handle: Any) -> int:
        """Return the slot on the baseboard."""
        value = ctypes.c_uint()
        self._checked("nvmlDeviceGetModuleId", handle, ctypes.byref(value))
        return value.value

    def gsp_mode(self, handle: Any) -> list[int]:
        """Return [enabled, default]."""
        enabled, default = ctypes.c_uint(), ctypes.c_uint()
        self._checked("nvmlDeviceGetGspFirmwareMode", handle, ctypes.byref(enabled), ctypes.byref(default))
        return [enabled.value, default.value]

    def gsp_version(self, handle: Any) -> bytes:
        """Return the GSP firmware's version."""
        text = ctypes.create_string_buffer(_GSP_VERSION_BYTES)
        self._checked("nvmlDeviceGetGspFirmwareVersion", handle, text)
        return text.value

    def clock_offset(self, handle: Any, domain: int) -> list[int]:
        """Return offset, least and greatest offset in MHz at P0. The binding's wrapper drops the return code."""
        info = self._struct("c_nvmlClockOffset_t")
        info.version = getattr(self._nv, "nvmlClockOffset_v1", 0x1000018)
        info.type, info.pstate = domain, 0
        function = self.wrapper("_nvmlGetFunctionPointer")("nvmlDeviceGetClockOffsets")
        code = function(handle, ctypes.byref(info))
        if code:
            raise self.wrapper("NVMLError")(code)
        return [info.clockOffsetMHz, info.minClockOffsetMHz, info.maxClockOffsetMHz]

    def conf_compute_settings(self) -> Any:
        """Return the confidential-computing settings. The binding hands the return code back instead of raising."""
        settings = self._struct("c_nvmlSystemConfComputeSettings_v1_t")
        self._checked("nvmlSystemGetConfComputeSettings", ctypes.byref(settings))
        return settings

    def pci_info_ext(self, handle: Any) -> Any:
        """Return the PCI ids with the device class."""
        info = self._struct("nvmlPciInfoExt_v1_t")
        info.version = getattr(self._nv, "nvmlPciInfoExt_v1", 0x1000040)
        self.wrapper("nvmlDeviceGetPciInfoExt")(handle, ctypes.byref(info))
        return info

    def sram_ecc(self, handle: Any) -> Any:
        """Return the SRAM error counters and whether the threshold is exceeded."""
        status = self._struct("c_nvmlEccSramErrorStatus_v1_t")
        self.wrapper("nvmlDeviceGetSramEccErrorStatus")(handle, ctypes.byref(status))
        return status

    def fabric(self, handle: Any) -> Any:
        """Return the fabric's state and health, by the newest version that the driver knows."""
        for version in _FABRIC_VERSIONS:
            info = _FabricInfo(version=version)
            try:
                self._checked("nvmlDeviceGetGpuFabricInfoV", handle, ctypes.byref(info))
            except Exception as error:
                if version != _FABRIC_VERSIONS[-1] and getattr(error, "value", None) == _VERSION_MISMATCH:
                    continue
                raise
            return info
        raise _NoWrapper("nvmlDeviceGetGpuFabricInfoV")

    def power_profiles(self, handle: Any) -> Any:
        """Return the masks of workload power profiles: known, requested, enforced."""
        profiles = self._struct("c_nvmlWorkloadPowerProfileCurrentProfiles_v1_t")
        self.wrapper("nvmlDeviceWorkloadPowerProfileGetCurrentProfiles")(handle, ctypes.byref(profiles))
        return profiles

    def _struct(self, name: str) -> Any:
        return self.wrapper(name)()


def _bracketed(args: Sequence[Any]) -> str:
    return f"[{','.join(map(str, args))}]" if args else ""


# nvmlValueType_t -> format: double, unsigned int, unsigned long, unsigned long long, long long, int, unsigned short.
_FORMATS = ("d", "I", "L", "Q", "q", "i", "H")


def _field_value(answer: Any) -> Any:
    """Return what the driver filled in, by the type it says; older bindings' unions lack the newer types."""
    kind = answer.valueType
    return struct.unpack_from(_FORMATS[kind], bytes(answer.value))[0] if 0 <= kind < len(_FORMATS) else None


def _plain(answer: Any) -> Any:
    """Return plain data: structs as dicts without their version, arrays as lists, bus ids in one form."""
    if isinstance(answer, (str, int, float, bytes)) or answer is None:
        return answer
    if isinstance(answer, (list, tuple, ctypes.Array)):
        return [_plain(item) for item in answer]
    if isinstance(answer, ctypes.Structure):
        fields = [field[0] for field in answer._fields_ if field[0] != "version"]
        return {name: _plain(getattr(answer, name)) for name in fields}
    members = answer if isinstance(answer, dict) else getattr(answer, "__dict__", None)
    return str(answer) if members is None else {name: _plain(item) for name, item in members.items()}
