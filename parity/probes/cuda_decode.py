"""Knows what libcuda's answers mean: which of its devices is which GPU, and in what order it counts. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.probes import nvidia_convert as to
from parity.probes.answers import reading, reason

if TYPE_CHECKING:
    from parity.probes.supervise import Survey

_MAX_DEVICES = 1024


def cuda_count(survey: Survey) -> Reading[int] | Absent:
    """Return how many devices libcuda shows this process."""
    count = reading(survey, "cuda:cuDeviceGetCount", to.number)
    return cuda_failure(survey) if count == NOT_ASKED else count


def cuda_failure(survey: Survey) -> Absent:
    """Return why libcuda as a whole gave no answer."""
    return reason(survey, "cuda:library", "cuda:init")


def shown_indices(survey: Survey) -> range:
    """Return libcuda's indices of the devices it shows."""
    count = cuda_count(survey)
    return range(min(count.value, _MAX_DEVICES) if isinstance(count, Reading) else 0)


def cuda_order(survey: Survey) -> tuple[str, ...] | None:
    """Return PCI bus ids in the order in which the CUDA runtime counts, None when it was not asked or not unrestricted.

    Fastest first unless ``CUDA_DEVICE_ORDER=PCI_BUS_ID``: the order that numbers in ``CUDA_VISIBLE_DEVICES`` mean.
    """
    if survey.values.get("cuda:visible_devices") is not None:
        return None
    order = [reading(survey, f"cuda:{index}:cuDeviceGetPCIBusId", to.nvidia_bus_id) for index in shown_indices(survey)]
    told = tuple(bus.value for bus in order if isinstance(bus, Reading))
    return told if told and len(told) == len(order) else None


def flat(value: str | None) -> str:
    """Return a UUID's hex digits, without prefix and dashes: NVML and libcuda spell them differently."""
    return re.sub(r"^(GPU|MIG)-", "", value or "").replace("-", "").lower()


def cuda_index(survey: Survey, *, uuid: str | None, bus: str | None) -> int | None:
    """Return libcuda's index of a device, None when it shows no such device.

    Args:
        survey: all answers.
        uuid: NVML's, of the GPU or the slice; decides when both sides have one.
        bus: its bus id; None for a slice and a GPU that is cut, whose bus id is that of its slices too.
    """
    for index in shown_indices(survey):
        theirs = survey.values.get(f"cuda:{index}:cuDeviceGetUuid")
        if uuid and isinstance(theirs, str) and theirs:
            if flat(uuid) == flat(theirs):
                return index
        elif bus and survey.values.get(f"cuda:{index}:cuDeviceGetPCIBusId") == bus:
            return index
    return None
