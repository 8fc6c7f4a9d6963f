"""Knows where in a survey the answers about one NVIDIA device lie, and how the four sources are joined.

NVML counts in its own order, libcuda in the order of ``CUDA_VISIBLE_DEVICES``, sysfs by PCI address: devices are joined by UUID or
bus id, never by index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.probes import nvidia_convert as to
from parity.probes.answers import reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.probes.nvml_tables import Sources
    from parity.probes.supervise import Survey

T = TypeVar("T")
_CODE = re.compile(r"NVML error (\d+)")
NVML_NOT_SUPPORTED, NVML_FUNCTION_NOT_FOUND = 3, 13


def nvml_count(survey: Survey) -> Reading[int] | Absent:
    """Return how many GPUs NVML counts, those this process may not open included.

    By hand: ``nvidia-smi --list-gpus | wc -l``
    """
    count = reading(survey, "nvml:nvmlDeviceGetCount", to.number)
    return nvml_failure(survey) if count == NOT_ASKED else count


def nvml_failure(survey: Survey) -> Absent:
    """Return why NVML as a whole gave no answer."""
    for key in ("nvml:*", "nvml:init", "nvml:import"):
        if key in survey.reasons:
            found = reading(survey, key, lambda _: None)
            if isinstance(found, Absent):
                return found
    return NOT_ASKED


def nvml_code(observed: Reading[Any] | Absent) -> int | None:
    """Return the driver's own error code of an absence; None when something else than the driver said it."""
    if isinstance(observed, Reading):
        return None
    found = _CODE.match(observed.detail)
    return int(found[1]) if found else None


def cuda_count(survey: Survey) -> Reading[int] | Absent:
    """Return how many devices libcuda shows this process."""
    count = reading(survey, "cuda:cuDeviceGetCount", to.number)
    return cuda_failure(survey) if count == NOT_ASKED else count


def cuda_failure(survey: Survey) -> Absent:
    """Return why libcuda as a whole gave no answer."""
    for key in ("cuda:library", "cuda:init"):
        if key in survey.reasons:
            found = reading(survey, key, lambda _: None)
            if isinstance(found, Absent):
                return found
    return NOT_ASKED


def pci_functions(survey: Survey) -> tuple[str, ...]:
    """Return the bus ids of NVIDIA's GPU functions in PCI sysfs."""
    found = survey.values.get("pci:functions")
    listed = found if isinstance(found, list) else []
    return tuple(where for where in listed if isinstance(where, str) and to.nvidia_bus_id(where) == where)


def flat(value: str | None) -> str:
    """Return a UUID's hex digits, without prefix and dashes: NVML and libcuda spell them differently."""
    return re.sub(r"^(GPU|MIG)-", "", value or "").replace("-", "").lower()


@dataclass(frozen=True)
class Answers:
    """The answers about one device.

    Attributes:
        survey: all answers.
        nvml: prefix of the device's own NVML calls, ``nvml:0:`` or ``nvml:0:mig1:``; None when NVML does not know it.
        board: prefix of the GPU's NVML calls; the same as ``nvml`` when the device is whole.
        cuda: libcuda's index of the device; None when libcuda does not show it.
        bus: its PCI bus id, if known.
    """

    survey: Survey
    nvml: str | None = None
    board: str | None = None
    cuda: int | None = None
    bus: str | None = None

    def get(self, source: str, convert: Callable[[Any], T | None]) -> Reading[T] | Absent:
        """Return the answer of one source of ``nvml_tables``, or why there is none."""
        library, _, call = source.partition(":")
        if library == "proc":
            return self._proc(call, convert)
        key = self._key(library, call)
        found = reading(self.survey, key, convert) if key else NOT_ASKED
        return self._group(library) if found == NOT_ASKED else found

    def best(self, sources: Sources) -> Reading[Any] | Absent:
        """Return the first reading of several sources; when there is none, the first source's reason."""
        told: Absent = NOT_ASKED
        for source, convert in sources:
            found = self.get(source, convert)
            if isinstance(found, Reading):
                return found
            told = found if told == NOT_ASKED else told
        return told

    def _key(self, library: str, call: str) -> str | None:
        if library == "nvml" and self.nvml:
            return self.nvml + call
        if library == "board" and self.board:
            return self.board + call
        if library == "system":
            return f"nvml:{call}"
        if library == "cuda" and self.cuda is not None:
            return f"cuda:{self.cuda}:{call}"
        if library == "pci" and self.bus:
            return f"pci:{self.bus}:{call}"
        return None

    def _group(self, library: str) -> Absent:
        """Return why a whole group of answers is missing."""
        if library in {"nvml", "board", "system"}:
            for key in (f"{self.board}*", f"{self.board}nvmlDeviceGetHandleByIndex"):
                if key in self.survey.reasons:
                    found = reading(self.survey, key, lambda _: None)
                    if isinstance(found, Absent):
                        return found
            return nvml_failure(self.survey)
        if library == "cuda":
            if self.cuda is None and isinstance(cuda_count(self.survey), Reading):
                return Absent(
                    why="not_supported", source="cuda:cuDeviceGetCount", detail="libcuda does not show this device"
                )
            return cuda_failure(self.survey)
        listed = reading(self.survey, "pci:functions", lambda _: None) if "pci:functions" in self.survey.reasons else NOT_ASKED
        return listed if isinstance(listed, Absent) else NOT_ASKED

    def _proc(self, name: str, convert: Callable[[Any], T | None]) -> Reading[T] | Absent:
        """Return one line of ``/proc/driver/nvidia/gpus/<bus id>/information``."""
        if not self.bus:
            return NOT_ASKED

        def line(raw: Any) -> T | None:
            pairs = (row.partition(":") for row in raw.splitlines())
            return convert({key.strip(): value.strip() for key, _, value in pairs}[name])

        return reading(self.survey, f"proc:{self.bus}:information", line)


def cuda_index(survey: Survey, *, uuid: str | None, bus: str | None) -> int | None:
    """Return libcuda's index of a device, None when it shows no such device.

    Args:
        survey: all answers.
        uuid: NVML's, of the GPU or the slice; decides when both sides have one.
        bus: its bus id; None for a slice and a GPU that is cut, whose bus id is that of its slices too.
    """
    count = survey.values.get("cuda:cuDeviceGetCount")
    for index in range(count if type(count) is int and 0 <= count <= 1024 else 0):
        theirs = survey.values.get(f"cuda:{index}:cuDeviceGetUuid")
        if uuid and isinstance(theirs, str) and theirs:
            if flat(uuid) == flat(theirs):
                return index
        elif bus and survey.values.get(f"cuda:{index}:cuDeviceGetPCIBusId") == bus:
            return index
    return None
