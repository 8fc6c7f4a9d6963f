"""Knows the NVLinks of a device and the best path between each pair of devices."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Absent, Reading, value_of
from parity.model.fingerprint import Link
from parity.probes import nvidia_convert as to
from parity.probes.answers import first, reading
from parity.probes.nvidia_answers import NVML_NOT_SUPPORTED, Answers

if TYPE_CHECKING:
    from parity.model.device import Flag, Float, Int, Text
    from parity.probes.supervise import Survey

_MAX_LINKS = 36
_STATE = "nvmlDeviceGetNvLinkState"
_FIELD = "nvmlDeviceGetFieldValues"
_PEERS = 0  # NVML_P2P_STATUS_OK
_GPU, _SWITCH = 0, 2  # nvmlIntNvLinkDeviceType_t
_ERROR_TOTALS = (38, 45, 52, 59)  # CRC flit, CRC data, replay, recovery, all links together
_ERRORS_OF_LINK = (161, 162, 163)  # replay, recovery, CRC; Hopper


def link_facts(answers: Answers) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the NVLink fields of identity and of conditions.

    By hand: ``nvidia-smi nvlink -s``, ``nvidia-smi nvlink -e``
    """
    states = [answers.get(f"nvml:{_STATE}[{link}]", to.flag) for link in range(_link_end(answers))]
    count = _count(answers, states)
    speed = _speed_mbps(answers, states)
    bandwidth: Float = speed if isinstance(speed, Absent) else NOT_ASKED
    if isinstance(count, Absent):
        bandwidth = count
    elif isinstance(speed, Reading):
        # MB/s of one link in one direction.
        bandwidth = Reading(value=count.value * speed.value * 2 / 1000, source=speed.source)
    identity = {"link_type": _type(count), "link_count": count, "link_bandwidth_gbps": bandwidth}
    return identity, {"link_active_count": _active(states, count), "link_errors": _errors(answers, states)}


def _link_end(answers: Answers) -> int:
    """Return one more than the last link that was asked for its state and is one."""
    for link in reversed(range(_MAX_LINKS)):
        key = f"{answers.nvml}{_STATE}[{link}]"
        if key in answers.survey.reasons or type(answers.survey.values.get(key)) is int:
            return link + 1
    return 0


def _count(answers: Answers, states: list[Flag]) -> Int:
    """Return how many NVLinks the device has, active or not; 0 when the driver says that it has none.

    Zero rests on the documented meaning of NOT_SUPPORTED at link 0, and only outside MIG and vGPU, which hide links
    that are there.
    """
    told = answers.get(f"nvml:{_FIELD}[91]", to.number)
    if isinstance(told, Reading):
        return told
    first_state = states[0] if states else answers.get(f"nvml:{_STATE}[0]", to.flag)
    ended = isinstance(answers.survey.values.get(f"{answers.nvml}{_STATE}[{len(states)}]"), str)
    if ended and all(isinstance(state, Reading) for state in states):
        return Reading(value=len(states), source=f"nvml:{_STATE}")
    if answers.nvml_code(f"{_STATE}[0]") == NVML_NOT_SUPPORTED and _bare(answers):
        return Reading(value=0, source=f"nvml:{_STATE}")
    return first_state if isinstance(first_state, Absent) else told


def _bare(answers: Answers) -> bool:
    mode = value_of(answers.get("nvml:nvmlDeviceGetVirtualizationMode", to.one_of(to.VIRTUALIZATION_MODES)))
    mig = value_of(answers.get("nvml:nvmlDeviceGetMigMode", to.item(0, to.flag)))
    return mode in {"none", "passthrough"} and not mig


def _type(count: Int) -> Text:
    if isinstance(count, Absent):
        return count
    return Reading(value="nvlink" if count.value else "none", source=count.source)


def _speed_mbps(answers: Answers, states: list[Flag]) -> Int:
    """Return the speed of one link in MB/s and one direction: the common one, else that of the links if they agree."""
    common = answers.get(f"nvml:{_FIELD}[90]", to.positive)
    each = [answers.get(f"nvml:{_FIELD}[164,{link}]", to.positive) for link in range(len(states))]
    values = {speed.value for speed in each if isinstance(speed, Reading)}
    if isinstance(common, Absent) and len(values) == 1:
        return Reading(value=values.pop(), source=f"nvml:{_FIELD}[164]")
    return common


def _active(states: list[Flag], count: Int) -> Int:
    """Return how many links are up; absent when one of them gave no answer."""
    if isinstance(count, Absent):
        return count
    if not count.value:
        return count
    for state in states:
        if isinstance(state, Absent):
            return state
    if not states:
        return NOT_ASKED
    return Reading(value=sum(1 for state in states if value_of(state)), source=f"nvml:{_STATE}")


def _errors(answers: Answers, states: list[Flag]) -> Int:
    """Return the NVLink errors of all links since the driver loaded, as far as the device counts them."""
    totals = [answers.get(f"nvml:{_FIELD}[{field}]", to.number) for field in _ERROR_TOTALS]
    each = [
        answers.get(f"nvml:{_FIELD}[{field},{link}]", to.number)
        for link in range(len(states))
        for field in _ERRORS_OF_LINK
    ]
    for counters in (totals, each):
        read = [counter for counter in counters if isinstance(counter, Reading)]
        if read:
            return Reading(value=sum(counter.value for counter in read), source=read[0].source)
    return first(*totals, *each)


@dataclass(frozen=True)
class End:
    """One whole GPU as the end of a path.

    Attributes:
        nvml: NVML's index.
        place: its index among the devices.
        bus: its PCI bus id.
        to_switch: active NVLinks that end at a switch.
        to_gpu: bus id -> active NVLinks that end at that GPU.
    """

    nvml: int
    place: int
    bus: str | None
    to_switch: int
    to_gpu: dict[str, int]


def end(answers: Answers, *, nvml: int, place: int) -> End:
    """Return where a GPU's active NVLinks lead.

    Source: ``nvmlDeviceGetNvLinkRemoteDeviceType``, ``nvmlDeviceGetNvLinkRemotePciInfo``.
    """
    to_gpu: Counter[str] = Counter()
    to_switch = 0
    for link in range(_link_end(answers)):
        if not value_of(answers.get(f"nvml:{_STATE}[{link}]", to.flag)):
            continue
        kind = value_of(answers.get(f"nvml:nvmlDeviceGetNvLinkRemoteDeviceType[{link}]", to.number))
        remote = answers.get(f"nvml:nvmlDeviceGetNvLinkRemotePciInfo[{link}]", to.item("busId", to.nvidia_bus_id))
        if kind == _SWITCH:
            to_switch += 1
        elif kind == _GPU and isinstance(remote, Reading):
            to_gpu[remote.value] += 1
    return End(nvml=nvml, place=place, bus=answers.bus, to_switch=to_switch, to_gpu=dict(to_gpu))


def pair_link(survey: Survey, one: End, other: End) -> Link | None:
    """Return the best path between two whole GPUs, None when nothing is known of it.

    Links that end at a switch reach every GPU behind it: the driver's own word on peer access over NVLink confirms it,
    or denies it. By hand: ``nvidia-smi topo -m``
    """
    a, b = sorted((one.nvml, other.nvml))
    places = sorted((one.place, other.place))
    peers = value_of(reading(survey, f"nvml:nvmlDeviceGetP2PStatus[{a},{b},2]", to.number))
    direct = min(one.to_gpu.get(other.bus or "", 0), other.to_gpu.get(one.bus or "", 0))
    switched = min(one.to_switch, other.to_switch) if peers == _PEERS else 0
    bonded = direct or switched
    if bonded:
        return Link(a=places[0], b=places[1], kind="nvlink", count=bonded, path=f"NV{bonded}")
    if peers == _PEERS:
        return Link(a=places[0], b=places[1], kind="nvlink")
    key = f"nvml:nvmlDeviceGetTopologyCommonAncestor[{a},{b}]"
    path = value_of(reading(survey, key, to.one_of(to.TOPOLOGY)))
    if path is None:
        return None
    return Link(a=places[0], b=places[1], kind="system" if path == "SYS" else "pcie", path=path)
