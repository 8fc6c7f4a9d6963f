"""Knows where in a survey the answers about one NVIDIA device lie, and how the four sources are joined.

NVML counts in its own order, libcuda in the order of ``CUDA_VISIBLE_DEVICES``, sysfs by PCI address: devices are
joined by UUID or bus id, never by index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.probes import nvidia_convert as to
from parity.probes.answers import reading, reason
from parity.probes.cuda_decode import cuda_count, cuda_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.probes.nvml_tables import Sources
    from parity.probes.supervise import Survey

T = TypeVar("T")
_CODE = re.compile(r"NVML error (\d+)")
NVML_NOT_SUPPORTED = 3
NOT_IN_THIS_DRIVER = frozenset({3, 13})  # NOT_SUPPORTED, FUNCTION_NOT_FOUND


def nvml_count(survey: Survey) -> Reading[int] | Absent:
    """Return how many GPUs NVML counts, those this process may not open included.

    By hand: ``nvidia-smi --list-gpus | wc -l``
    """
    count = reading(survey, "nvml:nvmlDeviceGetCount", to.number)
    return nvml_failure(survey) if count == NOT_ASKED else count


def nvml_failure(survey: Survey) -> Absent:
    """Return why NVML as a whole gave no answer."""
    return reason(survey, "nvml:*", "nvml:init", "nvml:import")


def pci_functions(survey: Survey) -> tuple[str, ...]:
    """Return the bus ids of NVIDIA's GPU functions in PCI sysfs."""
    found = survey.values.get("pci:functions")
    listed = found if isinstance(found, list) else []
    return tuple(where for where in listed if isinstance(where, str) and to.nvidia_bus_id(where) == where)


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
        return self._group(library, call) if found == NOT_ASKED else found

    def best(self, sources: Sources) -> Reading[Any] | Absent:
        """Return the first reading of several sources; when there is none, the first source's reason."""
        told: Absent = NOT_ASKED
        for source, convert in sources:
            found = self.get(source, convert)
            if isinstance(found, Reading):
                return found
            told = found if told == NOT_ASKED else told
        return told

    def nvml_code(self, call: str) -> int | None:
        """Return the driver's own error code of one call about the GPU; None when the driver gave none."""
        _, detail = self.survey.reasons.get(f"{self.board}{call}", ("", ""))
        found = _CODE.match(detail)
        return int(found[1]) if found else None

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

    def _group(self, library: str, call: str) -> Absent:
        """Return why a whole group of answers is missing."""
        if library in {"nvml", "board", "system"}:
            whole_call = f"{self.nvml if library == 'nvml' else self.board}{call.partition('[')[0]}"
            handle = f"{self.board}nvmlDeviceGetHandleByIndex"
            found = reason(self.survey, whole_call, f"{self.board}*", handle)
            return nvml_failure(self.survey) if found == NOT_ASKED else found
        if library == "cuda":
            if self.cuda is None and isinstance(cuda_count(self.survey), Reading):
                return Absent(
                    why="not_supported", source="cuda:cuDeviceGetCount", detail="libcuda does not show this device"
                )
            return cuda_failure(self.survey)
        return reason(self.survey, "pci:functions")

    def _proc(self, name: str, convert: Callable[[Any], T | None]) -> Reading[T] | Absent:
        """Return one line of ``/proc/driver/nvidia/gpus/<bus id>/information``."""
        if not self.bus:
            return NOT_ASKED

        def line(raw: Any) -> T | None:
            pairs = (row.partition(":") for row in raw.splitlines())
            return convert({key.strip(): value.strip() for key, _, value in pairs}[name])

        return reading(self.survey, f"proc:{self.bus}:information", line)
