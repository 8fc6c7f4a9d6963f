"""Knows what a reader of an NVIDIA fingerprint should be told besides the values: what failed and what is unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.model.absent import Absent, value_of
from parity.model.fingerprint import Note
from parity.probes import nvidia_convert as to
from parity.probes.answers import reading, source_of
from parity.probes.nvidia_answers import nvml_count, nvml_failure, pci_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.probes.supervise import Survey

_HANDLE = "nvmlDeviceGetHandleByIndex"
_DEVICE_KEY = re.compile(r"nvml:(\d+):(?!mig\d)")
_SHOWN_CALLS = 4
_ENDS = ("gave no answer", "was stopped", "was killed by", "ended with status", "wrote more than")  # supervise's words


def nvidia_notes(survey: Survey) -> tuple[Note, ...]:
    """Return the notes of one survey, in the order in which they matter; ``survey.problems`` are the caller's."""
    return (
        *_unusable(survey),
        *_unopened(survey),
        *_half_lost(survey),
        *_unanswered(survey),
        *_unseen(survey),
        *_offsets(survey),
    )


def _unusable(survey: Survey) -> Iterator[Note]:
    """NVML as a whole, or libcuda as a whole, gave no answer."""
    failure = nvml_failure(survey)
    if isinstance(nvml_count(survey), Absent) and failure.why != "not_asked":
        yield Note(source=failure.source, text=f"NVML cannot be used: {failure.detail}", why=failure.why)
    for key in ("cuda:library", "cuda:init"):
        if key in survey.reasons and pci_functions(survey):
            why, detail = survey.reasons[key]
            yield Note(source=key, text=f"libcuda cannot be used: {detail}", why=why)


def _unopened(survey: Survey) -> Iterator[Note]:
    """A GPU is counted but its handle is refused: a container's cgroup, or a GPU that is gone."""
    for index in range(min(value_of(nvml_count(survey)) or 0, 256)):
        key = f"nvml:{index}:{_HANDLE}"
        if key in survey.reasons and key not in survey.values:
            why, detail = survey.reasons[key]
            yield Note(source=source_of(key), text=f"GPU {index} is counted but cannot be opened: {detail}", why=why)


def _half_lost(survey: Survey) -> Iterator[Note]:
    """A GPU says lost to some calls and still answers others from the driver's memory."""
    lost: dict[int, list[str]] = {}
    for key, (why, _) in survey.reasons.items():
        found = _DEVICE_KEY.match(key)
        if found and why == "lost" and not key.endswith(_HANDLE):
            lost.setdefault(int(found[1]), []).append(key)
    for index, keys in sorted(lost.items()):
        name = value_of(reading(survey, f"nvml:{index}:nvmlDeviceGetName", to.text))
        named = f"GPU {index} ({name})" if name else f"GPU {index}"
        yield Note(
            source=source_of(keys[0]),
            text=f"{named} is lost or needs a reset: {len(keys)} calls say so ({_listed(keys)}); "
            "what it still answers may be stale",
            why="lost",
        )


def _unanswered(survey: Survey) -> Iterator[Note]:
    """Calls that hung or killed the probe process, and what was left unasked because of them."""
    for key, (why, detail) in survey.reasons.items():
        if detail.startswith(_ENDS):
            yield Note(source=source_of(key), text=f"{key}: the probe process {detail}", why=why)
        elif key.endswith(":*"):
            yield Note(source=source_of(key), text=f"{key[:-2]}: {detail}", why=why)


def _unseen(survey: Survey) -> Iterator[Note]:
    """PCI shows a GPU that NVML does not count: excluded, bound to another driver, or handed to a virtual machine."""
    count = nvml_count(survey)
    if isinstance(count, Absent):
        return
    seen = set()
    for index in range(min(count.value, 256)):
        info = reading(survey, f"nvml:{index}:nvmlDeviceGetPciInfo", to.item("busId", to.nvidia_bus_id))
        if isinstance(info, Absent):
            return  # it may be the very one
        seen.add(info.value)
    for bus in pci_functions(survey):
        if bus not in seen:
            device = value_of(reading(survey, f"pci:{bus}:device", to.hex_digits)) or "????"
            text = f"PCI shows a GPU (10de:{device} at {bus}) that NVML does not"
            yield Note(source="pci:functions", text=text, why="not_supported")


def _offsets(survey: Survey) -> Iterator[Note]:
    """A clock offset makes this board faster or slower than the part."""
    for key, value in survey.values.items():
        found = re.fullmatch(r"nvml:(\d+):nvmlDeviceGetClockOffsets\[(\d)\]", key)
        if found and isinstance(value, list) and value and type(value[0]) is int and value[0]:
            domain = "memory" if found[2] == "2" else "graphics"
            text = f"GPU {found[1]} runs with a {domain} clock offset of {value[0]:+d} MHz"
            yield Note(source=source_of(key), text=text)


def _listed(keys: list[str]) -> str:
    calls = [source_of(key).partition(":")[2] for key in keys]
    more = "" if len(calls) <= _SHOWN_CALLS else ", ..."
    return ", ".join(calls[:_SHOWN_CALLS]) + more
