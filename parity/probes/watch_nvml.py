"""Knows what the watcher reads of an NVIDIA device during a test, through the same funnel as the survey.

Series are in the units of their names; cumulative times are ``limited_ns.<cause>``, nanoseconds since the driver
loaded. Field values come in one call; where the driver has none of a cause, ``nvmlDeviceGetViolationStatus`` is asked.
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, Any

from parity.probes.gpm import Gpm, NotSupportedError
from parity.probes.nvml_survey import FIELD_WHY, LIBRARY, MAX_DEVICES, MAX_SLICES, _import, _loaded, _Nvml
from parity.probes.watch_unit import EVENT_BITS, PROCESSES, Read, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.probes.ask import Ask
    from parity.probes.watch_unit import Answer

# NVML_FI_DEV_PERF_POLICY_* and NVML_FI_DEV_CLOCKS_EVENT_REASON_* of nvml.h -> the cause whose time they count.
CAUSE_FIELDS = {
    74: "sw-power-cap",
    75: "thermal",
    76: "sync-boost",
    77: "board-limit",
    79: "reliability",
    269: "sw-thermal",
    270: "hw-thermal",
    271: "hw-power-brake",
}
# NVML_PERF_POLICY_* of nvml.h -> the same; asked only where the field has no answer.
POLICIES = {0: "sw-power-cap", 1: "thermal", 2: "sync-boost", 3: "board-limit", 5: "reliability"}
# Fields of one call -> series. Those after the causes are asked one by one where the field has no answer.
FIELDS = {
    **{field: f"limited_ns.{cause}" for field, cause in CAUSE_FIELDS.items()},
    3: "ecc_corrected",  # NVML_FI_DEV_ECC_SBE_VOL_TOTAL
    4: "ecc_uncorrected",  # NVML_FI_DEV_ECC_DBE_VOL_TOTAL
    82: "temperature_memory_c",  # NVML_FI_DEV_MEMORY_TEMP
    83: "energy_mj",  # NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION
    94: "pcie_replays",  # NVML_FI_DEV_PCIE_REPLAY_COUNTER
}
# nvmlFieldValue_t: id, scope, time, latency, value type, return code, value. Our own: the wrapper makes an array at
# each call. The value by nvmlValueType_t: double, unsigned int, unsigned long, unsigned long long, long long, int,
# unsigned short.
_FIELD = struct.Struct("@IIqqii8s")
_VALUES = tuple(struct.Struct(kind) for kind in ("d", "I", "L", "Q", "q", "i", "H"))
_UNTOUCHED = 999  # NVML_ERROR_UNKNOWN: what the driver leaves as it was is no answer
_HANDLE = "nvmlDeviceGetHandleByIndex"
_FIELDS = "nvmlDeviceGetFieldValues"
_TEMPERATURE = ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature")
_REASONS = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
_PROCESSES = "nvmlDeviceGetComputeRunningProcesses"
# Lists that a device or driver may not have at all: an MPS server's clients, and what draws.
_MORE_PROCESSES = {
    "nvmlDeviceGetMPSComputeRunningProcesses": "compute",
    "nvmlDeviceGetGraphicsRunningProcesses": "graphics",
}
_SM, _MEMORY = 1, 2
_MEMORY_VERSION = 0x02000028  # nvmlMemory_v2 of nvml.h
_DEADLY = ("failed", "asking hung or killed the watcher at its start")

# (call, arguments, series, divisor, quick): calls that answer one number of the board.
_NUMBERS: tuple[tuple[str, tuple[int, ...], str, int, bool], ...] = (
    ("nvmlDeviceGetTotalEnergyConsumption", (), "energy_mj", 1, True),
    ("nvmlDeviceGetTotalEccErrors", (0, 0), "ecc_corrected", 1, True),
    ("nvmlDeviceGetTotalEccErrors", (1, 0), "ecc_uncorrected", 1, True),
    ("nvmlDeviceGetPcieReplayCounter", (), "pcie_replays", 1, True),
    ("nvmlDeviceGetClockInfo", (_SM,), "clock_sm_mhz", 1, True),
    ("nvmlDeviceGetClockInfo", (_MEMORY,), "clock_memory_mhz", 1, True),
    ("nvmlDeviceGetTemperature", (0,), "temperature_c", 1, True),
    ("nvmlDeviceGetPowerUsage", (), "power_draw_w", 1000, False),
    ("nvmlDeviceGetEnforcedPowerLimit", (), "power_limit_w", 1000, False),
    ("nvmlDeviceGetPerformanceState", (), "performance_state", 1, False),
    ("nvmlDeviceGetApplicationsClock", (_SM,), "clock_application_mhz", 1, False),
)
_FIXED: tuple[tuple[str, tuple[int, ...], str, int], ...] = (
    ("nvmlDeviceGetPowerManagementDefaultLimit", (), "power_default_w", 1000),
    ("nvmlDeviceGetMaxClockInfo", (_SM,), "clock_max_mhz", 1),
    ("nvmlDeviceGetDefaultApplicationsClock", (_SM,), "clock_application_default_mhz", 1),
)


def units(ask: Ask, skip: Mapping[str, str]) -> list[Unit]:
    """Return every NVIDIA GPU, or each of its slices where MIG is on, ready to be read.

    Args:
        ask: announces each first call, so that one that hangs or kills is known by name.
        skip: keys that an earlier child lost, with the reason.
    """
    nv = _loaded(ask, skip, "nvml:library", _open_library) and _loaded(ask, skip, "nvml:import", _import)
    if nv is None:
        return []
    nvml = _Nvml(ask, nv, deadly(skip))
    if not ask("nvml:init", nvml.init, classify=nvml.classify, slow=True):
        return []
    count = nvml.put("nvml:nvmlDeviceGetCount", "nvmlDeviceGetCount")
    found: list[Unit] = []
    for index in range(min(count or 0, MAX_DEVICES)):
        found += _gpu(ask, nvml, index)
    return found


def deadly(skip: Mapping[str, str]) -> dict[str, str]:
    """Return call -> key of the calls that hung or killed an earlier child; no other device is asked either."""
    return {key.rpartition(":")[2]: key for key in skip if key.startswith("nvml:") and _HANDLE not in key}


def _open_library() -> Any:
    return ctypes.CDLL(LIBRARY)


def _gpu(ask: Ask, nvml: _Nvml, index: int) -> list[Unit]:
    prefix = f"nvml:{index}"
    handle = nvml.put(f"{prefix}:{_HANDLE}", _HANDLE, index, plain=lambda _: True, slow=True)
    if handle is None:
        return []
    facts = _facts(nvml, prefix, handle, index)
    pci = nvml.put(f"{prefix}:nvmlDeviceGetPciInfo", "nvmlDeviceGetPciInfo", handle)
    facts["bus"] = _text(getattr(pci, "busId", ""))
    mode = nvml.put(f"{prefix}:nvmlDeviceGetMigMode", "nvmlDeviceGetMigMode", handle)
    slices = _slices(nvml, prefix, handle) if mode and mode[0] else {}
    if not slices:
        unit = Unit(id=prefix, facts=facts)
        _fill(ask, nvml, unit, handle, handle, None)
        return [unit]
    parts = []
    for number, part in slices.items():
        own = {**_facts(nvml, f"{prefix}:mig{number}", part, index), "bus": facts["bus"]}
        unit = Unit(id=f"{prefix}:mig{number}", facts={**own, "slice": number, "parent_uuid": facts["uuid"]})
        call = "nvmlDeviceGetGpuInstanceId"
        _fill(ask, nvml, unit, handle, part, nvml.put(f"{unit.id}:{call}", call, part))
        parts.append(unit)
    return parts


def _facts(nvml: _Nvml, prefix: str, handle: Any, index: int) -> dict[str, Any]:
    uuid = nvml.put(f"{prefix}:nvmlDeviceGetUUID", "nvmlDeviceGetUUID", handle)
    name = nvml.put(f"{prefix}:nvmlDeviceGetName", "nvmlDeviceGetName", handle)
    return {"vendor": "nvidia", "index": index, "uuid": _text(uuid), "name": _text(name)}


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value or "")


def _slices(nvml: _Nvml, prefix: str, handle: Any) -> dict[int, Any]:
    count = nvml.put(f"{prefix}:nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMaxMigDeviceCount", handle)
    found = {}
    for number in range(min(count or 0, MAX_SLICES)):
        call = "nvmlDeviceGetMigDeviceHandleByIndex"
        part = nvml.put(f"{prefix}:mig{number}:{call}", call, handle, number, plain=lambda _: True)
        if part is not None:
            found[number] = part
    return found


def _fill(ask: Ask, nvml: _Nvml, unit: Unit, board: Any, own: Any, instance: int | None) -> None:
    """Give a unit its reads, each measured once announced; what it does not have is remembered with the reason."""
    for call, args, name, divisor in _FIXED:
        value = nvml.put(_key(unit, call, args), call, board, *args)
        if isinstance(value, int):
            unit.fixed[name] = value / divisor if divisor != 1 else value
    given = _fields(ask, nvml, unit, board)
    for policy, cause in POLICIES.items():
        if f"limited_ns.{cause}" not in given:
            _kept(ask, nvml, unit, _violation_read(nvml, board, policy, cause))
    for call, args, name, divisor, quick in _NUMBERS:
        if name not in given:
            _kept(ask, nvml, unit, _number_read(nvml, board, call, args, name, divisor=divisor, quick=quick))
    for read in _own_reads(nvml, board, own, whole=board is own):
        _kept(ask, nvml, unit, read)
    key = f"{unit.id}:gpm"
    if board is not own and instance is None:  # the whole GPU's counters are not the slice's
        unit.missing["metrics"] = ("failed", "the GPU instance of this slice is not known")
        return
    refused = [("not_supported", "this device or driver has no GPM metrics")]
    unit.profiler = nvml.put(key, lambda: _profiler(nvml, board, instance, refused), plain=lambda _: True)
    if unit.profiler is None:
        unit.missing["metrics"] = refused[-1]


def _fields(ask: Ask, nvml: _Nvml, unit: Unit, handle: Any) -> set[str]:
    """Keep one read of all fields that this driver has; return the series it gives."""
    probe = _field_read(nvml, handle, FIELDS)
    key = f"{unit.id}:{_FIELDS}"
    killed = nvml._deadly.get(_FIELDS, key)  # noqa: SLF001  (the funnel's own list)
    answer = ask(key, probe, plain=lambda _: True) if killed == key else None
    if answer is None:
        unit.keep(probe, None, _DEADLY)
        return set()
    has = {
        field: name
        for field, name in FIELDS.items()
        if not (isinstance(answer[name], tuple) and answer[name][0] == "not_supported")
    }
    unit.missing.update({name: answer[name] for name in answer if name not in has.values()})
    if has:
        read = _field_read(nvml, handle, has)
        unit.keep(read, read.measure())
    return {name for name in has.values() if not isinstance(answer[name], tuple)}


def _profiler(nvml: _Nvml, board: Any, instance: int | None, refused: list[tuple[str, str]]) -> Gpm | None:
    try:
        return Gpm(nvml.wrapper, board, instance)
    except NotSupportedError:
        return None
    except Exception as error:
        refused.append(nvml.classify(error))
        raise


def _kept(ask: Ask, nvml: _Nvml, unit: Unit, read: Read) -> Answer:
    """Announce, measure and keep a read; return its last answer, empty when it is not asked any more."""
    key = f"{unit.id}:{read.name}"
    killed = nvml._deadly.get(read.name, key)  # noqa: SLF001  (the funnel's own list)
    answer = ask(key, read.measure, plain=lambda _: True) if killed == key else None
    unit.keep(read, answer, _DEADLY)
    return answer or {}


def _key(unit: Unit, call: str, args: tuple[int, ...]) -> str:
    return f"{unit.id}:{call}" + (f"[{','.join(map(str, args))}]" if args else "")


def _number_read(  # one row of the table
    nvml: _Nvml, handle: Any, call: str, args: tuple[int, ...], name: str, *, divisor: int, quick: bool
) -> Read:
    function = _newest_of(nvml, _TEMPERATURE) if call == _TEMPERATURE[1] else nvml.wrapper(call)

    def ask_number() -> Answer:
        value = function(handle, *args)
        return {name: value / divisor if divisor != 1 else value}

    shown = call + (f"[{','.join(map(str, args))}]" if args else "")
    return Read(shown, (name,), ask_number, quick=quick, classify=nvml.classify)


def _newest_of(nvml: _Nvml, names: tuple[str, str]) -> Callable[..., Any]:
    """Return a call as today's drivers have it, and for good as older ones do where that alone answers."""
    newer, older = (nvml.wrapper(name) for name in names)
    use: list[Callable[..., Any]] = [newer]

    def ask(*args: Any) -> Any:
        try:
            return use[0](*args)
        except Exception:
            if use[0] is older:
                raise
            value = older(*args)
            use[0] = older
            return value

    return ask


def _field_read(nvml: _Nvml, handle: Any, fields: Mapping[int, str]) -> Read:
    names, count = tuple(fields.values()), len(fields)
    blank = b"".join(_FIELD.pack(field, 0, 0, 0, 0, _UNTOUCHED, b"") for field in fields)
    buffer = ctypes.create_string_buffer(blank, len(blank))
    size = ctypes.c_int(count)
    pointer_of, error_of = nvml.wrapper("_nvmlGetFunctionPointer"), nvml.wrapper("NVMLError")

    def ask_fields() -> Answer:
        buffer.raw = blank
        code = pointer_of(_FIELDS)(handle, size, buffer)
        if code:
            raise error_of(code)
        answer: Answer = {}
        for name, (_, _, _, _, kind, wrong, value) in zip(names, _FIELD.iter_unpack(buffer.raw), strict=True):
            if wrong:
                answer[name] = (FIELD_WHY.get(wrong, "failed"), f"NVML error {wrong}")
            elif 0 <= kind < len(_VALUES):
                answer[name] = _VALUES[kind].unpack_from(value)[0]
            else:
                answer[name] = ("failed", f"unknown value type {kind}")
        return answer

    return Read(_FIELDS, names, ask_fields, quick=True, classify=nvml.classify)


def _violation_read(nvml: _Nvml, handle: Any, policy: int, cause: str) -> Read:
    function = nvml.wrapper("nvmlDeviceGetViolationStatus")
    name = f"limited_ns.{cause}"
    return Read(
        f"nvmlDeviceGetViolationStatus[{policy}]",
        (name,),
        lambda: {name: int(function(handle, policy).violationTime)},
        quick=True,
        classify=nvml.classify,
    )


def _own_reads(nvml: _Nvml, board: Any, own: Any, *, whole: bool) -> list[Read]:
    """Return the reads with an answer of several values; a slice has memory and processes of its own."""
    mig, ecc = nvml.wrapper("nvmlDeviceGetMigMode"), nvml.wrapper("nvmlDeviceGetEccMode")
    reads = [
        _event_read(nvml, board),
        Read(
            "nvmlDeviceGetMigMode",
            ("mig_enabled",),
            lambda: {"mig_enabled": int(mig(board)[0])},
            classify=nvml.classify,
        ),
        Read(
            "nvmlDeviceGetEccMode",
            ("ecc_enabled",),
            lambda: {"ecc_enabled": int(ecc(board)[0])},
            classify=nvml.classify,
        ),
        _memory_read(nvml, own),
        _process_read(nvml, own),
    ]
    if whole:
        rates = nvml.wrapper("nvmlDeviceGetUtilizationRates")
        names = ("utilization_percent", "utilization_memory_percent")

        def ask_rates() -> Answer:
            found = rates(own)
            return dict(zip(names, (int(found.gpu), int(found.memory)), strict=True))

        reads.append(Read("nvmlDeviceGetUtilizationRates", names, ask_rates, classify=nvml.classify))
    return reads


def _event_read(nvml: _Nvml, handle: Any) -> Read:
    function = _newest_of(nvml, _REASONS)

    def ask_events() -> Answer:
        return {EVENT_BITS: int(function(handle))}

    return Read(_REASONS[0], (EVENT_BITS,), ask_events, quick=True, classify=nvml.classify)


def _memory_read(nvml: _Nvml, handle: Any) -> Read:
    """Read used memory; version 2 keeps the driver's own reserve apart, version 1 counts it as used."""
    function = nvml.wrapper("nvmlDeviceGetMemoryInfo")
    names = ("memory_used_bytes", "memory_reserved_bytes")
    version: list[int | None] = []  # the one that has answered: both count differently, so a device keeps to it

    def ask_memory() -> Answer:
        for tried in version or (_MEMORY_VERSION, None):
            try:
                found = function(handle) if tried is None else function(handle, tried)
            except Exception:
                if tried is None or version:
                    raise
                continue
            version[:] = [tried]
            return {name: int(getattr(found, name.split("_")[1])) for name in names[: 1 if tried is None else 2]}
        raise AssertionError  # the last one answers or raises

    return Read("nvmlDeviceGetMemoryInfo", names, ask_memory, classify=nvml.classify)


def _process_read(nvml: _Nvml, handle: Any) -> Read:
    """Read who uses the device; a process that is in two lists is of the first."""
    first = nvml.wrapper(_PROCESSES)
    more = {nvml.wrapper(call): kind for call, kind in _MORE_PROCESSES.items()}

    def ask_processes() -> Answer:
        found = {p.pid: [p.pid, "compute", p.usedGpuMemory] for p in first(handle)}
        for call, kind in tuple(more.items()):
            try:
                for p in call(handle):
                    found.setdefault(p.pid, [p.pid, kind, p.usedGpuMemory])
            except Exception as error:
                if nvml.classify(error)[0] != "not_supported":
                    raise
                del more[call]  # nor will it have it later
        return {PROCESSES: [*found.values()]}

    return Read(_PROCESSES, (PROCESSES,), ask_processes, classify=nvml.classify)
