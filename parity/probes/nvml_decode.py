"""Knows how the raw answers of the NVIDIA survey become devices, links, components and notes. Pure."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Absent, Reading, value_of
from parity.model.device import Device, DeviceConditions, DeviceIdentity, Int, Locator, Process, Text
from parity.model.partition import Partition
from parity.probes import nvidia_convert as to
from parity.probes.answers import first, reading
from parity.probes.cuda_decode import cuda_count, cuda_index, shown_indices
from parity.probes.nvidia_answers import NOT_IN_THIS_DRIVER, Answers, nvml_count, pci_functions
from parity.probes.nvidia_links import end, link_facts, pair_link
from parity.probes.nvidia_notes import nvidia_notes
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

    from parity.model.fingerprint import Link
    from parity.probes.nvml_tables import Sources
    from parity.probes.supervise import Survey

_CUDA_NO_DEVICE = "CUDA error 100:"
_MAX_DEVICES, _MAX_SLICES = 256, 16
_VENDOR = Reading(value="nvidia", source="nvidia")
_NOT_A_SLICES = Absent(
    why="not_supported", source="nvml:nvmlDeviceGetMigDeviceHandleByIndex", detail="a MIG slice has none of its own"
)
_COMPUTE_LIST = "nvmlDeviceGetComputeRunningProcesses"
_PROCESS_LISTS = {
    _COMPUTE_LIST: "compute",
    "nvmlDeviceGetMPSComputeRunningProcesses": "compute",
    "nvmlDeviceGetGraphicsRunningProcesses": "graphics",
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

    Where NVML gives no answer at all, the GPUs that PCI sysfs and libcuda show, with the reason in every field that
    only NVML fills. ``Locator.index`` is NVML's index; behind a GPU that is cut it moves on by its slices.
    """
    if isinstance(nvml_count(survey), Absent):
        return tuple(_device(answers, index) for index, answers in enumerate(_without_nvml(survey)))
    devices: list[Device] = []
    for place, _, prefix in _opened(survey):
        cut = _slices(survey, prefix)
        devices += [_slice(survey, prefix, part, place + offset) for offset, part in enumerate(cut)]
        if not cut:
            devices.append(_device(_answers(survey, prefix), place))
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


def nvidia_links(survey: Survey) -> tuple[Link, ...]:
    """Return the best path of each pair of whole GPUs. MIG slices have none.

    By hand: ``nvidia-smi topo -m``
    """
    ends = [
        end(_answers(survey, prefix), nvml=index, place=place)
        for place, index, prefix in _opened(survey)
        if not _slices(survey, prefix)
    ]
    found = (pair_link(survey, one, other) for one, other in itertools.combinations(ends, 2))
    return tuple(link for link in found if link is not None)


def _opened(survey: Survey) -> Iterator[tuple[int, int, str]]:
    """Yield place among the devices, NVML index and key prefix of each GPU whose handle was not refused.

    A GPU whose turn never came, because NVML was given up before, is there with nothing but the reason.
    """
    shift = 0
    for index in range(min(value_of(nvml_count(survey)) or 0, _MAX_DEVICES)):
        prefix = f"nvml:{index}:"
        handle = f"{prefix}nvmlDeviceGetHandleByIndex"
        if handle in survey.values or (handle not in survey.reasons and "nvml:*" in survey.reasons):
            yield index + shift, index, prefix
            shift += max(len(_slices(survey, prefix)) - 1, 0)


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
    for where in pci_functions(survey):
        uuid = value_of(Answers(survey, bus=where).get("proc:GPU UUID", to.uuid))
        cuda = cuda_index(survey, uuid=uuid, bus=where)
        joined.add(cuda)
        yield Answers(survey, bus=where, cuda=cuda)
    for index in shown_indices(survey):
        if index not in joined and f"cuda:{index}:cuDeviceGet" in survey.values:
            bus = value_of(reading(survey, f"cuda:{index}:cuDeviceGetPCIBusId", to.nvidia_bus_id))
            yield Answers(survey, bus=bus, cuda=index)


def _device(answers: Answers, index: int) -> Device:
    """Return a whole GPU, or one whose slices cannot be read."""
    links, link_state = link_facts(answers)
    identity = {**_filled(answers, WHOLE_IDENTITY), **_filled(answers, BOARD_IDENTITY), **links}
    identity["memory_bytes"] = _memory(answers)
    identity["sm_count"] = _sm_count(answers, identity)
    identity["partition"] = _partition(answers, identity["name"])
    _fill_pci(answers, identity)
    if _mig_state(answers) is True:
        whole = Absent(
            why="not_supported",
            source="nvml:nvmlDeviceGetMigMode",
            detail="MIG is on and no slice can be read: the whole GPU's size is nobody's",
        )
        identity.update(dict.fromkeys(SIZE_FIELDS, whole))
    return Device(
        locator=Locator(
            index=index,
            visible=_visible(answers, known=answers.board is not None and _mig_state(answers) is False),
            uuid=first(answers.get("nvml:nvmlDeviceGetUUID", to.uuid), answers.get("proc:GPU UUID", to.uuid)),
            serial=answers.get("nvml:nvmlDeviceGetSerial", to.text),
            pci_bus_id=_bus_id(answers),
        ),
        identity=DeviceIdentity(vendor=_VENDOR, **identity),
        conditions=DeviceConditions(**_conditions(answers), **_filled(answers, WHOLE_CONDITIONS), **link_state),
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
    whole_only = (*WHOLE_IDENTITY, "link_type", "link_count", "link_bandwidth_gbps")
    identity: dict[str, Any] = dict.fromkeys(whole_only, _NOT_A_SLICES)
    identity.update(_filled(answers, BOARD_IDENTITY))
    _fill_pci(answers, identity)
    identity["name"] = name
    identity["memory_bus_width_bits"] = answers.get("cuda:GLOBAL_MEMORY_BUS_WIDTH", to.positive)
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
            visible=_visible(answers, known=isinstance(uuid, Reading)),
            uuid=uuid,
            serial=parent.get("nvml:nvmlDeviceGetSerial", to.text),
            pci_bus_id=_bus_id(answers),
            parent_uuid=parent.get("nvml:nvmlDeviceGetUUID", to.uuid),
        ),
        identity=DeviceIdentity(vendor=_VENDOR, **identity),
        conditions=DeviceConditions(
            **_conditions(answers),
            **dict.fromkeys((*WHOLE_CONDITIONS, "link_active_count", "link_errors"), _NOT_A_SLICES),
        ),
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
        ("pci_device_id", "vendor", "device"),
        ("pci_subsystem_id", "subsystem_vendor", "subsystem_device"),
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
    return False if answers.nvml_code("nvmlDeviceGetMigMode") in NOT_IN_THIS_DRIVER else None


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
    if isinstance(mig, Reading) and answers.nvml_code("nvmlDeviceGetVirtualizationMode") in NOT_IN_THIS_DRIVER:
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


def _visible(answers: Answers, *, known: bool) -> bool:
    """Return false when CUDA_VISIBLE_DEVICES is set and libcuda, which obeys it, does not show this device.

    Args:
        answers: of the device.
        known: whether the device has something to know it by on libcuda's side.
    """
    survey = answers.survey
    if answers.cuda is not None or survey.values.get("cuda:visible_devices") is None or not known:
        return True
    shown = cuda_count(survey)
    if isinstance(shown, Absent):
        return not shown.detail.startswith(_CUDA_NO_DEVICE)
    return any(f"cuda:{index}:cuDeviceGetUuid" not in survey.values for index in shown_indices(survey))


def _retired_pages(answers: Answers) -> Int:
    """Return the number of retired pages (before Ampere), both causes together."""
    found = [answers.get(f"board:nvmlDeviceGetRetiredPages[{cause}]", to.length) for cause in (0, 1)]
    for count in found:
        if isinstance(count, Absent):
            return count
    return Reading(value=sum(value_of(count) or 0 for count in found), source="nvml:nvmlDeviceGetRetiredPages")


def _processes(answers: Answers) -> Reading[tuple[Process, ...]] | Absent:
    """Return the processes on a device, by all lists; a list that fails may hide one, a list that is not there cannot.

    By hand: ``nvidia-smi --query-compute-apps=pid,name,used_memory --format=csv``
    """
    found: list[Process] = []
    for call, kind in _PROCESS_LISTS.items():
        listed = answers.get(f"nvml:{call}", to.processes)
        if isinstance(listed, Reading):
            for pid, used in listed.value:
                if kind == "graphics" or pid not in {process.pid for process in found}:
                    name = value_of(answers.get(f"nvml:nvmlSystemGetProcessName[{pid}]", to.text)) or ""
                    found.append(Process(pid=pid, kind=kind, name=name, memory_bytes=used))
        elif call == _COMPUTE_LIST or listed.why not in ("not_supported", "not_asked"):
            return listed
    return Reading(value=tuple(found), source=f"nvml:{_COMPUTE_LIST}")


__all__ = ["nvidia_components", "nvidia_device_count", "nvidia_devices", "nvidia_links", "nvidia_notes"]
