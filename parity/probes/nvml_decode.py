"""Knows how the raw answers of the NVIDIA survey become devices, links, components and notes. Pure; runs in the parent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Absent, Reading, value_of
from parity.model.device import Device, DeviceConditions, DeviceIdentity, Int, Locator, Partition, Process, Text
from parity.probes import nvidia_convert as to
from parity.probes.answers import first, reading
from parity.probes.nvidia_answers import (
    NVML_FUNCTION_NOT_FOUND,
    NVML_NOT_SUPPORTED,
    Answers,
    cuda_count,
    cuda_index,
    nvml_code,
    nvml_count,
    nvml_failure,
    pci_functions,
)
from parity.probes.nvidia_links import link_facts
from parity.probes.nvml_tables import (
    BOARD_CONDITIONS,
    BOARD_IDENTITY,
    MEMORY_TOTAL,
    OWN_CONDITIONS,
    SIZE_FIELDS,
    WHOLE_CONDITIONS,
    WHOLE_IDENTITY,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.probes.nvml_tables import Sources
    from parity.probes.supervise import Survey

_MAX_DEVICES, _MAX_SLICES = 256, 16
_VENDOR = Reading(value="nvidia", source="nvidia")
_PROCESS_KINDS = {
    "compute": "nvmlDeviceGetComputeRunningProcesses", "graphics": "nvmlDeviceGetGraphicsRunningProcesses",
}


def nvidia_device_count(survey: Survey) -> Int:
    """Return how many NVIDIA GPUs there are: NVML's count, else PCI's, else libcuda's, else why nobody knows.

    Counts GPUs, not slices, and those that this process may not open.
    """
    counted = nvml_count(survey)
    if isinstance(counted, Reading):
        return counted
    functions = pci_functions(survey)
    if functions:
        return Reading(value=len(functions), source="pci:functions")
    shown = cuda_count(survey)
    return shown if isinstance(shown, Reading) and shown.value else counted


def nvidia_devices(survey: Survey) -> tuple[Device, ...]:
    """Return one device per GPU that NVML opens, or per slice where a GPU is cut into MIG slices.

    Where NVML gives no answer at all, the GPUs that PCI sysfs and libcuda show, with the reason in every field that only
    NVML fills. ``Locator.index`` is NVML's index; behind a GPU that is cut it moves on by its slices.
    """
    if isinstance(nvml_count(survey), Absent):
        return tuple(_device(answers, index) for index, answers in enumerate(_without_nvml(survey)))
    devices: list[Device] = []
    shift = 0
    for index, prefix in _opened(survey):
        cut = _slices(survey, prefix)
        for place, part in enumerate(cut):
            devices.append(_slice(survey, prefix, part, index + shift + place))
        if not cut:
            devices.append(_device(_answers(survey, prefix), index + shift))
        shift += max(len(cut) - 1, 0)
    return tuple(devices)


def nvidia_components(survey: Survey) -> dict[str, Text]:
    """Return the versions of the driver, of the newest CUDA it serves, and of NVML.

    By hand: ``nvidia-smi`` (the header line), ``cat /proc/driver/nvidia/version``
    """
    system = Answers(survey)
    return {
        "driver": first(
            system.get("system:nvmlSystemGetDriverVersion", to.text),
            reading(survey, "proc:version", to.kernel_module_version),
            reading(survey, "proc:module", to.text),
        ),
        "cuda_driver": first(
            system.get("system:nvmlSystemGetCudaDriverVersion_v2", to.cuda_version),
            reading(survey, "cuda:cuDriverGetVersion", to.cuda_version),
        ),
        "nvml": system.get("system:nvmlSystemGetNVMLVersion", to.text),
    }


def _opened(survey: Survey) -> Iterator[tuple[int, str]]:
    """Yield NVML index and key prefix of each device whose handle was given."""
    for index in range(min(value_of(nvml_count(survey)) or 0, _MAX_DEVICES)):
        if f"nvml:{index}:nvmlDeviceGetHandleByIndex" in survey.values:
            yield index, f"nvml:{index}:"


def _slices(survey: Survey, prefix: str) -> list[str]:
    """Return the prefixes of a GPU's readable MIG slices."""
    parts = (f"{prefix}mig{index}:" for index in range(_MAX_SLICES))
    return [part for part in parts if f"{part}nvmlDeviceGetMigDeviceHandleByIndex" in survey.values]


def _answers(survey: Survey, prefix: str) -> Answers:
    """Return the joined answers of a whole GPU."""
    bare = Answers(survey, nvml=prefix, board=prefix)
    bus = value_of(bare.get("nvml:nvmlDeviceGetPciInfo", to.item("busId", to.nvidia_bus_id)))
    cuda = None
    if _mig_state(bare) is False:
        uuid = value_of(bare.get("nvml:nvmlDeviceGetUUID", to.uuid))
        cuda = cuda_index(survey, uuid=uuid, bus=bus)
    return Answers(survey, nvml=prefix, board=prefix, cuda=cuda, bus=bus)


def _without_nvml(survey: Survey) -> Iterator[Answers]:
    """Yield the answers about each GPU that PCI sysfs shows, then each that only libcuda shows."""
    joined = set()
    for bus in pci_functions(survey):
        uuid = value_of(Answers(survey, bus=bus).get("proc:GPU UUID", to.uuid))
        cuda = cuda_index(survey, uuid=uuid, bus=bus)
        joined.add(cuda)
        yield Answers(survey, bus=bus, cuda=cuda)
    for index in range(min(value_of(cuda_count(survey)) or 0, _MAX_DEVICES)):
        if index not in joined and f"cuda:{index}:cuDeviceGet" in survey.values:
            bus = value_of(reading(survey, f"cuda:{index}:cuDeviceGetPCIBusId", to.nvidia_bus_id))
            yield Answers(survey, bus=bus, cuda=index)


def _device(answers: Answers, index: int) -> Device:
    """Return a whole GPU, or one whose slices cannot be read."""
    identity = {**_filled(answers, WHOLE_IDENTITY), **_filled(answers, BOARD_IDENTITY), **link_facts(answers)[0]}
    identity["memory_bytes"] = _memory(answers)
    identity["sm_count"] = _sm_count(answers, identity)
    identity["partition"] = _partition(answers, identity["name"])
    _fill_pci(answers, identity)
    if _mig_state(answers) is True:
        whole = Absent(
            why="not_supported", source="nvml:nvmlDeviceGetMigMode",
            detail="MIG is on and no slice can be read: the whole GPU's size is nobody's",
        )
        identity.update(dict.fromkeys(SIZE_FIELDS, whole))
    return Device(
        locator=Locator(
            index=index,
            visible=_visible(answers),
            uuid=first(answers.get("nvml:nvmlDeviceGetUUID", to.uuid), answers.get("proc:GPU UUID", to.uuid)),
            serial=answers.get("nvml:nvmlDeviceGetSerial", to.text),
            pci_bus_id=_bus_id(answers),
        ),
        identity=DeviceIdentity(vendor=_VENDOR, **identity),
        conditions=DeviceConditions(**_conditions(answers), **_filled(answers, WHOLE_CONDITIONS), **link_facts(answers)[1]),
    )


def _slice(survey: Survey, board: str, prefix: str, index: int) -> Device:
    """Return one MIG slice: its own size, the board's chip and clocks, never the parent's size."""
    bare = Answers(survey, nvml=prefix, board=board)
    uuid = bare.get("nvml:nvmlDeviceGetUUID", to.uuid)
    bus = value_of(bare.get("board:nvmlDeviceGetPciInfo", to.item("busId", to.nvidia_bus_id)))
    answers = Answers(
        survey, nvml=prefix, board=board, bus=bus, cuda=cuda_index(survey, uuid=value_of(uuid) or "MIG-", bus=None)
    )
    name = answers.get("nvml:nvmlDeviceGetName", to.text)
    attributes = "nvml:nvmlDeviceGetAttributes"
    identity = _filled(answers, BOARD_IDENTITY)
    _fill_pci(answers, identity)
    identity["name"] = name
    identity["sm_count"] = answers.best(
        ((attributes, to.item("multiprocessorCount", to.positive)), ("cuda:MULTIPROCESSOR_COUNT", to.positive))
    )
    identity["memory_bytes"] = answers.best((*MEMORY_TOTAL, (attributes, to.item("memorySizeMB", to.bytes_of_mib))))
    identity["partition"] = Reading(
        value=Partition(kind="mig", profile=to.mig_profile(value_of(name) or "")),
        source="nvml:nvmlDeviceGetMigDeviceHandleByIndex",
    )
    parent = Answers(survey, nvml=board, board=board)
    return Device(
        locator=Locator(
            index=index,
            visible=_visible(answers),
            uuid=uuid,
            serial=parent.get("nvml:nvmlDeviceGetSerial", to.text),
            pci_bus_id=_bus_id(answers),
            parent_uuid=parent.get("nvml:nvmlDeviceGetUUID", to.uuid),
        ),
        identity=DeviceIdentity(vendor=_VENDOR, **identity),
        conditions=DeviceConditions(**_conditions(answers)),
    )


def _filled(answers: Answers, table: dict[str, Sources]) -> dict[str, Any]:
    return {name: answers.best(sources) for name, sources in table.items()}


def _conditions(answers: Answers) -> dict[str, Any]:
    """Return the state that every device has; a slice shares its board's."""
    filled = {**_filled(answers, BOARD_CONDITIONS), **_filled(answers, OWN_CONDITIONS)}
    filled["retired_pages"] = _retired_pages(answers)
    filled["processes"] = _processes(answers)
    filled["fabric_healthy"] = answers.get("board:nvmlDeviceGetGpuFabricInfoV", to.fabric_healthy)
    return filled


def _fill_pci(answers: Answers, identity: dict[str, Any]) -> None:
    """Fill the PCI ids from sysfs where NVML gives none."""
    for name, vendor, device in (
        ("pci_device_id", "vendor", "device"), ("pci_subsystem_id", "subsystem_vendor", "subsystem_device"),
    ):
        if isinstance(identity[name], Absent):
            halves = [answers.get(f"pci:{half}", to.hex_digits) for half in (vendor, device)]
            digits = [value_of(half) or "" for half in halves]
            if all(digits) and set("".join(digits)) != {"0"}:
                identity[name] = Reading(value=":".join(digits), source=f"pci:{device}")


def _bus_id(answers: Answers) -> Text:
    given = answers.get("board:nvmlDeviceGetPciInfo", to.item("busId", to.nvidia_bus_id))
    if isinstance(given, Absent) and answers.bus:
        return Reading(value=answers.bus, source="pci:functions")
    return given


def _mig_state(answers: Answers) -> bool | None:
    """Return whether MIG is on; None when that cannot be told."""
    mode = answers.get("board:nvmlDeviceGetMigMode", to.item(0, to.flag))
    if isinstance(mode, Reading):
        return mode.value
    return False if nvml_code(mode) in {NVML_NOT_SUPPORTED, NVML_FUNCTION_NOT_FOUND} else None


def _partition(answers: Answers, name: Text) -> Reading[Partition] | Absent:
    """Return what part of a GPU this is.

    Whole only if the driver says so twice: no MIG and no vGPU. A driver that knows neither question proves nothing.
    """
    mig = answers.get("board:nvmlDeviceGetMigMode", to.item(0, to.flag))
    mode = answers.get("board:nvmlDeviceGetVirtualizationMode", to.one_of(to.VIRTUALIZATION_MODES))
    if isinstance(mode, Reading) and mode.value == "vgpu":
        return Reading(value=Partition(kind="vgpu", profile=to.vgpu_type(value_of(name) or "")), source=mode.source)
    if _mig_state(answers) is True:
        return Reading(value=Partition(kind="mig"), source=mig.source)
    if _mig_state(answers) is None:
        return mig if isinstance(mig, Absent) else NOT_ASKED
    if isinstance(mode, Reading):
        return Reading(value=Partition(kind="none"), source=mode.source)
    if isinstance(mig, Reading) and nvml_code(mode) in {NVML_NOT_SUPPORTED, NVML_FUNCTION_NOT_FOUND}:
        return Reading(value=Partition(kind="none"), source=mig.source)
    return mode


def _memory(answers: Answers) -> Int:
    """Return total memory in bytes. Where NVML has no such answer (unified memory, no NVML), libcuda's total."""
    told = answers.best(MEMORY_TOTAL)
    if isinstance(told, Reading):
        return told
    if told.why == "not_supported" or isinstance(nvml_count(answers.survey), Absent):
        shown = answers.get("cuda:cuDeviceTotalMem", to.positive)
        return shown if isinstance(shown, Reading) else told
    return told


def _sm_count(answers: Answers, identity: dict[str, Any]) -> Int:
    """Return the number of SMs: libcuda's, else CUDA cores over cores per SM of a known compute capability."""
    told = answers.get("cuda:MULTIPROCESSOR_COUNT", to.positive)
    cores, capability = identity["core_count"], value_of(identity["compute_capability"])
    if isinstance(told, Reading) or isinstance(cores, Absent) or capability is None:
        return told
    major, minor = capability.split(".")
    per_sm = to.CORES_PER_SM.get((int(major), int(minor)))
    if per_sm is None or cores.value % per_sm:
        return told
    return Reading(value=cores.value // per_sm, source=f"{cores.source}/{per_sm}")


def _visible(answers: Answers) -> bool:
    """Return false when libcuda, told by CUDA_VISIBLE_DEVICES what to show, does not show this device."""
    survey = answers.survey
    if answers.cuda is not None or survey.values.get("cuda:visible_devices") is None:
        return True
    shown = cuda_count(survey)
    if isinstance(shown, Absent):
        return True
    return any(f"cuda:{index}:cuDeviceGetUuid" not in survey.values for index in range(min(shown.value, _MAX_DEVICES)))


def _retired_pages(answers: Answers) -> Int:
    """Return the number of retired pages, both causes together. Source: ``nvmlDeviceGetRetiredPages`` (before Ampere)."""
    found = [answers.get(f"board:nvmlDeviceGetRetiredPages[{cause}]", to.length) for cause in (0, 1)]
    for count in found:
        if isinstance(count, Absent):
            return count
    return Reading(value=sum(value_of(count) or 0 for count in found), source="nvml:nvmlDeviceGetRetiredPages")


def _processes(answers: Answers) -> Reading[tuple[Process, ...]] | Absent:
    """Return the processes on a device; graphics ones only where the compute list answers too."""
    found: list[Process] = []
    for kind, call in _PROCESS_KINDS.items():
        listed = answers.get(f"nvml:{call}", to.dicts)
        if isinstance(listed, Absent):
            if kind == "compute":
                return listed
            continue
        for entry in listed.value:
            pid = to.number(entry.get("pid"))
            if pid is not None:
                name = value_of(answers.get(f"nvml:nvmlSystemGetProcessName[{pid}]", to.text)) or ""
                used = to.number(entry.get("usedGpuMemory"))
                found.append(Process(pid=pid, kind=kind, name=name, memory_bytes=used))
    return Reading(value=tuple(found), source="nvml:nvmlDeviceGetComputeRunningProcesses")


__all__ = ["nvidia_components", "nvidia_device_count", "nvidia_devices", "nvml_failure"]
